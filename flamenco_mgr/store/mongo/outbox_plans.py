"""
How the updates in a task's outbox get into the queue: each by itself, or merged into the one before.

Whoever makes the same plan twice, since the first time was interrupted, finds what is in the queue already: an update
by its id, or by its place, which is not beyond what the waiting update includes (``upto``).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import define, evolve, field
from pymongo import UpdateOne

from flamenco_mgr.domain.tasks import FINISHED
from flamenco_mgr.domain.updates import merged
from flamenco_mgr.store.mongo import update_documents
from flamenco_mgr.store.mongo.encoding import Document, from_id, key_of
from flamenco_mgr.store.mongo.update_documents import Waiting


@define(eq=False)
class Plan:
    """What is to be done for one task; ``ids`` are those of all updates in its outbox."""

    task_id: Any
    ids: list[Any] = field(factory=list)
    new: dict[str, Waiting] = field(factory=dict)
    grown: dict[str, Waiting] = field(factory=dict)
    versions: dict[str, int] = field(factory=dict)
    known: dict[str, Waiting] = field(factory=dict)

    def insertions(self) -> list[Document]:
        """Return the documents that come into the queue."""
        return [update_documents.document(one) for one in self.new.values()]

    def growths(self) -> list[UpdateOne]:
        """Return the statements that let updates in the queue grow, each if it is in the version that was seen."""
        return [
            UpdateOne({"_id": from_id(update_id), "mgr.version": self.versions[update_id]}, {"$set": _words(one)})
            for update_id, one in self.grown.items()
        ]

    def emptying(self) -> UpdateOne:
        """
        Return the statement by which the task's document says that its updates are in the queue.

        Only if all of them are still on their way: else another process was quicker, and maybe the Server as well.
        """
        queued = {
            f"mgr.queued.{key_of(one.update.id)}": {"v": one.version, "f": one.update.status in FINISHED}
            for one in self.known.values()
        }
        return UpdateOne(
            {"_id": self.task_id, "mgr.outbox._id": {"$all": self.ids}},
            {"$pull": {"mgr.outbox": {"_id": {"$in": self.ids}}}, "$set": queued},
        )


def plan(task_id: Any, outbox: Iterable[Document], queue: Sequence[Document]) -> Plan:
    """Return what is to be done with a task's outbox, given what is in the queue for it, in order."""
    todo = Plan(task_id)
    waiting = [update_documents.waiting(document) for document in queue]
    for document in sorted(outbox, key=lambda one: int(one["mgr"]["order"])):
        todo.ids.append(document["_id"])
        _place(todo, update_documents.waiting(document), waiting)
    return todo


def is_live(document: Document, ours: Mapping[str, Any]) -> bool:
    """
    Whether an update in the queue is still to be told, by what its task's document says.

    If that knows nothing of it, the Server has it: it was put here by somebody who was late, or is just being removed.
    """
    there = document["mgr"]
    if "loose" in there or key_of(str(document["_id"])) in ours.get("queued", {}):
        return True
    return any(update["mgr"]["order"] == there["upto"] for update in ours.get("outbox", ()))


def _place(todo: Plan, later: Waiting, waiting: list[Waiting]) -> None:
    for one in waiting:
        if one.update.id == later.update.id or (one.order <= later.order <= one.upto and not one.loose):
            todo.known[one.update.id] = one
            return
    last = waiting[-1] if waiting else None
    both = None if last is None or last.loose else merged(last.update, later.update)
    if last is None or both is None:
        waiting.append(later)
        todo.new[later.update.id] = todo.known[later.update.id] = later
        return
    waiting[-1] = grown = evolve(last, update=both, upto=later.order, version=last.version + 1)
    todo.known[both.id] = grown
    if both.id in todo.new:
        todo.new[both.id] = grown
    else:
        todo.versions.setdefault(both.id, last.version)
        todo.grown[both.id] = grown


def _words(grown: Waiting) -> Document:
    fields = update_documents.document(grown)
    ours = fields.pop("mgr")
    del fields["_id"], ours["unhandled"], ours["order"]
    return fields | {f"mgr.{name}": value for name, value in ours.items()}
