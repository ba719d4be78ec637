"""
The blacklist, in MongoDB: documents of ``worker_blacklist`` as the original has them.

The id of a line is made of what it says, so that there is one of it however many Managers add it at once. Lines of the
original have other ids. Its indexes, the one by which lines expire too, may be there or not.
"""

from collections.abc import Awaitable, Callable, Sequence
from collections.abc import Collection as Several

from attrs import frozen
from bson import ObjectId
from zope.interface import implementer

from flamenco_mgr.domain.blacklist import EXPIRES_AFTER, BlacklistLine
from flamenco_mgr.domain.events import Event
from flamenco_mgr.store.interfaces import IBlacklist, Page, Place
from flamenco_mgr.store.mongo import event_documents, queries
from flamenco_mgr.store.mongo.bans import Bans, line
from flamenco_mgr.store.mongo.collection import Collection
from flamenco_mgr.store.mongo.encoding import Document, from_id, from_time


@implementer(IBlacklist)
@frozen(eq=False, kw_only=True)
class MongoBlacklist:
    """
    Provides `IBlacklist`; ``record`` puts events into the log, where those that are there already stay as they are.

    What is said of a new line is in its document, and goes into the log from there. What is said of its removal goes
    into the log first, under an id that is made of the line: it is there once, whatever is interrupted and repeated.
    """

    kept: Collection
    bans: Bans
    record: Callable[[Sequence[Document]], Awaitable[None]]

    async def add(self, line: BlacklistLine, event: Event | None = None) -> bool:
        """
        See `IBlacklist.add`.

        Sent a second time, after its first answer was lost, it finds the token that it left.
        """
        await self.bans.announce()
        which = _key(line.worker_id, line.job, line.task_type)
        documents = await self.kept.find(queries.lines(which))
        there = newest_of(documents)
        if there is not None and there.created >= line.created - EXPIRES_AFTER:
            self.bans.added(there)
            return False
        if there is not None:
            await self.record(_said_of(documents))
            await self.kept.remove({**which, "_created": {"$lt": from_time(line.created - EXPIRES_AFTER)}})
        token = ObjectId()
        document = new_document(line, token, event)
        if await self.kept.insert([document]) and not await self._is_ours(document["_id"], token):
            self.bans.added(newest_of(await self.kept.find(queries.lines(which))) or line)
            return False
        self.bans.added(line)
        return True

    async def remove(self, worker_id: str, job: str, task_type: str, event: Event | None = None) -> bool:
        """See `IBlacklist.remove`."""
        which = _key(worker_id, job, task_type)
        documents = await self.kept.find(queries.lines(which))
        if newest_of(documents) is None:
            self.bans.removed(worker_id, (job, task_type))
            return False
        await self.bans.announce()
        removal = [] if event is None else [event_documents.document_once(event, _removal_of(documents[0]))]
        await self.record([*_said_of(documents), *removal])
        await self.kept.remove(which)
        self.bans.removed(worker_id, (job, task_type))
        return True

    async def lines(self, since: float) -> tuple[BlacklistLine, ...]:
        """See `IBlacklist.lines`; answered from memory."""
        return await self.bans.lines(since)

    async def page(self, since: float, after: Place | None, limit: int) -> Page[BlacklistLine]:
        """See `IBlacklist.page`; answered from memory."""
        return await self.bans.page(since, after, limit)

    async def of_workers(self, worker_ids: Several[str], since: float) -> tuple[BlacklistLine, ...]:
        """See `IBlacklist.of_workers`; answered from memory."""
        return await self.bans.of_workers(worker_ids, since)

    async def expire(self, before: float) -> int:
        """See `IBlacklist.expire`."""
        removed = await self.kept.remove({"_created": {"$lt": from_time(before)}})
        if removed:
            await self.bans.announce()
            await self.bans.compare()
        return removed

    async def _is_ours(self, line_id: ObjectId, token: ObjectId) -> bool:
        found = await self.kept.one(queries.by_id(str(line_id)))
        return found is not None and found.get("mgr", {}).get("op") == token


def newest_of(documents: Sequence[Document]) -> BlacklistLine | None:
    """Return the line that counts, of documents with the newest one first; None if there is none."""
    return line(documents[0]) if documents else None


def new_document(line: BlacklistLine, token: ObjectId, event: Event | None = None) -> Document:
    """Return the document of a line; ``token`` tells who has added it, ``event`` is on its way into the log."""
    events = [] if event is None else [event_documents.document(event)]
    return {
        "_id": _id(line.worker_id, line.job, line.task_type),
        **_key(line.worker_id, line.job, line.task_type),
        "_created": from_time(line.created),
        "mgr": {"op": token, **({"events": events} if events else {})},
    }


def _said_of(documents: Sequence[Document]) -> list[Document]:
    """Return the events that are still in these documents."""
    return [event for one in documents for event in one.get("mgr", {}).get("events", ())]


def _removal_of(document: Document) -> str:
    token = document.get("mgr", {}).get("op", "")
    return f"removal {document['_id']} {document.get('_created')} {token}"


def _key(worker_id: str, job: str, task_type: str) -> Document:
    return {"job_id": from_id(job), "task_type": task_type, "worker_id": from_id(worker_id)}


def _id(worker_id: str, job: str, task_type: str) -> ObjectId:
    return event_documents.made_of(f"{worker_id} {job} {task_type}")
