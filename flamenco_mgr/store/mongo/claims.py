"""
Which task a worker gets: the best of those that may run, found in a few commands however many tasks there are.

Mostly that is the first of all. If the worker has failed at it, all that it failed at is passed over at once: tasks
that were failed at by the same workers are of one lane, and the database tells which lanes there are without looking at
every task. If it is banned from tasks of that type in some jobs, the database tells the same way which jobs there are.

One task is chosen at a time in this process: of many who ask at once all would be shown the same best task, all but one
in vain. So each is shown what is best when those before it have theirs in hand.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from attrs import field, frozen
from twisted.internet.defer import DeferredLock

from flamenco_mgr.domain.tasks import Task, TaskStatus
from flamenco_mgr.store.mongo import collection, queries
from flamenco_mgr.store.mongo.bans import Bans, Kind
from flamenco_mgr.store.mongo.documents import lane_excludes, lane_type, task
from flamenco_mgr.store.mongo.encoding import Document

T = TypeVar("T")

_AT_ONCE = 100
"""
Types, lanes, or pairs of a job and a lane, that one question names; the database walks each of them by itself, up to
twice as many.
"""


@frozen(eq=False)
class Claims:
    """Chooses tasks for workers."""

    _tasks: collection.Collection
    _bans: Bans
    _turn: DeferredLock = field(init=False, factory=DeferredLock)
    _just_chosen: set[str] = field(init=False, factory=set)
    """What whoever had the turn has not had the time to take in hand yet, when the next one begins."""

    async def candidate(
        self, worker_id: str, task_types: Sequence[str], skip: Collection[str], banned_since: float
    ) -> Document | None:
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
        bans = await self._bans.of(worker_id, banned_since)
        chosen = None
        await self._turn.acquire()
        try:
            chosen = await self._choose(worker_id, task_types, bans, {*skip, *self._just_chosen})
        finally:
            self._just_chosen.update([str(chosen["_id"])] if chosen else ())
            self._turn.release()  # the next one begins in here
            self._just_chosen.clear()
        return chosen

    async def _choose(
        self, worker_id: str, task_types: Sequence[str], bans: Collection[Kind], skip: Collection[str]
    ) -> Document | None:
        first = await self._best("task_type", list(dict.fromkeys(task_types)), skip)
        if first is None or _may_have(worker_id, bans, task(first)):
            return first
        lanes: Sequence[str] = await self._tasks.distinct("mgr.lane", queries.LANES)
        left = sorted(lane for lane in lanes if lane_type(lane) in task_types and not lane_excludes(lane, worker_id))
        in_part = {task_type for _, task_type in bans}
        found = [
            await self._best("mgr.lane", [lane for lane in left if lane_type(lane) not in in_part], skip),
            await self._best_of_jobs([lane for lane in left if lane_type(lane) in in_part], bans, skip),
        ]
        return _first(found)

    async def _best(self, key: str, values: Sequence[str], skip: Collection[str]) -> Document | None:
        return _first([await self._tasks.one(queries.best(key, some, skip)) for some in _slices(values)])

    async def _best_of_jobs(
        self, lanes: Sequence[str], bans: Collection[Kind], skip: Collection[str]
    ) -> Document | None:
        """Return the best task of lanes with types that the worker is banned from in some jobs, of the other jobs."""
        if not lanes:
            return None
        jobs: Sequence[Any] = await self._tasks.distinct("job", queries.LANES)
        questions = [
            queries.best_of_jobs(these, some, skip)
            for task_type in sorted({lane_type(lane) for lane in lanes})
            for some in _slices([lane for lane in lanes if lane_type(lane) == task_type])
            for these in _slices(_allowed(jobs, task_type, bans), max(1, _AT_ONCE // len(some)))
        ]
        return _first([await self._tasks.one(question) for question in questions])


def _allowed(jobs: Sequence[Any], task_type: str, bans: Collection[Kind]) -> Sequence[Any]:
    return [job for job in jobs if (str(job), task_type) not in bans]


def _may_have(worker_id: str, bans: Collection[Kind], task: Task) -> bool:
    failed = any(failed.id == worker_id for failed in task.failed_by)
    return not failed and (task.job, task.task_type) not in bans


def _first(found: Iterable[Document | None]) -> Document | None:
    return min((document for document in found if document is not None), key=_rank, default=None)


def _rank(document: Document) -> tuple[int, int, str]:
    best: Task = task(document)
    return (-best.job_priority, -best.priority, best.id)


def _slices(values: Sequence[T], at_once: int = _AT_ONCE) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), at_once):
        yield values[start : start + at_once]
