"""The updates in the outboxes of tasks move into the queue, from where the Server is told."""

from typing import Any

from attrs import define, field
from twisted.internet.defer import DeferredLock

from flamenco_mgr.store.mongo import queries
from flamenco_mgr.store.mongo.collection import OF_ALL, Collection
from flamenco_mgr.store.mongo.encoding import Document
from flamenco_mgr.store.mongo.outbox_plans import plan

_AT_ONCE = 100

_MOST_IN_VAIN = 5
"""Rounds in which somebody else was quicker with everything."""


@define(eq=False)
class Outboxes:
    """
    Empties outboxes.

    First the queue has an update, then the task's document says so, in one write for all that was in its outbox. So it
    may be done twice, or by two processes at once; it is done by one, as the order of the queue is its own. Whoever
    changes the queue does so under ``lock``, so that this process does not get in its own way.
    """

    _tasks: Collection
    _queue: Collection
    lock: DeferredLock = field(init=False, factory=DeferredLock)

    async def collect(self) -> None:
        """Move all that is on its way."""
        async with self.lock:
            await self.collect_locked()

    async def collect_locked(self) -> None:
        """Do the same for who has the lock; what others are quicker with again and again is left to them."""
        in_vain = 0
        while in_vain < _MOST_IN_VAIN and (tasks := await self._tasks.find(queries.outboxes(_AT_ONCE))):
            in_vain = 0 if await self._move(tasks) else in_vain + 1

    async def cast_loose(self) -> None:
        """Let every update in the queue stand by itself: the tasks are about to go."""
        async with self.lock:
            await self.collect_locked()
            await self._queue.update_all({}, {"$set": {"mgr.loose": True}}, OF_ALL)

    async def _move(self, tasks: list[Document]) -> int:
        """Move what these tasks have in their outboxes; return of how many that was done."""
        queues: dict[Any, list[Document]] = {document["_id"]: [] for document in tasks}
        for waiting in await self._queue.find(queries.queue_of(list(queues))):
            queues[waiting["task_id"]].append(waiting)
        plans = [plan(task["_id"], task["mgr"]["outbox"], queues[task["_id"]]) for task in tasks]
        # What another process has just done differently is planned anew in the next round.
        there = await self._queue.insert([document for one in plans for document in one.insertions()])
        surely = [one for one in plans if not there.intersection(one.ids)]
        growths = [statement for one in surely for statement in one.growths()]
        if await self._queue.write(growths, ordered=False) != len(growths):
            surely = [one for one in surely if not one.grown]
        emptying: list[Any] = [one.emptying() for one in surely]
        return await self._tasks.write(emptying, ordered=False)
