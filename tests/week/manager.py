"""One process of the Manager after the other, on the same store; and the line to its Server."""

import json
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from attrs import define, evolve, field
from twisted.internet.defer import Deferred, fail, maybeDeferred
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from flamenco_mgr.service import Farm
from flamenco_mgr.store.sqlite import SQLiteStore, schema
from flamenco_mgr.surroundings import Surroundings
from flamenco_mgr.web.site import WorkersSite
from flamenco_mgr.wiring import wire
from tests.streaming_treq import StreamingTreq
from tests.threads import at_once
from tests.week.plan import SETTINGS, offset

T = TypeVar("T")

_MOST_TURNS = 20_000


@define(eq=False)
class ServerLine:
    """The client towards the Server; ``told`` has all updates that reached it, in order."""

    _resource: Any
    is_cut: bool = field(init=False, default=False)
    told: list[dict[str, Any]] = field(init=False, factory=list)
    _treq: StreamingTreq = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Begin with no connection: what a process that is dead has asked is never answered."""
        self._treq = StreamingTreq(self._resource)

    def request(self, method: str, url: Any, **options: Any) -> Any:
        if self.is_cut:
            return fail(Refused())
        if method == "POST" and str(url.to_text()).endswith("/task-update-batch"):
            self.told += json.loads(options["data"])
        return self._treq.request(method, url, **options)

    def flush(self) -> None:
        self._treq.flush()


@define(eq=False, kw_only=True)
class StoredFarm:
    """The embedded store's database, which outlives the Manager's processes."""

    connection: sqlite3.Connection = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None, cached_statements=256)
        self.connection.execute("PRAGMA foreign_keys = ON")
        schema.upgrade(self.connection, schema.steps())

    def survive(self) -> None:
        """Lose what was not committed, as when a process dies."""
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")


@define(eq=False, kw_only=True)
class ManagerProcess:
    """
    A running Manager, which has a clock of its own: once that is not advanced any more, the process is dead.

    ``since`` is when it was started, ``logs`` where the logs of tasks are.
    """

    line: ServerLine
    stored: StoredFarm
    logs: Path
    new_id: Callable[[], str]
    chance: Random
    since: float
    clock: Clock = field(init=False, factory=Clock)
    store: SQLiteStore = field(init=False)
    site: WorkersSite = field(init=False)
    _farm: Farm = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.clock.advance(self.since)
        self.line.begin()
        self.store = SQLiteStore.on(self.stored.connection, self.clock)
        around = Surroundings(
            clock=self.clock,
            store=self.store,
            treq=self.line,
            in_thread=at_once,
            new_id=self.new_id,
            chance=self.chance,
            platform="linux",
            own_url="http://manager.invalid:8080/",
            offset=offset,
        )
        self._farm = wire(evolve(SETTINGS, task_logs_path=self.logs), around)
        self.site = WorkersSite(self._farm.workers_api, self.clock)

    def start(self) -> None:
        """Put the store in order and begin all duties."""
        self.result_of(self.store.repair())
        for duty in self._farm.duties:
            duty.startService()

    def stop(self) -> None:
        """End in an orderly way; the store stays open."""
        for stopping in [maybeDeferred(duty.stopService) for duty in self._farm.duties]:
            self.result_of(_awaited(stopping))
        self.result_of(self._farm.last_words())

    @property
    def is_busy(self) -> bool:
        """Whether something is to be done at once."""
        return bool(self.clock.calls) and self.clock.calls[0].getTime() <= self.clock.seconds()

    def turn(self) -> None:
        """Do what is to be done now."""
        self.clock.advance(0)
        self.line.flush()

    def result_of(self, awaitable: Awaitable[T]) -> T:
        """Return what something gives at once, or within a minute."""
        results: list[T | Failure] = []
        _ = Deferred.fromCoroutine(_awaited(awaitable)).addBoth(results.append)
        for turns in range(_MOST_TURNS):
            if results:
                break
            self.turn()
            if turns > 50 and not self.is_busy:  # something waits for time to pass
                self.clock.advance(0.25)
        (result,) = results
        if isinstance(result, Failure):
            result.raiseException()
        return result


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable
