"""What must be true of whatever is accepted: it can be stored in SQLite, and sent as JSON."""

import json
import sqlite3
from collections.abc import Awaitable
from typing import Any, TypeVar

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from flamenco_mgr.domain.ids import normal_id
from flamenco_mgr.domain.tasks import ServerTask, Task
from flamenco_mgr.domain.updates import TaskUpdate
from flamenco_mgr.store.interfaces import Import
from flamenco_mgr.store.sqlite import SQLiteStore
from flamenco_mgr.wire.server_json import batch
from flamenco_mgr.wire.strict_json import parsed
from flamenco_mgr.wire.worker_json import task_document

T = TypeVar("T")

_USES = 200


class Keeper:
    """Stores what was accepted in an embedded store in memory, and reads it again; now and then in a new one."""

    def __init__(self) -> None:
        self._left = 0

    @classmethod
    def on(cls, store: SQLiteStore, clock: Clock) -> "Keeper":
        """Return one that keeps everything in this store."""
        keeper = cls()
        keeper._in_use, keeper._clock, keeper._left = store, clock, -1
        return keeper

    def add(self, task: Task) -> None:
        """Let there be a task that a Worker may have."""
        store = self._store()
        self.result(store.tasks.take_in([Import(before=None, after=task, commands=())]))
        while self.result(store.tasks.release(100)):
            pass

    def _store(self) -> SQLiteStore:
        if not self._left:
            self._clock = Clock()
            self._in_use = SQLiteStore.in_memory(self._clock)
            self._left = _USES
        self._left -= 1
        return self._in_use

    def result(self, awaitable: "Awaitable[T]") -> T:
        """Return what the store gives, when it is durable."""

        async def awaited() -> T:
            return await awaitable

        done = Deferred.fromCoroutine(awaited())
        results: list[Any] = []
        _ = done.addBoth(results.append)
        while not results:
            self._clock.advance(0)
        if hasattr(results[0], "raiseException"):
            results[0].raiseException()
        found: T = results[0]
        return found

    def update(self, update: TaskUpdate) -> None:
        """Check that an update comes back from the queue as it was, and can be told to the Server."""
        store = self._store()
        self.result(store.updates.add(update))
        (queued,) = self.result(store.updates.oldest(0, 1 << 30))
        assert queued.update == update, f"stored {update}, read {queued.update}"
        self.result(store.updates.handled([queued]))
        assert isinstance(parsed(batch([(update, update.received_at)])), list)

    def task(self, described: ServerTask) -> None:
        """Check that a task comes back from the store as it was, and can be sent to a Worker."""
        store, task = self._store(), described.task
        before = self.result(store.tasks.get(task.id))
        after = task if before is None else evolve(task, revision=before.revision)
        moved_on = self.result(store.tasks.take_in([Import(before=before, after=after, commands=described.commands)]))
        assert not moved_on, moved_on
        stored = self.result(store.tasks.get(task.id))
        assert stored is not None, "it is not there"
        assert evolve(stored, revision=0) == evolve(task, revision=0), f"stored {task}, read {stored}"
        commands = self.result(store.tasks.commands(task.id))
        assert sent(task_document(stored, commands)) == sent(task_document(task, described.commands)), "commands differ"


def normal(text: str) -> None:
    """Check that an id is in its one spelling."""
    assert normal_id(text) == text, f"{text!r} is no normal id"


def sent(document: object) -> bytes:
    """Return a document as JSON that any strict reader takes."""
    return json.dumps(document, allow_nan=False).encode()


def storable(*texts: str) -> None:
    """Check that SQLite gives these texts back as they are, and that they are UTF-8 without a NUL."""
    for text in texts:
        assert "\0" not in text, f"{text!r} has a NUL"
        text.encode()
        assert _DATABASE.execute("SELECT ?", (text,)).fetchone() == (text,), f"{text!r} comes back as something else"


_DATABASE = sqlite3.connect(":memory:", isolation_level=None)
