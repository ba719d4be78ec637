"""What the Server has yet to hear, in MongoDB."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

from attrs import evolve, frozen
from pymongo import DeleteOne, UpdateOne
from zope.interface import implementer

from flamenco_mgr.domain.events import Event
from flamenco_mgr.domain.updates import QueuedUpdate, TaskUpdate
from flamenco_mgr.store.interfaces import TAKEN_FOR, Backlog, IUpdateQueue, Page, ParkedUpdate, Place
from flamenco_mgr.store.mongo import event_documents, queries, update_documents, update_lists
from flamenco_mgr.store.mongo.collection import Collection
from flamenco_mgr.store.mongo.encoding import Document, from_id, from_time, key_of, to_time
from flamenco_mgr.store.mongo.marks import Receipts
from flamenco_mgr.store.mongo.orders import Orders
from flamenco_mgr.store.mongo.outbox_plans import is_live
from flamenco_mgr.store.mongo.outboxes import Outboxes
from flamenco_mgr.store.mongo.update_documents import Waiting

_AT_ONCE = 200

_TASK = {"status": 1, "mgr.queued": 1, "mgr.outbox.mgr.order": 1, "mgr.outbox.task_status": 1}
_PLACES = {"task_id": 1, "mgr": 1}


@implementer(IUpdateQueue)
@frozen(eq=False, kw_only=True)
class MongoUpdateQueue:
    """
    Provides `IUpdateQueue`.

    What the Server has is forgotten by the task's document first, then by the queue. Of what was interrupted in
    between, and of what comes back from a process that was late, the document knows nothing; so it is dropped unsent.
    What is said of an act on an update goes into the log first, by ``record``, under an id that is made of the update:
    it is there once, whatever is interrupted and repeated.
    """

    queue: Collection
    parked_updates: Collection
    tasks: Collection
    outboxes: Outboxes
    receipt_numbers: Receipts
    orders: Orders
    record: Callable[[Sequence[Document]], Awaitable[None]]

    async def waiting(self) -> int:
        """See `IUpdateQueue.waiting`."""
        await self.outboxes.collect()
        return await self.queue.count(queries.QUEUED)

    async def oldest(self, max_count: int, max_bytes: int) -> tuple[QueuedUpdate, ...]:
        """See `IUpdateQueue.oldest`."""
        async with self.outboxes.lock:
            await self.outboxes.collect_locked()
            found: list[QueuedUpdate] = []
            total = 0
            async for document, ours in self._live(max_count or None):
                total += document["mgr"]["bytes"]
                if found and total > max_bytes:
                    break
                found.append(_queued(document, ours))
                if len(found) == max_count:
                    break
        return tuple(await self._with_finals(found))

    async def add(self, update: TaskUpdate, event: Event | None = None) -> None:
        """See `IUpdateQueue.add`."""
        await self._say(event, f"added {update.id}")
        order = self.orders.new()
        one = Waiting(update=update, order=order, upto=order, loose=True)
        await self.queue.insert([update_documents.document(one)])

    async def handled(self, updates: Sequence[QueuedUpdate]) -> None:
        """See `IUpdateQueue.handled`; done in slices, each of which is a receipt of its own."""
        if not updates:
            return
        async with self.outboxes.lock:
            await self.outboxes.collect_locked()  # words that came meanwhile belong to what waited for them
            for some in _slices(updates):
                receipt = await self.receipt_numbers.new()
                places = await self._places(some)
                tasks = {from_id(queued.update.task_id) for queued in some}
                acknowledged = [UpdateOne({"_id": task_id}, {"$max": {"mgr.acked": receipt}}) for task_id in tasks]
                await self.tasks.write([*acknowledged, *map(_forgotten, places)])
                await self.queue.write([_removed(place) for place in places])

    async def unhandled(self, updates: Sequence[QueuedUpdate]) -> None:
        """See `IUpdateQueue.unhandled`."""
        await self.queue.write(
            [
                UpdateOne({"_id": from_id(queued.update.id)}, {"$max": {"mgr.unhandled": queued.unhandled + 1}})
                for queued in updates
            ]
        )

    async def park(self, update: QueuedUpdate, reason: str, now: float) -> None:
        """See `IUpdateQueue.park`; later words that were merged into the update go with it."""
        async with self.outboxes.lock:
            await self.outboxes.collect_locked()
            document = await self.queue.one(queries.by_id(update.update.id))
            if document is None:
                return
            parked = {**document, "mgr": {**document["mgr"], "reason": reason, "since": from_time(now)}}
            await self.parked_updates.replace({"_id": document["_id"]}, parked, upsert=True)
            await self.tasks.write([_forgotten(document)])
            await self.queue.write([_removed(document)])

    async def parked(self) -> tuple[ParkedUpdate, ...]:
        """See `IUpdateQueue.parked`."""
        return tuple(map(update_lists.parked, await self.parked_updates.find(queries.PARKED)))

    async def backlog(self) -> Backlog:
        """See `IUpdateQueue.backlog`; what is in outboxes yet will be counted in a second."""
        first = await self.queue.one(queries.oldest(0, (), 1))
        return Backlog(
            waiting=await self.queue.count(queries.QUEUED),
            oldest=None if first is None else to_time(first.get("received_on_manager")),
            parked=await self.parked_updates.count(queries.PARKED_ALL),
        )

    async def waiting_page(self, task_id: str | None, after: Place | None, limit: int) -> Page[QueuedUpdate]:
        """See `IUpdateQueue.waiting_page`."""
        await self.outboxes.collect()
        found, place = await update_lists.behind(self.queue, ("updates", task_id), after, limit, task_id)
        tasks = await self._tasks_of(found)
        live = [_queued(one, tasks.get(one["task_id"])) for one in found if _is_live(one, tasks)]
        return Page(items=tuple(live), next=place)

    async def parked_page(self, after: Place | None, limit: int) -> Page[ParkedUpdate]:
        """See `IUpdateQueue.parked_page`."""
        found, place = await update_lists.behind(self.parked_updates, "parked", after, limit)
        return Page(items=tuple(map(update_lists.parked, found)), next=place)

    async def parked_one(self, update_id: str) -> ParkedUpdate | None:
        """See `IUpdateQueue.parked_one`."""
        document = await self.parked_updates.one(queries.by_id(update_id))
        return None if document is None else update_lists.parked(document)

    async def take_parked(self, update_id: str, taker: str, now: float) -> bool:
        """See `IUpdateQueue.take_parked`; one write to one document decides."""
        change = {"$set": {"mgr.taker": taker, "mgr.taken": from_time(now)}}
        return bool(await self.parked_updates.update(queries.free_or_of(update_id, taker, now - TAKEN_FOR), change))

    async def drop_parked(self, update_id: str, event: Event | None = None) -> bool:
        """See `IUpdateQueue.drop_parked`."""
        if event is not None and await self.parked_one(update_id) is not None:
            await self._say(event, f"dropped {update_id}")
        return bool(await self.parked_updates.remove(queries.by_id(update_id).filter))

    async def _say(self, event: Event | None, what: str) -> None:
        if event is not None:
            await self.record([event_documents.document_once(event, what)])

    async def receipts(self) -> int:
        """See `IUpdateQueue.receipts`."""
        return await self.receipt_numbers.latest()

    async def purge(self, export: Callable[[TaskUpdate | None], None] | None) -> int:
        """See `IUpdateQueue.purge`."""
        async with self.outboxes.lock:
            await self.outboxes.collect_locked()
            places: list[Document] = []
            async for document, _ in self._live(None):
                if export is not None:
                    export(update_documents.update(document))
                places.append({name: document[name] for name in ("_id", *_PLACES)})
            if export is not None:
                export(None)
            for some in _slices(places):
                await self.tasks.write(list(map(_forgotten, some)))
                await self.queue.write([_removed(place) for place in some])
        return len(places)

    async def _live(self, most: int | None) -> Any:
        """Yield what waits, in order, each with what its task's document says of it; drop what is late."""
        after, seen = 0, list[Any]()
        while True:
            wanted = _AT_ONCE if most is None else min(_AT_ONCE, most)
            some = await self.queue.find(queries.oldest(after, seen, wanted))
            tasks = await self._tasks_of(some)
            late = [document for document in some if not _is_live(document, tasks)]
            await self.queue.write([_removed(document) for document in late])
            for document in some:
                if document not in late:
                    yield document, tasks.get(document["task_id"])
            if len(some) < wanted:
                return
            last = some[-1]["mgr"]["order"]
            seen = [*(seen if last == after else ()), *(one["_id"] for one in some if one["mgr"]["order"] == last)]
            after = last

    async def _tasks_of(self, some: Sequence[Document]) -> Mapping[Any, Document]:
        ids = {document["task_id"] for document in some}
        if not ids:
            return {}
        return {task["_id"]: task for task in await self.tasks.find(queries.by_ids(ids, _TASK))}

    async def _with_finals(self, found: Sequence[QueuedUpdate]) -> list[QueuedUpdate]:
        """Return the same updates, of which each knows whether a final one of its task waits."""
        ids = {from_id(queued.update.task_id) for queued in found}
        if not ids:
            return []
        final = {str(document["task_id"]) for document in await self.queue.find(queries.final_in_queue(ids))}
        return [evolve(queued, final_waits=queued.update.task_id in final) for queued in found]

    async def _places(self, updates: Sequence[QueuedUpdate]) -> list[Document]:
        """Return where those of these updates are in the queue that have not grown."""
        versions = {from_id(queued.update.id): queued.version for queued in updates}
        found = await self.queue.find(queries.by_ids(versions, _PLACES))
        return [document for document in found if document["mgr"]["version"] == versions[document["_id"]]]


def _is_live(document: Document, tasks: Mapping[Any, Document]) -> bool:
    task = tasks.get(document["task_id"])
    return task is None or is_live(document, task.get("mgr", {}))


def _queued(document: Document, task: Document | None) -> QueuedUpdate:
    waiting = update_documents.waiting(document)
    return QueuedUpdate(
        sequence=waiting.order,
        version=waiting.version,
        update=waiting.update,
        unhandled=waiting.unhandled,
        local_status=None if task is None else task.get("status"),
    )


def _forgotten(place: Document) -> UpdateOne:
    """Return the statement by which a task forgets an update in this version, and what was merged into it."""
    ours = place["mgr"]
    known = f"mgr.queued.{key_of(str(place['_id']))}"
    return UpdateOne(
        {"_id": place["task_id"], f"{known}.v": {"$in": [ours["version"], None]}},
        {
            "$unset": {known: ""},
            "$pull": {"mgr.outbox": {"mgr.order": {"$gte": ours["order"], "$lte": ours["upto"]}}},
        },
    )


def _removed(place: Document) -> DeleteOne:
    return DeleteOne({"_id": place["_id"], "mgr.version": place["mgr"]["version"]})


def _slices(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]
