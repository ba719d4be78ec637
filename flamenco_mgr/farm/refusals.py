"""Why something that an operator wants is not done."""


class NotHere(Exception):
    """What is asked about is not here; the text says what, for people."""


class NotPossible(Exception):
    """It is here, and yet cannot be done as things stand; the text says why, for people. Nothing was changed."""
