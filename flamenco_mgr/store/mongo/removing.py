"""Finished tasks are forgotten."""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen
from pymongo import DeleteOne

from flamenco_mgr.domain.tasks import FINISHED, Task, TaskStatus
from flamenco_mgr.store.interfaces import Page, Place
from flamenco_mgr.store.mongo import documents, queries
from flamenco_mgr.store.mongo.collection import Collection
from flamenco_mgr.store.mongo.encoding import Document, date_or_none, from_id, from_time, to_time
from flamenco_mgr.store.mongo.recording import Recording
from flamenco_mgr.store.mongo.settling import parted


@frozen(eq=False)
class Removing:
    """
    Finds and removes tasks that are over.

    Whether something still hangs on a task is asked first, but for what its own document says, which its removal is
    conditional on. A child that arrives in between finds that the parent is not here, or is told so afterwards.
    """

    _tasks: Collection
    _queue: Collection
    _recording: Recording

    async def over(self, before: float, after: Place | None, limit: int) -> Page[Task]:
        """
        See `ITaskStore.over`.

        The place is the time of the last task, empty for none, and its id: first come those of the same time, with
        greater ids, then later ones.
        """
        time, last = (None, None) if after is None else (float(after[0]) if after[0] else None, from_id(after[1]))
        found = await self._tasks.find(queries.over_at(date_or_none(time), last, limit))
        if len(found) < limit:
            beyond = queries.over_after(date_or_none(time), from_time(before), limit - len(found))
            found += await self._tasks.find(beyond)
        items = tuple(documents.task(document) for document in found if documents.is_ours(document))
        return Page(items=items, next=_place(found[-1]) if len(found) == limit else None)

    async def remove(self, tasks: Sequence[Task]) -> frozenset[str]:
        """See `ITaskStore.remove`."""
        tasks = [task for task in tasks if task.status in FINISHED]
        await self._recording.collect()  # what has happened to a task outlives it
        ids = [from_id(task.id) for task in tasks]
        kept = await self._named_as_parents(tasks) | {
            one["task_id"] for one in await self._queue.find(queries.waiting_of(ids))
        }
        going = [task for task in tasks if from_id(task.id) not in kept]
        turns = {str(one["_id"]): one["mgr"]["turn"] for one in await self._tasks.find(queries.turns_of(ids))}
        await self._tasks.write([DeleteOne(queries.over_and_alone(task)) for task in going], ordered=False)
        left = {str(one["_id"]) for one in await self._tasks.find(queries.by_ids(ids, {"_id": 1}))}
        gone = [task for task in going if task.id not in left]
        waited_for = [one.id for one in gone if one.status != TaskStatus.COMPLETED and one.id in turns]
        await self._tell_late_children({from_id(one): turns[one] for one in waited_for})
        return frozenset(task.id for task in gone)

    async def _named_as_parents(self, tasks: Sequence[Task]) -> set[Any]:
        """Return which of these tasks have to stay as parents: of unfinished ones, or, if not completed, of any."""
        completed = [from_id(task.id) for task in tasks if task.status == TaskStatus.COMPLETED]
        others = [from_id(task.id) for task in tasks if task.status != TaskStatus.COMPLETED]
        needed: set[Any] = set()
        if completed:
            needed.update(await self._tasks.distinct("parents", queries.unfinished_children(completed)))
        if others:
            needed.update(await self._tasks.distinct("parents", queries.children(others)))
        return needed

    async def _tell_late_children(self, gone: Mapping[Any, int]) -> None:
        """Let children go that came while these tasks, which had not completed, were being removed."""
        if gone and await self._tasks.one(queries.children(gone)):
            await self._tasks.write([one for parent, turn in gone.items() for one in parted(parent, turn)])


def _place(document: Document) -> Place:
    time = to_time(document.get("last_updated"))
    return ("" if time is None else repr(time), str(document["_id"]))
