"""What keeps a store from being copied, filled or examined; the texts are for people."""


class NotDone(Exception):
    """What was asked for is refused, or was given up; nothing was changed, unless the text says so."""


class BadBackup(NotDone):
    """The backup is cut, damaged, of another version, or none at all."""
