"""What a store says when it cannot do what it was asked for."""


class StoreUnavailable(Exception):
    """The store cannot answer now (disk full, I/O error, not ready); try again later. Its text is for people."""


class StoreRefused(Exception):
    """The store cannot be opened as it is; its text is one line that says why and what to do."""


class LeaseLost(StoreUnavailable):
    """The duties that one Manager does for all are not ours now; the step that was to be done is not done."""
