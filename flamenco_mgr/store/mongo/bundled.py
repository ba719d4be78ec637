"""The MongoDB that the original Manager ran itself when no ``database_url`` was set (configuration.md 8)."""

from collections.abc import Iterator
from pathlib import Path

_MARKS = ("WiredTiger", "storage.bson")
"""Files that MongoDB keeps in its directory, whatever its storage engine."""

_OURS = "flamenco.sqlite3"


def left_behind(directory: Path) -> Iterator[str]:
    """
    Yield a warning if the directory for the embedded store holds such a database, and no embedded store yet.

    Without it a farm would start from nothing, and nobody would know why.
    """
    if not (directory / _OURS).exists() and any((directory / mark).exists() for mark in _MARKS):
        yield (
            f"{directory} holds a MongoDB of the original Manager, which is not read: with an empty database_url the "
            "Manager begins with an empty store. To go on with the old one, run its mongod and set database_url"
        )
