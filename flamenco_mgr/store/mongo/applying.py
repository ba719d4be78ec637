"""A decided change of a task, with what the Server hears of it, is one write of the task's document."""

from attrs import frozen
from bson import ObjectId

from flamenco_mgr.domain.updates import TaskUpdate, Transition
from flamenco_mgr.store.interfaces import StoreUnavailable
from flamenco_mgr.store.mongo import event_documents, queries, update_documents
from flamenco_mgr.store.mongo.collection import Collection
from flamenco_mgr.store.mongo.documents import changed
from flamenco_mgr.store.mongo.encoding import Document, from_id, key_of, misfit
from flamenco_mgr.store.mongo.orders import Orders
from flamenco_mgr.store.mongo.settling import Settling

_UNKNOWN = -1
"""A place that nobody needs to know."""

_LATEST = {"mgr.rev": 1, "mgr.order": 1}
_TRACES = {"mgr.op": 1, "mgr.outbox._id": 1, "mgr.queued": 1}


@frozen(eq=False)
class Applying:
    """Carries out transitions."""

    _tasks: Collection
    _orders: Orders
    _settling: Settling

    async def apply(self, transition: Transition) -> bool:
        """
        Change a task as decided; False if its revision has moved on.

        The change may be sent twice, if the first answer was lost: then the second finds another revision, and the
        document tells that it was ours.
        """
        before, told = transition.before, transition.update
        latest = await self._latest(before.id, before.revision, asked=told is not None)
        if latest is None:
            return False
        order = latest if told is None else self._orders.new(after=latest)
        token = ObjectId()
        change = changed(before, transition.after, token)
        change.put({"mgr.rev": before.revision + 1})
        if told is not None:
            change.append("mgr.outbox", _document(told, order))
            change.put({"mgr.order": order})
        for event in transition.events:
            change.append("mgr.events", event_documents.document(event))
        wanted = change.document
        which = queries.in_revision(before.id, before.revision)
        if transition.unless_pinged:
            which |= queries.pinged_at(before.last_worker_ping)
        done = await self._tasks.update(which, wanted)
        if not done and not await self._was_done(before.id, token, told):
            return False
        if order != _UNKNOWN:
            self._orders.see(before.id, before.revision + 1, order)
        if "mgr.due" in wanted["$set"]:
            self._settling.soon([from_id(before.id)])
        return True

    async def _latest(self, task_id: str, revision: int, *, asked: bool) -> int | None:
        """
        Return the place of the task's latest update in this revision of it; None if the revision has moved on.

        Mostly it was seen when the task was read. If not, the database is ``asked``, or it stays unknown.
        """
        known = self._orders.latest(task_id, revision)
        if known is not None:
            return known
        if not asked:
            return _UNKNOWN
        document = await self._tasks.one(queries.by_id(task_id, _LATEST))
        ours = {} if document is None else document.get("mgr", {})
        return ours.get("order", 0) if ours.get("rev") == revision else None

    async def _was_done(self, task_id: str, token: ObjectId, told: TaskUpdate | None) -> bool:
        document = await self._tasks.one(queries.by_id(task_id, _TRACES))
        ours = {} if document is None else document.get("mgr", {})
        if ours.get("op") == token:
            return True
        if told is None:
            return False
        return key_of(told.id) in ours.get("queued", {}) or any(
            str(update["_id"]) == told.id for update in ours.get("outbox", ())
        )


def _document(told: TaskUpdate, order: int) -> Document:
    document = update_documents.new(told, order)
    reason = misfit(document)
    if reason:
        raise StoreUnavailable(f"an update of task {told.task_id} cannot be stored: {reason}")
    return document
