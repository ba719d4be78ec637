"""The workers, in MongoDB."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen
from bson import ObjectId
from pymongo import UpdateOne
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from flamenco_mgr.domain.workers import Worker
from flamenco_mgr.store.interfaces import IWorkerStore, WorkerBeat
from flamenco_mgr.store.mongo import queries, worker_documents
from flamenco_mgr.store.mongo.changes import Change
from flamenco_mgr.store.mongo.collection import Collection
from flamenco_mgr.store.mongo.encoding import Document, from_id, from_time
from flamenco_mgr.store.mongo.orders import Orders
from flamenco_mgr.store.mongo.worker_copies import WorkerCopies

_AT_ONCE = 200
_TRACES = {"mgr": 1}


@implementer(IWorkerStore)
@frozen(eq=False, kw_only=True)
class MongoWorkerStore:
    """Provides `IWorkerStore`."""

    workers: Collection
    tasks: Collection
    copies: WorkerCopies
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

    async def change(self, before: Worker, after: Worker) -> bool:
        """
        See `IWorkerStore.change`.

        Sent a second time, after its first answer was lost, it finds the token that it left.
        """
        token = ObjectId()
        fields = worker_documents.changed(before, after)
        if not fields:
            found = await self._read(before.id)
            return found is not None and found.revision == before.revision
        change = Change()
        change.put({**fields, "mgr.rev": before.revision + 1, "mgr.op": token})
        which = worker_documents.in_revision(before.id, before.revision)
        if not await self.workers.update(which, change.document):
            found_there = await self.workers.one(queries.by_id(before.id, _TRACES))
            if found_there is None or found_there.get("mgr", {}).get("op") != token:
                self.copies.forget(before.id)
                return False
        self.copies.changed(before.id, {name: getattr(after, name) for name in fields}, before.revision + 1)
        return True

    async def count(self) -> int:
        """See `IWorkerStore.count`."""
        return await self.workers.count(queries.EVERYTHING)

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
