"""The workers, in MongoDB."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen
from bson import ObjectId
from pymongo import UpdateOne
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from flamenco_mgr.domain.events import Event
from flamenco_mgr.domain.workers import Worker
from flamenco_mgr.store.interfaces import IWorkerStore, WorkerBeat, WorkerCounts
from flamenco_mgr.store.mongo import event_documents, queries, worker_documents
from flamenco_mgr.store.mongo.changes import Change
from flamenco_mgr.store.mongo.collection import Collection
from flamenco_mgr.store.mongo.encoding import Document, date_or_none, from_id, from_time
from flamenco_mgr.store.mongo.orders import Orders
from flamenco_mgr.store.mongo.recording import Recording
from flamenco_mgr.store.mongo.worker_copies import WorkerCopies

_AT_ONCE = 200
_TRACES = {"mgr": 1}
_EVENTS = {"mgr.events": 1}


@implementer(IWorkerStore)
@frozen(eq=False, kw_only=True)
class MongoWorkerStore:
    """Provides `IWorkerStore`."""

    workers: Collection
    tasks: Collection
    copies: WorkerCopies
    recording: Recording
    orders: Orders
    clock: IReactorTime

    async def add(self, worker: Worker) -> None:
        """See `IWorkerStore.add`."""
        await self.workers.insert([worker_documents.new_document(worker, self.orders.new())])

    async def get(self, worker_id: str) -> Worker | None:
        """See `IWorkerStore.get`."""
        copy = self.copies.get(worker_id)
        return copy if copy is not None else await self._read(worker_id)

    async def all(self) -> tuple[Worker, ...]:
        """See `IWorkerStore.all`."""
        documents = sorted(await self.workers.find(queries.EVERYTHING), key=worker_documents.place)
        return tuple(worker_documents.worker(one) for one in documents if worker_documents.is_usable(one))

    async def change(self, before: Worker, after: Worker, event: Event | None = None, *, unheard: bool = False) -> bool:
        """
        See `IWorkerStore.change`.

        Sent a second time, after its first answer was lost, it finds the token that it left.
        """
        token = ObjectId()
        becomes = worker_documents.changed(before, after)
        if not becomes and event is None:
            found = await self._read(before.id)
            known = found is not None and found.revision == before.revision
            return known and not (unheard and found and found.last_activity != before.last_activity)
        change = Change()
        change.put({**worker_documents.written(becomes), "mgr.op": token})
        if event is not None:
            change.append("mgr.events", event_documents.document(event))
        if becomes:
            change.put({"mgr.rev": before.revision + 1})
        if not await self._changed(before, change, token, unheard=unheard):
            self.copies.forget(before.id)
            return False
        if becomes:
            self.copies.changed(before.id, becomes, before.revision + 1)
        return True

    async def remove(self, before: Worker, event: Event | None = None, *, unheard: bool = False) -> bool:
        """
        See `IWorkerStore.remove`.

        The document is marked as ours to remove, and then removed, which may be done twice. Before that, what has
        happened to the worker moves into the event log.
        """
        token = ObjectId()
        mark = Change()
        mark.put({"mgr.rev": before.revision + 1, "mgr.op": token})
        self.copies.forget(before.id)
        if not await self._changed(before, mark, token, unheard=unheard):
            return False
        marked = await self.workers.one(queries.by_id(before.id, _EVENTS))
        events = [] if marked is None else list(marked.get("mgr", {}).get("events", ()))
        await self.recording.record([*events, *([] if event is None else [event_documents.document(event)])])
        await self.workers.remove({**queries.by_id(before.id).filter, "mgr.op": token})
        self.copies.forget(before.id)
        return True

    async def _changed(self, before: Worker, change: Change, token: ObjectId, *, unheard: bool) -> bool:
        which = worker_documents.in_revision(before.id, before.revision)
        if unheard:
            which["last_activity"] = date_or_none(before.last_activity)
        if await self.workers.update(which, change.document):
            return True
        found = await self.workers.one(queries.by_id(before.id, _TRACES))
        return found is not None and found.get("mgr", {}).get("op") == token

    async def count(self) -> int:
        """See `IWorkerStore.count`."""
        return await self.workers.count(queries.EVERYTHING)

    async def counts(self) -> WorkerCounts:
        """See `IWorkerStore.counts`."""
        found = await self.workers.find(queries.WORKER_STATES)
        by_status = Counter(one.get("status") or "" for one in found)
        return WorkerCounts(by_status=by_status, sick=sum(1 for one in found if one.get("mgr", {}).get("sick")))

    async def task_types(self) -> frozenset[str]:
        """See `IWorkerStore.task_types`."""
        return frozenset(await self.workers.distinct("supported_task_types", queries.EVERYTHING))

    async def beat(self, workers: Mapping[str, WorkerBeat], pings: Mapping[str, tuple[str, float]]) -> None:
        """See `IWorkerStore.beat`; done in slices."""
        for some in _slices(list(workers.items())):
            await self.workers.write(list(self._noticed(some)), ordered=False)
            for worker_id, beat in some:
                self.copies.noticed(worker_id, beat)
        for these in _slices(list(pings.items())):
            await self.tasks.write([_ping(*one) for one in these], ordered=False)

    async def _read(self, worker_id: str) -> Worker | None:
        began = self.clock.seconds()
        document = await self.workers.one(queries.by_id(worker_id))
        if document is None or not worker_documents.is_usable(document):
            self.copies.forget(worker_id)
            return None
        return self.copies.keep(document, began)

    def _noticed(self, some: Iterable[tuple[str, WorkerBeat]]) -> Iterator[UpdateOne]:
        for worker_id, beat in some:
            change = worker_documents.noticed(beat)
            if not change:
                continue
            if self.copies.would_notice(worker_id, beat):
                change["$inc"] = {"mgr.seen": 1}
            yield UpdateOne({"_id": from_id(worker_id)}, change)


def _ping(task_id: str, ping: tuple[str, float]) -> UpdateOne:
    worker_id, time = ping
    change: Document = {"$max": {"last_worker_ping": from_time(time)}}
    return UpdateOne({"_id": from_id(task_id), "worker_id": from_id(worker_id)}, change)


def _slices(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]
