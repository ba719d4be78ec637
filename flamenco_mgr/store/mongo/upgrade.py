"""
A database of the original Manager's becomes ours: in place, in slices, and without anything being taken away.

Each document is changed by one write, on the condition that nobody has done it before. So it may be interrupted at any
instant and begun again, and two Managers may do it at once: nobody serves before all of it is done, and who comes late
finds nothing left to do. The updates that wait get their places first; then each task, in one write, learns of those
and of its parents.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from attrs import define
from bson import ObjectId
from pymongo import UpdateOne
from twisted.logger import Logger

from flamenco_mgr.store.interfaces import StoreRefused
from flamenco_mgr.store.mongo import odd_documents, schema, takeover
from flamenco_mgr.store.mongo.collection import Collection, Query, among
from flamenco_mgr.store.mongo.encoding import Document
from flamenco_mgr.store.mongo.findings import Findings, counted
from flamenco_mgr.store.mongo.odd_documents import Understood
from flamenco_mgr.store.mongo.queries import OURS

T = TypeVar("T")

_AT_ONCE = 200
"""Documents that are read and written together."""

_TELL_EVERY = 10_000
"""Tasks; while they are taken over nobody is served, and people want to know how far it is."""

_FIRST = ObjectId(b"\0" * 12)

_BY_ID = (("_id", 1),)
_NAMES = {"name": 1}
_PLACED = {"mgr.order": {"$exists": True}}

_WAITING = {"task_id": 1, "task_status": 1, "mgr.order": 1, "mgr.version": 1}
"""What a task has to know of an update that waits for it."""


@define(eq=False, kw_only=True)
class Upgrade:
    """Takes a database over, if there is anything to take over; ``database`` is its name, for people."""

    _log: ClassVar[Logger] = Logger()

    database: str
    settings: Collection
    tasks: Collection
    updates: Collection
    workers: Collection

    async def check(self) -> None:
        """Raise `StoreRefused` for a database that is newer, or that the original has used since; change nothing."""
        facts = await self.settings.find(Query(filter=schema.SINGLE_FACTS))
        document = next((fact for fact in facts if fact["_id"] == schema.DOCUMENT), None)
        refusal = schema.damage(facts, self.database) or schema.refusal(document, self.database)
        # The original knows nothing of our part of a document, and what that says is out of date then.
        ours = refusal is None and schema.version(document) > 0
        if ours and await self.settings.one(Query(filter=schema.UNMARKED)) is not None:
            refusal = schema.mixture(self.database)
        if refusal is not None:
            raise StoreRefused(refusal)

    async def run(self) -> None:
        """Bring a database up to date that `check` has nothing against."""
        version = schema.version(await self._schema())
        if version == schema.SCHEMA:
            return
        if version:
            await self._names()
            await self._reached()
            return
        found = [await self._workers(), await self._updates(), await self._tasks()]
        await self._loose_updates()
        await self.settings.update_all(schema.UNMARKED, {"$set": schema.MARKED})
        await self._reached()
        self._tell(found)

    async def _reached(self) -> None:
        await self.settings.update({"_id": schema.DOCUMENT}, {"$set": {schema.VERSION: schema.SCHEMA}}, upsert=True)

    async def _names(self) -> None:
        """Bring a database of the first form to the second: tasks have their names in small letters as well."""
        async for tasks in _walk(self.tasks, _NAMES, {**OURS, "mgr.name": {"$exists": False}}):
            await self.tasks.write([takeover.named(task) for task in tasks if task.get("name")], ordered=False)

    async def _schema(self) -> Document | None:
        return await self.settings.one(Query(filter={"_id": schema.DOCUMENT}))

    async def _workers(self) -> Findings:
        findings = Findings("worker")
        async for fresh in _slices(self.workers, "mgr.rev", findings):
            read = [(document, findings.look(document, odd_documents.worker)) for document in fresh]
            await self.workers.write(
                [takeover.worker(document, found) for document, found in read if found is not None], ordered=False
            )
        return findings

    async def _updates(self) -> Findings:
        findings = Findings("waiting update")
        waited_of: dict[ObjectId, None] = {}
        async for fresh in _slices(self.updates, "mgr.order", findings):
            mended: list[UpdateOne] = []
            for document in fresh:
                understood = findings.look(document, odd_documents.update)
                if understood is not None:
                    mended += takeover.mended(document, understood)
                    waited_of[understood.applied(document)["task_id"]] = None
            await self.updates.write(mended, ordered=False)
        for task_ids in _parts(list(waited_of)):
            await self._place_updates(task_ids)
        return findings

    async def _place_updates(self, task_ids: Sequence[ObjectId]) -> None:
        waiting: dict[ObjectId, list[Document]] = defaultdict(list)
        for document in await self.updates.find(Query(filter={"task_id": among(task_ids)})):
            waiting[document["task_id"]] += takeover.usable(document)
        statements = [statement for updates in waiting.values() for statement in takeover.placed(updates)]
        for some in _parts(statements):
            await self.updates.write(some)  # in this order, which is that of their places

    async def _tasks(self) -> Findings:
        findings = Findings("task")
        async for fresh in _slices(self.tasks, "mgr.rev", findings):
            read = [(document, findings.look(document, odd_documents.task)) for document in fresh]
            await self._take([(document, found) for document, found in read if found is not None])
            if findings.seen % _TELL_EVERY < len(fresh):
                self._log.info(
                    "Taking over the database {name}: {count} tasks so far", name=self.database, count=findings.seen
                )
        return findings

    async def _take(self, fresh: Sequence[tuple[Document, Understood]]) -> None:
        parents = {parent for document, found in fresh for parent in found.applied(document).get("parents", ())}
        spelled = [*parents, *map(str, parents)]  # a parent that is odd may have its id as a text
        here = await self.tasks.find(Query(filter={"_id": among(spelled)}, fields={"status": 1})) if parents else ()
        families = takeover.waited_for(here)
        queues: dict[ObjectId, list[Document]] = defaultdict(list)
        ids = [document["_id"] for document, _ in fresh]
        for update in await self.updates.find(Query(filter={"task_id": among(ids), **_PLACED}, fields=_WAITING)):
            queues[update["task_id"]].append(update)
        await self.tasks.write(
            [takeover.task(document, found, families, queues[document["_id"]]) for document, found in fresh],
            ordered=False,
        )

    async def _loose_updates(self) -> None:
        """Mark the updates of tasks that are not here."""
        async for placed in _walk(self.updates, {"task_id": 1}, _PLACED):
            wanted = {update["task_id"] for update in placed}
            here = await self.tasks.find(Query(filter={"_id": among(wanted), **OURS}, fields={"_id": 1}))
            loose = wanted - {task["_id"] for task in here}
            await self.updates.write(
                [takeover.loose(update) for update in placed if update["task_id"] in loose], ordered=False
            )

    def _tell(self, found: Sequence[Findings]) -> None:
        taken = ", ".join(counted(findings.seen - findings.odd, findings.what) for findings in found if findings.seen)
        if taken:
            self._log.info(
                "Took the database {name} over from the original Manager: {taken}", name=self.database, taken=taken
            )
        for findings in found:
            for line in findings.told():
                self._log.warn("In the database {name}: {line}", name=self.database, line=line)


async def _slices(collection: Collection, ours: str, findings: Findings) -> AsyncIterator[list[Document]]:
    """Yield the documents that have not this field of ours yet, some at a time; those with odd ids are left."""
    for direction in (1, -1):  # in the order of ids they are before or after all ObjectIds
        ends = await collection.find(Query(filter={}, fields={"_id": 1}, sort=(("_id", direction),), limit=_AT_ONCE))
        for document in ends:
            if isinstance(document["_id"], ObjectId):
                break
            findings.look(document, odd_documents.task)
    async for slice_ in _walk(collection, {ours: 1}):
        ids = [document["_id"] for document in slice_ if ours.partition(".")[2] not in document.get("mgr", {})]
        if ids:
            yield await collection.find(Query(filter={"_id": among(ids)}, sort=_BY_ID))


async def _walk(
    collection: Collection, fields: Mapping[str, int], which: Mapping[str, Any] | None = None
) -> AsyncIterator[list[Document]]:
    """Yield all documents that have an ObjectId, some at a time: each question has an end, however many there are."""
    after: Mapping[str, Any] = {"$gte": _FIRST}
    while True:
        found = await collection.find(
            Query(filter={"_id": after, **(which or {})}, fields=fields, sort=_BY_ID, limit=_AT_ONCE)
        )
        if not found:
            return
        yield found
        after = {"$gt": found[-1]["_id"]}


def _parts(values: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]
