"""One process of the Manager: the real service, as twistd runs it, on a simulated machine."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, Final

from attrs import define, evolve, field
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock

from flamenco_mgr.domain.local_time import utc
from flamenco_mgr.service import ManagerService
from flamenco_mgr.settings import Settings
from flamenco_mgr.store.sqlite import SQLiteStore
from flamenco_mgr.store.sqlite.commits import commit
from flamenco_mgr.store.sqlite.opening import FILE
from flamenco_mgr.tap import Machine, manager_service
from flamenco_mgr.under_twistd import UnderTwistd
from tests.simulation.ahead import WriteAhead
from tests.simulation.reactor import SimulatedReactor

_LOG: Final = f"{FILE}-wal"
_INDEX: Final = f"{FILE}-shm"


class _Process(UnderTwistd):
    """What the service has instead of twistd: its end is noted, and ends nothing."""

    def __init__(self) -> None:
        super().__init__(None, daemon=False)
        self.gave_up = ""

    def give_up(self, reason: str) -> None:
        self.gave_up = reason


@define(eq=False, repr=False, kw_only=True)
class ManagerProcess:
    """
    Lives from `start` until it is stopped or killed; ``directory`` is its store's.

    ``committing`` is called with what carries out a COMMIT, and decides what comes of it.
    """

    reactor: SimulatedReactor
    directory: Path
    settings: Settings
    new_id: Callable[[], str]
    chance: Random
    committing: Callable[[Callable[[], None]], None]
    since: float
    service: ManagerService = field(init=False)
    process: _Process = field(init=False, factory=_Process)
    is_ready: bool = field(init=False, default=False)
    is_stopping: bool = field(init=False, default=False)
    _connection: sqlite3.Connection | None = field(init=False, default=None)
    _reading: sqlite3.Connection | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        machine = Machine(
            platform="linux",
            name="manager",
            offset=utc,
            steady=lambda: self.reactor.timeline.now,
            new_id=self.new_id,
            chance=self.chance,
            commit=self._commit,
            prepare=lambda: None,
            started=self._started,
            stopping=lambda hurry, reactor: None,  # noqa: ARG005 nobody sends signals here
        )
        settings = evolve(self.settings, database_path=self.directory)
        self.service = manager_service(settings, (), self.reactor, self.process, machine)

    @property
    def is_there(self) -> bool:
        """Whether its store can be looked at."""
        return (self.directory / _INDEX).exists()

    def start(self) -> None:
        """Start as twistd does; raises `StartError` if another process has the store."""
        self.service.privilegedStartService()
        self.service.startService()

    def stop(self) -> "Deferred[Any]":
        """Stop as upon SIGTERM; the result comes when the process has ended."""
        self.is_stopping = True
        return maybeDeferred(self.service.stopService)

    def abandon(self) -> None:
        """Close the files after an orderly end."""
        self.reactor.dead = True
        self._close()

    def kill(self, image: Path) -> None:
        """
        Be gone at once, with all that was not committed.

        What is in the files at this instant, the log of what was written ahead included, is the next one's.
        """
        self.reactor.dead = True
        image.mkdir()
        for name in (FILE, _LOG):
            if (self.directory / name).exists():
                shutil.copyfile(self.directory / name, image / name)
        self._close()
        shutil.rmtree(self.directory)

    def log(self) -> WriteAhead:
        """Return how long the log of what is written ahead is."""
        return WriteAhead.of(self.directory / FILE)

    def look(self) -> SQLiteStore:
        """Return the store as it is on the disk, for reading, beside the process."""
        if self._reading is None:
            uri = f"{(self.directory / FILE).absolute().as_uri()}?mode=ro"
            self._reading = sqlite3.connect(uri, uri=True, isolation_level=None, cached_statements=256)
        return SQLiteStore.on(self._reading, Clock())

    def _commit(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.committing(lambda: commit(connection))

    def _started(self) -> None:
        self.is_ready = True

    def _close(self) -> None:
        for connection in (self._reading, self._connection):
            if connection is not None:
                connection.close()
        self._reading = self._connection = None
