"""The tasks, in MongoDB."""

from collections.abc import Collection as Several
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen
from zope.interface import implementer

from flamenco_mgr.domain.tasks import FINISHED, Command, Task
from flamenco_mgr.domain.updates import Transition
from flamenco_mgr.store.interfaces import FailedBefore, Import, ITaskStore, Page, Place, SetAside, Standing
from flamenco_mgr.store.mongo import documents, queries
from flamenco_mgr.store.mongo.applying import Applying
from flamenco_mgr.store.mongo.arrivals import Arrivals
from flamenco_mgr.store.mongo.claims import Claims
from flamenco_mgr.store.mongo.collection import Collection, among
from flamenco_mgr.store.mongo.encoding import Document, from_id, to_commands, to_id
from flamenco_mgr.store.mongo.marks import MongoDownloadMark
from flamenco_mgr.store.mongo.orders import Orders
from flamenco_mgr.store.mongo.outboxes import Outboxes
from flamenco_mgr.store.mongo.recording import Recording
from flamenco_mgr.store.mongo.removing import Removing
from flamenco_mgr.store.mongo.set_aside import aside
from flamenco_mgr.store.mongo.settling import Settling

_COMMANDS = {"commands": 1, "mgr.commands": 1}
_JOB = {"job": 1}
_ERASED_AT_ONCE = 1000
_BY_STATUS = [{"$group": {"_id": "$status", "count": {"$sum": 1}}}]


@implementer(ITaskStore)
@frozen(eq=False, kw_only=True)
class MongoTaskStore:
    """Provides `ITaskStore`."""

    tasks: Collection
    queue: Collection
    set_aside_tasks: Collection
    orders: Orders
    settling: Settling
    applying: Applying
    arrivals: Arrivals
    claims: Claims
    outboxes: Outboxes
    recording: Recording
    removing: Removing
    mark: MongoDownloadMark

    async def get(self, task_id: str) -> Task | None:
        """See `ITaskStore.get`."""
        return self._seen(await self.tasks.one(queries.by_id(task_id, queries.TASK)))

    async def commands(self, task_id: str) -> tuple[Command, ...]:
        """See `ITaskStore.commands`."""
        document = await self.tasks.one(queries.by_id(task_id, _COMMANDS))
        if document is None:
            return ()
        return to_commands(document.get("commands"), document.get("mgr", {}).get("commands"))

    async def jobs_of(self, task_ids: Several[str]) -> Mapping[str, str]:
        """See `ITaskStore.jobs_of`."""
        found = await self.tasks.find(queries.by_ids([from_id(task_id) for task_id in task_ids], _JOB))
        return {str(one["_id"]): to_id(one.get("job")) for one in found}

    async def held_by(self, worker_id: str) -> tuple[Task, ...]:
        """See `ITaskStore.held_by`."""
        tasks = [documents.task(document) for document in await self.tasks.find(queries.on_it(worker_id))]
        return tuple(sorted(tasks, key=lambda task: task.id))

    async def candidate(
        self, worker_id: str, task_types: Sequence[str], skip: Several[str], banned_since: float
    ) -> Task | None:
        """See `ITaskStore.candidate`; what this process has changed is settled first."""
        await self.settling.settled()
        return self._seen(await self.claims.candidate(worker_id, task_types, skip, banned_since))

    async def apply(self, transition: Transition) -> bool:
        """See `ITaskStore.apply`."""
        return await self.applying.apply(transition)

    async def standing(self, task_ids: Several[str]) -> Mapping[str, Standing]:
        """
        See `ITaskStore.standing`.

        Whether something waits is told by the task's document; of updates that it does not know, by the queue, which
        is asked first: what the Server takes in between is then in the number of its receipt.
        """
        ids = [from_id(task_id) for task_id in task_ids]
        loose: dict[str, bool] = {}
        for one in await self.queue.find(queries.loose_of(ids)):
            task_id = str(one["task_id"])
            loose[task_id] = loose.get(task_id, False) or one.get("task_status") in FINISHED
        here = {str(one["_id"]): one for one in await self.tasks.find(queries.standings(ids))}
        return {task_id: self._standing(here.get(task_id), loose.get(task_id)) for task_id in task_ids}

    async def take_in(self, imports: Sequence[Import]) -> frozenset[str]:
        """See `ITaskStore.take_in`."""
        return await self.arrivals.take_in(imports)

    async def release(self, limit: int) -> int:
        """See `ITaskStore.release`."""
        return await self.arrivals.release(limit)

    async def set_aside(self, tasks: Sequence[SetAside]) -> None:
        """See `ITaskStore.set_aside`."""
        await self.arrivals.set_aside(tasks)

    async def aside(self) -> tuple[SetAside, ...]:
        """See `ITaskStore.aside`."""
        return tuple(aside(document) for document in await self.set_aside_tasks.find(queries.ASIDE))

    async def missing(self, task_ids: Several[str]) -> frozenset[str]:
        """See `ITaskStore.missing`."""
        query = queries.by_ids([from_id(task_id) for task_id in task_ids], {"_id": 1})
        here = [*await self.tasks.find(query), *await self.set_aside_tasks.find(query)]
        return frozenset(task_ids) - {str(document["_id"]) for document in here}

    async def stopping(self, limit: int) -> tuple[Task, ...]:
        """See `ITaskStore.stopping`."""
        return tuple(map(documents.task, await self.tasks.find(queries.stopping(limit))))

    async def active(self, after: str, limit: int) -> tuple[Task, ...]:
        """See `ITaskStore.active`."""
        return tuple(map(documents.task, await self.tasks.find(queries.active(after, limit))))

    async def over(self, before: float, after: Place | None, limit: int) -> Page[Task]:
        """See `ITaskStore.over`."""
        return await self.removing.over(before, after, limit)

    async def remove(self, tasks: Sequence[Task]) -> frozenset[str]:
        """See `ITaskStore.remove`; what this process has changed is settled first."""
        await self.settling.settled()
        return await self.removing.remove(tasks)

    async def failures(self, worker_id: str, job: str, task_type: str) -> int:
        """See `ITaskStore.failures`."""
        return await self.tasks.count(queries.failures(worker_id, job, task_type))

    async def failed_before(self) -> Several[FailedBefore]:
        """See `ITaskStore.failed_before`: which jobs there are, and for each of them, which lanes."""
        return [
            FailedBefore(job=str(job), task_type=documents.lane_type(lane), failed_by=documents.lane_workers(lane))
            for job in await self.tasks.distinct("job", queries.failed_before())
            for lane in await self.tasks.distinct("mgr.lane", queries.failed_before(job))
        ]

    async def waiting(self, job: str, task_type: str, after: str, limit: int) -> tuple[Task, ...]:
        """See `ITaskStore.waiting`."""
        found = await self.tasks.find(queries.waiting(job, task_type, after, limit))
        return tuple(task for document in found if (task := self._seen(document)) is not None)

    async def counts(self) -> Mapping[str, int]:
        """See `ITaskStore.counts`."""
        return {one["_id"] or "": one["count"] for one in await self.tasks.aggregate(_BY_STATUS)}

    async def erase(self) -> int:
        """
        See `ITaskStore.erase`.

        The mark goes first: whatever is left when it is interrupted, all is downloaded again. Updates stay, and no task
        knows of them any more.
        """
        await self.mark.set(None)
        await self.settling.settled()
        await self.outboxes.cast_loose()
        await self.recording.collect()
        await self.set_aside_tasks.remove({})
        count = 0
        while some := await self.tasks.find(queries.some(_ERASED_AT_ONCE)):
            await self.tasks.remove({"_id": among([document["_id"] for document in some])})
            count += len(some)
        return count

    def _seen(self, document: Document | None) -> Task | None:
        """Return the task of a document, if it is one that the Manager understands."""
        if document is None or "rev" not in document.get("mgr", {}):
            return None
        task = documents.task(document)
        self.orders.see(task.id, task.revision, document["mgr"].get("order", 0))
        return task

    def _standing(self, document: Document | None, loose: bool | None) -> Standing:
        task = self._seen(document)
        ours: Mapping[str, Any] = {} if task is None or document is None else document["mgr"]
        outbox, queued = ours.get("outbox", ()), ours.get("queued", {})
        return Standing(
            task=task,
            waiting=bool(outbox or queued) or loose is not None,
            final_waits=bool(loose)
            or any(update.get("task_status") in FINISHED for update in outbox)
            or any(known["f"] for known in queued.values()),
            acked=ours.get("acked", 0),
        )
