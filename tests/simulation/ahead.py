"""The log of what is written ahead: how long it is, and whether it is begun anew in time."""

import sys
from pathlib import Path
from typing import Final

from attrs import define, field, frozen

_LONG: Final = (4 << 20) // 4096
"""Pages with which the log is to be begun anew."""

_ANEW_WITHIN: Final = 10.0
"""Seconds within which that is to happen, if anything is written."""


@frozen(kw_only=True)
class WriteAhead:
    """How often the log was ``begun`` anew, and how many ``pages`` it has since then."""

    begun: int
    pages: int

    @classmethod
    def of(cls, store: Path) -> "WriteAhead":
        """
        Read it of a store that is open.

        The file of the log may be longer than what is valid of it, which is told by its head, and by that of the
        shared memory (sqlite.org/walformat.html).
        """
        try:
            begun = _part(store.with_name(f"{store.name}-wal"), 12)
            pages = _part(store.with_name(f"{store.name}-shm"), 16)
        except FileNotFoundError:
            return cls(begun=0, pages=0)
        return cls(begun=int.from_bytes(begun, "big"), pages=int.from_bytes(pages, sys.byteorder))


@define(eq=False)
class LogWatch:
    """
    Looks at a log once a second.

    How long it is then says nothing: in a simulated second any number of changes can be made.
    """

    _latest: WriteAhead = field(init=False, default=WriteAhead(begun=0, pages=0))
    _long_since: float | None = field(init=False, default=None)

    def look(self, found: WriteAhead, now: float) -> str:
        """Return what is wrong: the log goes on although it has been long for a while."""
        before, self._latest = self._latest, found
        if found.pages < _LONG or found.begun != before.begun:
            self._long_since = None
        elif self._long_since is None:
            self._long_since = now
        elif now - self._long_since > _ANEW_WITHIN and found.pages > before.pages:
            return f"the log of what is written ahead has {found.pages} pages, and is not begun anew"
        return ""


def _part(path: Path, start: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(4)
