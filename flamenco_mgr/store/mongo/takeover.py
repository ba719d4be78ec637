"""What a document of the original's becomes: the one statement that makes it ours, if nobody has done so before."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from bson import ObjectId
from pymongo import UpdateOne

from flamenco_mgr.domain.tasks import FINISHED
from flamenco_mgr.store.mongo import documents, odd_documents, schema, update_documents
from flamenco_mgr.store.mongo.changes import Change
from flamenco_mgr.store.mongo.encoding import ABSENT, Document, key_of, small
from flamenco_mgr.store.mongo.odd_documents import NotUnderstood, Understood
from flamenco_mgr.store.mongo.queue_order import places

_SEEN = 1
"""The turn of every task that is taken over, and as of which its children know it (`documents`)."""

_NOT_HERE = 0
"""As of when a parent is known that is not here: all that is heard of it is news."""

Families = Mapping[ObjectId, bool]
"""Of tasks that are here: whether children wait for them."""


def waited_for(parents: Iterable[Mapping[str, Any]]) -> Families:
    """
    Return whether children wait for these tasks, by their ``_id`` and ``status`` as the original left them.

    One without a status counts as completed (task-lifecycle.md 4). An id may be a text: such a task is not usable, but
    here.
    """
    found: dict[ObjectId, bool] = {}
    for one in parents:
        parent = ObjectId(one["_id"])
        found[parent] = found.get(parent, False) or one.get("status") not in documents.LETS_GO
    return found


def task(document: Document, understood: Understood, parents: Families, queue: Sequence[Document]) -> UpdateOne:
    """
    Return the statement for a task.

    ``parents``: of those of its parents that are here. ``queue``: what waits of it for the Server, with its place.
    """
    whole = understood.applied(document)
    read = documents.task(whole | {"mgr": {"rev": 0}})
    derived = documents.derived(read)
    family = documents.family(
        {
            parent: (_SEEN if parent in parents else _NOT_HERE, parents.get(parent, False))
            for parent in whole.get("parents", ())
        }
    )
    ready = derived["mgr.startable"] is not ABSENT and family["mgr.open"] is ABSENT
    queued = {key_of(str(one["_id"])): _queued(one) for one in queue}
    ours = {
        "mgr.rev": read.revision,
        "mgr.op": ObjectId(),
        **family,
        "mgr.turn": _SEEN,
        "mgr.heard": _SEEN,
        "mgr.ready": True if ready else ABSENT,
        "mgr.queued": queued or ABSENT,
        "mgr.order": max((one["mgr"]["order"] for one in queue), default=ABSENT),
    }
    return _statement(document, understood, schema.FRESH, derived | ours)


def worker(document: Document, understood: Understood) -> UpdateOne:
    """Return the statement for a worker."""
    return _statement(document, understood, schema.FRESH, {"mgr.rev": 0, "mgr.op": ObjectId()})


def mended(document: Document, understood: Understood) -> Iterator[UpdateOne]:
    """Yield the statement that lets the document of an update say plainly what it means, if it does not."""
    if understood != Understood():
        yield _statement(document, understood, schema.FRESH_UPDATE, {})


def usable(document: Document) -> Iterator[Document]:
    """Yield the document of an update as it is meant, if that can be told."""
    with suppress(NotUnderstood):
        yield odd_documents.update(document).applied(document)


def placed(updates: Sequence[Document]) -> Iterator[UpdateOne]:
    """Yield, for all updates that wait for a task, the statements that give their places to those that have none."""
    by_id = {update["_id"]: update for update in updates}
    for update_id, place in places(updates).items():
        ours = update_documents.new(update_documents.update(by_id[update_id]), place)["mgr"]
        fields = {f"mgr.{name}": value for name, value in ours.items()}
        yield _statement(by_id[update_id], Understood(), schema.FRESH_UPDATE, fields)


def loose(document: Document) -> UpdateOne:
    """Return the statement that marks an update of a task that is not here."""
    return UpdateOne({"_id": document["_id"]}, {"$set": {"mgr.loose": True}})


def named(document: Document) -> UpdateOne:
    """Return the statement by which a task is found by its name."""
    return UpdateOne({"_id": document["_id"]}, {"$set": {"mgr.name": small(document["name"])}})


def _queued(update: Document) -> Document:
    return {"v": update["mgr"]["version"], "f": update.get("task_status") in FINISHED}


def _statement(
    document: Document, understood: Understood, fresh: Mapping[str, Any], ours: Mapping[str, Any]
) -> UpdateOne:
    change = Change()
    change.put(understood.changed)
    change.put(dict.fromkeys(understood.removed, ABSENT))
    change.put({path: value for path, value in ours.items() if value is not ABSENT})
    if understood.aside:
        change.put({"mgr.aside": dict(understood.aside)})
    return UpdateOne({"_id": document["_id"], **fresh}, change.document)
