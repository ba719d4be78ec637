"""Tasks of the Server's come in, are merged, are set aside, and are let go."""

from collections.abc import Collection as Several
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from attrs import frozen
from bson import ObjectId
from pymongo import UpdateOne
from twisted.logger import Logger

from flamenco_mgr.domain.events import of_task
from flamenco_mgr.store.interfaces import Import, SetAside
from flamenco_mgr.store.mongo import event_documents, queries
from flamenco_mgr.store.mongo.changes import Change
from flamenco_mgr.store.mongo.collection import Collection, among
from flamenco_mgr.store.mongo.documents import changed, command_fields, new_document
from flamenco_mgr.store.mongo.encoding import ABSENT, Document, from_id, misfit
from flamenco_mgr.store.mongo.orders import Orders
from flamenco_mgr.store.mongo.set_aside import put_aside
from flamenco_mgr.store.mongo.settling import Settling, opened

_NOT_STORED = "It cannot be stored: "


@frozen(eq=False)
class Arrivals:
    """Takes in what the Server sends."""

    _log: ClassVar[Logger] = Logger()

    _tasks: Collection
    _set_aside: Collection
    _orders: Orders
    _settling: Settling

    async def take_in(self, imports: Sequence[Import]) -> frozenset[str]:
        """
        Store tasks; return the ids of those that have changed since it was decided what becomes of them.

        One that no document can hold is set aside. If an older copy of it is here, nobody gets that any more: it is
        not what the Server wants done.
        """
        turns = await self._turns_aside([from_id(one.after.id) for one in imports])
        token = ObjectId()
        added, misfits = self._new_documents(imports, turns, token)
        merged = [_Merge.of(one, token, self._orders, turns) for one in imports if one.before is not None]
        left = set(await self._add(added, token)) | set(await self._merge(merged, token))
        misfits += [_misfit(one.decided, one.reason) for one in merged if one.reason and one.task_id not in left]
        understood = turns.keys() - left - {from_id(one.task_id) for one in misfits}
        if understood:
            await self._set_aside.remove({"_id": among(understood)})
        if misfits:
            await self.set_aside(misfits)
        due = [document["_id"] for document in added] + [one.task_id for one in merged if one.is_due]
        self._settling.soon(task_id for task_id in due if task_id not in left)
        return frozenset(map(str, left))

    async def set_aside(self, tasks: Sequence[SetAside]) -> None:
        """Remember tasks that could not be understood, and let their children wait."""
        if not tasks:
            return
        token = ObjectId()
        turn = self._orders.new()
        ids = [from_id(task.task_id) for task in tasks]
        await self._set_aside.write(
            [UpdateOne({"_id": from_id(task.task_id)}, put_aside(task, turn), upsert=True) for task in tasks]
        )
        mark: Document = {"$set": {"mgr.set_aside": True, "mgr.due": token}, "$inc": {"mgr.turn": 1}}
        unmarked = {"mgr.set_aside": {"$exists": False}, **queries.OURS}
        await self._tasks.write([UpdateOne({"_id": task_id, **unmarked}, mark) for task_id in ids])
        here = {one["_id"] for one in await self._tasks.find(queries.which_are_ours(ids))}
        turns = await self._turns_aside([task_id for task_id in ids if task_id not in here])
        await self._tasks.write([opened(task_id, turn) for task_id, turn in turns.items()])
        self._settling.soon(here)

    async def release(self, limit: int) -> int:
        """
        Let held tasks go, and return how many.

        What came before, or is left of a process that died, is settled first: a parent that has just come makes its
        children wait.
        """
        await self._settling.settle_left()
        ids = [document["_id"] for document in await self._tasks.find(queries.held(limit))]
        if ids:
            change: Document = {"$unset": {"mgr.held": ""}, "$set": {"mgr.due": ObjectId()}}
            await self._tasks.update_all(queries.by_ids(ids).filter, change)
            self._settling.soon(ids)
        return len(ids)

    async def _turns_aside(self, ids: Sequence[Any]) -> Mapping[Any, int]:
        """Return which of these are set aside, and the turn of each."""
        found = await self._set_aside.find(queries.by_ids(ids, {"turn": 1})) if ids else []
        return {document["_id"]: document["turn"] for document in found}

    def _new_documents(
        self, imports: Iterable[Import], turns: Mapping[Any, int], token: ObjectId
    ) -> tuple[list[Document], list[SetAside]]:
        documents, misfits = [], []
        for one in imports:
            if one.before is None:
                place = self._orders.new(after=turns.get(from_id(one.after.id), 0))
                document = new_document(one.after, one.commands, place, token, held=one.held)
                reason = misfit(document)
                if reason:
                    misfits.append(_misfit(one, reason))
                else:
                    documents.append(document)
        return documents, misfits

    async def _add(self, documents: Sequence[Document], token: ObjectId) -> Iterable[Any]:
        """Store new tasks; return the ids of those that were here already."""
        there = await self._tasks.insert(documents)
        if not there:
            return ()
        # One that the Manager could not take over from the original is known now.
        for document in documents:
            if document["_id"] in there:
                await self._tasks.replace({"_id": document["_id"], "mgr.rev": {"$exists": False}}, document)
        return there - await self._done(there, token)

    async def _merge(self, merges: "Sequence[_Merge]", token: ObjectId) -> Iterable[Any]:
        """Merge copies of tasks; return the ids of those that have changed meanwhile."""
        statements = [one.statement for one in merges]
        if await self._tasks.write(statements, ordered=False) == len(statements):
            return ()
        ids = {one.task_id for one in merges}
        return ids - await self._done(ids, token)

    async def _done(self, ids: Several[Any], token: ObjectId) -> set[Any]:
        """Return which of these tasks were changed with this token, at a first try whose answer was lost."""
        found = await self._tasks.find(queries.by_ids(ids, {"mgr.op": 1}))
        return {document["_id"] for document in found if document.get("mgr", {}).get("op") == token}


@frozen(kw_only=True)
class _Merge:
    """A copy of a task that is here, as one statement; ``reason``: why it cannot be stored, if so."""

    decided: Import
    task_id: Any
    statement: UpdateOne
    is_due: bool
    reason: str

    @classmethod
    def of(cls, decided: Import, token: ObjectId, orders: Orders, turns: Mapping[Any, int]) -> "_Merge":
        before, after = decided.before, decided.after
        assert before is not None, "what is merged is here"  # noqa: S101 to mypy
        change = changed(before, after, token)
        change.put(command_fields(decided.commands))
        task_id = from_id(before.id)
        reason = misfit(change.document)
        if reason:
            change = Change()
            change.put({"mgr.op": token, "mgr.unfit": reason, "mgr.ready": ABSENT})
        else:
            change.put({"mgr.unfit": ABSENT})
            if decided.held:
                change.put({"mgr.held": orders.new(), "mgr.ready": ABSENT, "mgr.due": token})
            if task_id in turns:
                change.put({"mgr.set_aside": ABSENT, "mgr.due": token})
                change.grow("mgr.turn")
        event = None if reason else of_task(before, after)
        if event is not None:
            change.append("mgr.events", event_documents.document(event))
        if reason or after != before:
            change.put({"mgr.rev": before.revision + 1})
        document = change.document
        return cls(
            decided=decided,
            task_id=task_id,
            statement=UpdateOne(queries.in_revision(before.id, before.revision), document),
            is_due="mgr.due" in document["$set"],
            reason=reason,
        )


def _misfit(one: Import, reason: str) -> SetAside:
    return SetAside(
        task_id=one.after.id, reason=f"{_NOT_STORED}{reason}", document="", since=one.after.last_updated or 0.0
    )
