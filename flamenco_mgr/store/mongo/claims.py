"""
Which task a worker gets: the best of those that may run, found in a few commands however many tasks there are.

Mostly that is the first of all. If the worker has failed at it, all that it failed at is passed over at once: tasks
that were failed at by the same workers are of one lane, and the database tells which lanes there are without looking at
every task.

One task is chosen at a time in this process: of many who ask at once all would be shown the same best task, all but one
in vain. So each is shown what is best when those before it have theirs in hand.
"""

from collections.abc import Collection, Iterator, Sequence

from attrs import field, frozen
from twisted.internet.defer import DeferredLock

from flamenco_mgr.domain.tasks import Task, TaskStatus
from flamenco_mgr.store.mongo import collection, queries
from flamenco_mgr.store.mongo.documents import lane_excludes, lane_type, task
from flamenco_mgr.store.mongo.encoding import Document

_AT_ONCE = 100
"""Types or lanes that one question names; the database walks each of them by itself, up to twice as many."""


@frozen(eq=False)
class Claims:
    """Chooses tasks for workers."""

    _tasks: collection.Collection
    _turn: DeferredLock = field(init=False, factory=DeferredLock)
    _just_chosen: set[str] = field(init=False, factory=set)
    """What whoever had the turn has not had the time to take in hand yet, when the next one begins."""

    async def candidate(self, worker_id: str, task_types: Sequence[str], skip: Collection[str]) -> Document | None:
        """
        Return the document of the task that is active for a worker, or of the best one that it may start.

        ``skip`` is looked at when it is this worker's turn.
        """
        active = [
            document
            for document in await self._tasks.few(queries.on_it(worker_id))
            if document["status"] == TaskStatus.ACTIVE
        ]
        if active:
            return min(active, key=lambda document: str(document["_id"]))
        chosen = None
        await self._turn.acquire()
        try:
            chosen = await self._choose(worker_id, task_types, {*skip, *self._just_chosen})
        finally:
            self._just_chosen.update([str(chosen["_id"])] if chosen else ())
            self._turn.release()  # the next one begins in here
            self._just_chosen.clear()
        return chosen

    async def _choose(self, worker_id: str, task_types: Sequence[str], skip: Collection[str]) -> Document | None:
        first = await self._best("task_type", list(dict.fromkeys(task_types)), skip)
        if first is None or not any(failed.id == worker_id for failed in task(first).failed_by):
            return first
        lanes: Sequence[str] = await self._tasks.distinct("mgr.lane", queries.LANES)
        left = [lane for lane in lanes if lane_type(lane) in task_types and not lane_excludes(lane, worker_id)]
        return await self._best("mgr.lane", sorted(left), skip)

    async def _best(self, key: str, values: Sequence[str], skip: Collection[str]) -> Document | None:
        found = [await self._tasks.one(queries.best(key, some, skip)) for some in _slices(values)]
        return min((document for document in found if document is not None), key=_rank, default=None)


def _rank(document: Document) -> tuple[int, int, str]:
    best: Task = task(document)
    return (-best.job_priority, -best.priority, best.id)


def _slices(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]
