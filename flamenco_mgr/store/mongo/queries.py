"""Every query of the store, by what it is for; `indexes` has what each of them needs."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from bson import ObjectId

from flamenco_mgr.domain.tasks import FINISHED
from flamenco_mgr.store.mongo.collection import Query, among
from flamenco_mgr.store.mongo.encoding import Document, from_id, key_of

ORDER = (("job_priority", -1), ("priority", -1), ("_id", 1))
"""In which order tasks are given out (task-lifecycle.md 4)."""

TASK: Mapping[str, int] = {
    "commands": 0,
    "mgr.commands": 0,
    "mgr.outbox": 0,
    "mgr.queued": 0,
    "mgr.known": 0,
    "mgr.open": 0,
    "mgr.aside": 0,
}
"""Everything of a task's document but what makes it large."""

_STANDING: Mapping[str, int] = {
    "commands": 0,
    "mgr.commands": 0,
    "mgr.outbox.activity": 0,
    "mgr.outbox.log_tail": 0,
    "mgr.known": 0,
    "mgr.open": 0,
    "mgr.aside": 0,
}

_ABSENT = {"$exists": False}

_FINAL = sorted(str(status) for status in FINISHED)

OURS = {"mgr.rev": {"$exists": True}}
"""True of every task but those of the original that were left as they are."""


def by_id(task_id: str, fields: Mapping[str, int] | None = None) -> Query:
    """Return the query for one document."""
    return Query(filter={"_id": from_id(task_id)}, fields=fields)


def by_ids(ids: Collection[Any], fields: Mapping[str, int] | None = None) -> Query:
    """Return the query for documents by their ids, as they are in the database."""
    return Query(filter={"_id": among(ids)}, fields=fields)


def which_are_ours(ids: Collection[Any]) -> Query:
    """Return the query for those of these tasks that are here, and that the Manager understands."""
    return Query(filter={"_id": among(ids), **OURS}, fields={"_id": 1})


def in_revision(task_id: str, revision: int) -> Document:
    """Return the condition that a document has not changed since it was read."""
    return {"_id": from_id(task_id), "mgr.rev": revision}


def on_it(worker_id: str) -> Query:
    """Return the query for the tasks that a worker is on."""
    return Query(filter={"mgr.busy": from_id(worker_id)}, fields=TASK)


def best(key: str, values: Sequence[str], skip: Collection[str]) -> Query:
    """Return the query for the best task that may run, of some types or lanes."""
    wanted: Document = {"mgr.ready": True, key: among(values)}
    if skip:
        wanted["_id"] = {"$nin": [from_id(task_id) for task_id in skip]}
    return Query(filter=wanted, fields=TASK, sort=ORDER, limit=1)


LANES = Query(filter={"mgr.ready": True})
"""Tasks that may run; of these only the lanes are asked for."""


def standings(ids: Collection[Any]) -> Query:
    """Return the query for tasks with what waits of them for the Server."""
    return by_ids(ids, _STANDING)


def stopping(limit: int) -> Query:
    """Return the query for tasks that are to be cancelled, those that wait longest first."""
    return Query(filter={"mgr.stopping": {"$exists": True}}, fields=TASK, sort=(("mgr.stopping", 1),), limit=limit)


def held(limit: int) -> Query:
    """Return the query for tasks that nobody gets yet, in the order of their arrival."""
    return Query(
        filter={"mgr.held": {"$exists": True}}, fields={"_id": 1, "mgr.held": 1}, sort=(("mgr.held", 1),), limit=limit
    )


SETTLED_BY = {
    "status": 1,
    "parents": 1,
    "mgr.due": 1,
    "mgr.turn": 1,
    "mgr.heard": 1,
    "mgr.set_aside": 1,
    "mgr.known": 1,
}
"""What decides how a task is settled."""

PARENT = {"status": 1, "mgr.turn": 1, "mgr.set_aside": 1}
"""What decides whether a task is waited for, and as of when."""


def due(ids: Collection[Any]) -> Query:
    """Return the query for those of these tasks that have to be settled."""
    return Query(filter={"_id": among(ids), "mgr.due": {"$exists": True}}, fields=SETTLED_BY)


def left_due(limit: int) -> Query:
    """Return the query for tasks that have to be settled, whoever should have done it."""
    return Query(filter={"mgr.due": {"$exists": True}}, fields={"_id": 1}, limit=limit)


def turn_of(parent: Any) -> str:
    """Return the name of the field that tells as of which turn a task knows a parent."""
    return f"mgr.known.{key_of(str(parent))}"


def child_before(parent: Any, turn: int) -> Document:
    """Return the condition that a task has a parent, and knows less of it than what it was as of this turn."""
    return {"parents": parent, turn_of(parent): {"$lt": turn}}


def one_child_before(child: Any, parent: Any, turn: int) -> Document:
    """Return the same condition for one task."""
    return {"_id": child, **child_before(parent, turn)}


def may_run(which: Document) -> Document:
    """Return the condition that a task may run, and is not marked so yet."""
    return {
        **which,
        "mgr.startable": True,
        "mgr.held": _ABSENT,
        "mgr.unfit": _ABSENT,
        "mgr.open.0": _ABSENT,
        "mgr.ready": _ABSENT,
    }


def due_for(task_id: Any, token: ObjectId) -> Document:
    """Return the condition that a task has to be settled for no newer reason than this one."""
    return {"_id": task_id, "mgr.due": token}


def outboxes(limit: int) -> Query:
    """Return the query for tasks whose updates are on their way into the queue."""
    fields = {"mgr.outbox": 1}
    return Query(filter={"mgr.outbox.mgr.order": {"$gt": 0}}, fields=fields, limit=limit)


def queue_of(task_ids: Collection[Any]) -> Query:
    """Return the query for what waits of some tasks, in order."""
    return Query(filter={"task_id": among(task_ids), "mgr.order": {"$gt": 0}}, sort=(("mgr.order", 1),))


def final_in_queue(task_ids: Collection[Any]) -> Query:
    """Return the query for updates of some tasks that have a final status."""
    return Query(filter={"task_id": among(task_ids), "task_status": among(_FINAL)}, fields={"task_id": 1})


def loose_of(task_ids: Collection[Any]) -> Query:
    """Return the query for what waits of some tasks and is not known to their documents."""
    fields = {"task_id": 1, "task_status": 1}
    return Query(filter={"task_id": among(task_ids), "mgr.loose": True}, fields=fields)


def oldest(after: int, seen: Collection[Any], limit: int) -> Query:
    """Return the query for the queue from a place on; ``seen`` are the ids that were read of this very place."""
    wanted: Document = {"mgr.order": {"$gte": after}}
    if seen:
        wanted["_id"] = {"$nin": list(seen)}
    return Query(filter=wanted, sort=(("mgr.order", 1), ("_id", 1)), limit=limit)


QUEUED = Query(filter={"mgr.order": {"$gte": 0}})
"""All that is in the queue."""

PARKED = Query(filter={}, sort=(("mgr.order", 1), ("_id", 1)))

ASIDE = Query(filter={}, sort=(("since", 1), ("_id", 1)), limit=100)


def some(limit: int) -> Query:
    """Return the query for any documents, so many."""
    return Query(filter={}, fields={"_id": 1}, limit=limit)


EVERYTHING = Query(filter={})
