"""Trouble with the disk, told once when it begins and once when it ends."""

import sqlite3
from typing import ClassVar

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from flamenco_mgr.store.interfaces import StoreUnavailable

OUR_MISTAKES = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.DataError)
"""Errors of SQLite's that tell of a mistake in the program, not of the disk."""

_QUIET = 5.0
"""Seconds without a failure after which the trouble is over: on a full disk a small change may succeed in between."""


@define(eq=False, kw_only=True)
class Trouble:
    """Remembers whether something fails at the moment; ``what`` says it: "be written"."""

    _log: ClassVar[Logger] = Logger()

    what: str
    clock: IReactorTime
    _latest: float | None = field(init=False, default=None)

    def met(self, error: sqlite3.Error) -> StoreUnavailable:
        """Note a failure, and return it in words for people."""
        if self._latest is None:
            self._log.critical("The embedded store cannot {what}: {error}", what=self.what, error=str(error))
        self._latest = self.clock.seconds()
        return StoreUnavailable(f"the embedded store cannot {self.what}: {error}")

    def worked(self) -> None:
        """Note a success."""
        if self._latest is not None and self.clock.seconds() - self._latest >= _QUIET:
            self._latest = None
            self._log.warn("The embedded store can {what} again", what=self.what)
