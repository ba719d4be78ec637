"""The tasks, in SQLite."""

import sqlite3
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from attrs import evolve, frozen
from twisted.internet.defer import Deferred
from zope.interface import implementer

from flamenco_mgr.domain.tasks import Command, Task
from flamenco_mgr.domain.updates import Transition
from flamenco_mgr.store.interfaces import Import, ITaskStore, SetAside, Standing
from flamenco_mgr.store.sqlite import task_reads, task_writes
from flamenco_mgr.store.sqlite.database import Database

_COUNTED_AT_ONCE = 2000


@implementer(ITaskStore)
@frozen(eq=False)
class SQLiteTaskStore:
    """Provides `ITaskStore`."""

    _database: Database

    def get(self, task_id: str) -> "Deferred[Task | None]":
        """See `ITaskStore.get`."""
        return self._database.read_one(task_id, task_reads.get, task_id)

    def commands(self, task_id: str) -> "Deferred[tuple[Command, ...]]":
        """See `ITaskStore.commands`."""
        return self._database.read_one(task_id, task_reads.commands, task_id)

    def held_by(self, worker_id: str) -> "Deferred[tuple[Task, ...]]":
        """See `ITaskStore.held_by`."""
        return self._database.read(task_reads.held_by, worker_id)

    def candidate(self, worker_id: str, task_types: Sequence[str], skip: Collection[str]) -> "Deferred[Task | None]":
        """See `ITaskStore.candidate`."""
        return self._database.glance(task_reads.candidate, worker_id, task_types, skip)

    def apply(self, transition: Transition) -> "Deferred[bool]":
        """See `ITaskStore.apply`."""
        # What follows from it for other tasks, where they wait, is not seen in them.
        return self._database.write_some((transition.after.id,), self._apply, transition)

    def _apply(self, connection: sqlite3.Connection, transition: Transition) -> bool:
        if not task_writes.apply(connection, self._database.tally, transition):
            return False
        after = transition.after
        self._database.leave(after.id, task_reads.get, evolve(after, revision=after.revision + 1))
        return True

    def standing(self, task_ids: Collection[str]) -> "Deferred[Mapping[str, Standing]]":
        """See `ITaskStore.standing`."""
        return self._database.read(task_reads.standing, task_ids)

    def take_in(self, imports: Sequence[Import]) -> "Deferred[frozenset[str]]":
        """See `ITaskStore.take_in`."""
        touches = [one.after.id for one in imports]
        return self._database.write_some(touches, task_writes.take_in, imports)

    def release(self, limit: int) -> "Deferred[int]":
        """See `ITaskStore.release`."""
        return self._database.write_some((), task_writes.release, limit)

    def set_aside(self, tasks: Sequence[SetAside]) -> "Deferred[None]":
        """See `ITaskStore.set_aside`."""
        return self._database.write(task_writes.set_aside, tasks)

    def aside(self) -> "Deferred[tuple[SetAside, ...]]":
        """See `ITaskStore.aside`."""
        return self._database.read(task_reads.aside)

    def missing(self, task_ids: Collection[str]) -> "Deferred[frozenset[str]]":
        """See `ITaskStore.missing`."""
        return self._database.read(task_reads.missing, task_ids)

    def stopping(self, limit: int) -> "Deferred[tuple[Task, ...]]":
        """See `ITaskStore.stopping`."""
        return self._database.read(task_reads.stopping, limit)

    async def counts(self) -> Mapping[str, int]:
        """See `ITaskStore.counts`; done in slices, between which requests are served."""
        counts: Counter[str] = Counter()
        last = await self._database.read(task_reads.last_number)
        for after in range(0, last, _COUNTED_AT_ONCE):
            upto = after + _COUNTED_AT_ONCE
            counts.update(dict(await self._database.read(task_reads.counts, after, upto)))
            await self._database.breathe()
        return counts

    def erase(self) -> "Deferred[int]":
        """See `ITaskStore.erase`."""
        return self._database.write(task_writes.erase)
