"""
The blacklist, in MongoDB: documents of ``worker_blacklist`` as the original has them.

The id of a line is made of what it says, so that there is one of it however many Managers add it at once. Lines of the
original have other ids. Its indexes, the one by which lines expire too, may be there or not.
"""

import hashlib
from collections.abc import Awaitable, Callable

from attrs import frozen
from bson import ObjectId
from zope.interface import implementer

from flamenco_mgr.domain.blacklist import EXPIRES_AFTER, BlacklistLine
from flamenco_mgr.domain.events import Event
from flamenco_mgr.store.interfaces import IBlacklist
from flamenco_mgr.store.mongo import queries
from flamenco_mgr.store.mongo.bans import Bans, line
from flamenco_mgr.store.mongo.collection import Collection
from flamenco_mgr.store.mongo.encoding import Document, from_id, from_time


@implementer(IBlacklist)
@frozen(eq=False, kw_only=True)
class MongoBlacklist:
    """Provides `IBlacklist`; ``note`` records an event, right after what it is about."""

    kept: Collection
    bans: Bans
    note: Callable[[Event], Awaitable[None]]

    async def add(self, line: BlacklistLine, event: Event | None = None) -> bool:
        """
        See `IBlacklist.add`.

        Sent a second time, after its first answer was lost, it finds the token that it left.
        """
        await self.bans.announce()
        which = _key(line.worker_id, line.job, line.task_type)
        there = await self._there(which)
        if there is not None and there.created >= line.created - EXPIRES_AFTER:
            self.bans.added(there)
            return False
        if there is not None:
            await self.kept.remove({**which, "_created": {"$lt": from_time(line.created - EXPIRES_AFTER)}})
        token = ObjectId()
        document = new_document(line, token)
        if await self.kept.insert([document]) and not await self._is_ours(document["_id"], token):
            self.bans.added(await self._there(which) or line)
            return False
        self.bans.added(line)
        await self._noted(event)
        return True

    async def remove(self, worker_id: str, job: str, task_type: str, event: Event | None = None) -> bool:
        """See `IBlacklist.remove`."""
        which = _key(worker_id, job, task_type)
        if await self._there(which) is None:
            self.bans.removed(worker_id, (job, task_type))
            return False
        await self.bans.announce()
        await self.kept.remove(which)
        self.bans.removed(worker_id, (job, task_type))
        await self._noted(event)
        return True

    async def lines(self, since: float) -> tuple[BlacklistLine, ...]:
        """See `IBlacklist.lines`; answered from memory."""
        return await self.bans.lines(since)

    async def expire(self, before: float) -> int:
        """See `IBlacklist.expire`."""
        removed = await self.kept.remove({"_created": {"$lt": from_time(before)}})
        if removed:
            await self.bans.announce()
            await self.bans.compare()
        return removed

    async def _there(self, which: Document) -> BlacklistLine | None:
        found = await self.kept.one(queries.newest_line(which))
        return None if found is None else line(found)

    async def _is_ours(self, line_id: ObjectId, token: ObjectId) -> bool:
        found = await self.kept.one(queries.by_id(str(line_id)))
        return found is not None and found.get("mgr", {}).get("op") == token

    async def _noted(self, event: Event | None) -> None:
        if event is not None:
            await self.note(event)


def new_document(line: BlacklistLine, token: ObjectId) -> Document:
    """Return the document of a line; ``token`` tells who has added it."""
    return {
        "_id": _id(line.worker_id, line.job, line.task_type),
        **_key(line.worker_id, line.job, line.task_type),
        "_created": from_time(line.created),
        "mgr": {"op": token},
    }


def _key(worker_id: str, job: str, task_type: str) -> Document:
    return {"job_id": from_id(job), "task_type": task_type, "worker_id": from_id(worker_id)}


def _id(worker_id: str, job: str, task_type: str) -> ObjectId:
    text = f"{worker_id} {job} {task_type}".encode("utf-8", "surrogatepass")
    return ObjectId(hashlib.sha256(text).digest()[:12])
