"""The tasks, in SQLite."""

import sqlite3
from collections.abc import Collection, Mapping, Sequence

from attrs import evolve, frozen
from twisted.internet.defer import Deferred
from zope.interface import implementer

from flamenco_mgr.domain.tasks import Command, Task
from flamenco_mgr.domain.updates import Transition
from flamenco_mgr.store.interfaces import FailedBefore, Import, ITaskStore, Page, Place, SetAside, Standing
from flamenco_mgr.store.sqlite import counts, failures, task_ends, task_reads, task_writes
from flamenco_mgr.store.sqlite.database import Database

_GROUPS_AT_ONCE = 200
"""Groups of tasks that were failed at."""


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

    def jobs_of(self, task_ids: Collection[str]) -> "Deferred[Mapping[str, str]]":
        """See `ITaskStore.jobs_of`."""
        return self._database.read(task_reads.jobs_of, task_ids)

    def held_by(self, worker_id: str) -> "Deferred[tuple[Task, ...]]":
        """See `ITaskStore.held_by`."""
        return self._database.read(task_reads.held_by, worker_id)

    def candidate(
        self, worker_id: str, task_types: Sequence[str], skip: Collection[str], banned_since: float
    ) -> "Deferred[Task | None]":
        """See `ITaskStore.candidate`."""
        return self._database.glance(task_reads.candidate, worker_id, task_types, skip, banned_since)

    def apply(self, transition: Transition) -> "Deferred[bool]":
        """See `ITaskStore.apply`."""
        # What follows from it for other tasks, where they wait, is not seen in them.
        return self._database.write_noting((transition.after.id,), self._apply, transition)

    def _apply(self, connection: sqlite3.Connection, transition: Transition) -> bool:
        if not task_writes.apply(connection, self._database.tally, self._database.ledger, transition):
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

    def failures(self, worker_id: str, job: str, task_type: str) -> "Deferred[int]":
        """See `ITaskStore.failures`."""
        return self._database.read(failures.count, worker_id, job, task_type)

    async def failed_before(self) -> Collection[FailedBefore]:
        """See `ITaskStore.failed_before`; done in slices, between which requests are served."""
        found: set[FailedBefore] = set()
        last = failures.FIRST
        while some := await self._database.read(failures.failed_before, last, _GROUPS_AT_ONCE):
            found.update(map(failures.group, some))
            last = some[-1]
            await self._database.breathe()
        return found

    def waiting(self, job: str, task_type: str, after: str, limit: int) -> "Deferred[tuple[Task, ...]]":
        """See `ITaskStore.waiting`."""
        return self._database.read(failures.waiting, job, task_type, after, limit)

    def active(self, after: str, limit: int) -> "Deferred[tuple[Task, ...]]":
        """See `ITaskStore.active`."""
        return self._database.read(task_ends.active, after, limit)

    def over(self, before: float, after: Place | None, limit: int) -> "Deferred[Page[Task]]":
        """See `ITaskStore.over`."""
        return self._database.read(task_ends.over, before, after, limit)

    def remove(self, tasks: Sequence[Task]) -> "Deferred[frozenset[str]]":
        """See `ITaskStore.remove`."""
        return self._database.write_some([task.id for task in tasks], task_ends.remove, tasks)

    def counts(self) -> "Deferred[Mapping[str, int]]":
        """See `ITaskStore.counts`."""
        return self._database.read(counts.totals)

    def erase(self) -> "Deferred[int]":
        """See `ITaskStore.erase`."""
        return self._database.write(task_writes.erase)
