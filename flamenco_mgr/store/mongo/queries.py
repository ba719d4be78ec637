"""Every query of the store, by what it is for; `indexes` has what each of them needs."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from attrs import evolve
from bson import ObjectId

from flamenco_mgr.domain.tasks import FINISHED, Task, TaskStatus
from flamenco_mgr.store.mongo.collection import Query, among
from flamenco_mgr.store.mongo.encoding import Document, date_or_none, from_id, from_time, key_of

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
    "mgr.events": 0,
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
    "mgr.events": 0,
}

_ABSENT = {"$exists": False}

_IN_ORDER = (("mgr.order", 1), ("_id", 1))

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


def pinged_at(time: float | None) -> Document:
    """Return the condition that this is when a task was last pinged."""
    return {"last_worker_ping": date_or_none(time)}


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
"""Tasks that may run; of these only the lanes, or the jobs, are asked for."""


def best_of_jobs(jobs: Sequence[Any], lanes: Sequence[str], skip: Collection[str]) -> Query:
    """Return the query for the best task that may run, of some jobs and lanes; `best` with another condition."""
    one_key = best("mgr.lane", lanes, skip)
    return evolve(one_key, filter={**one_key.filter, "job": among(jobs)})


def failures(worker_id: str, job: str, task_type: str) -> Query:
    """Return the query for the tasks of a job and type that a worker failed at."""
    return Query(
        filter={
            "failed_by_workers": {"$exists": True},
            "failed_by_workers.id": from_id(worker_id),
            "job": from_id(job),
            "task_type": task_type,
        }
    )


FAILED_BEFORE = {"mgr.startable": True, "failed_by_workers": {"$exists": True}}
"""True of schedulable tasks that workers failed at."""


def failed_before(job: Any = None) -> Query:
    """Return the query for such tasks, of a job or all; of these only the jobs, or the lanes, are asked for."""
    return Query(filter=FAILED_BEFORE if job is None else {**FAILED_BEFORE, "job": job})


def waiting(job: str, task_type: str, after: str, limit: int) -> Query:
    """Return the query for schedulable tasks of a job and type, behind an id."""
    wanted: Document = {"mgr.startable": True, "job": from_id(job), "task_type": task_type}
    last = from_id(after)
    if isinstance(last, ObjectId):
        wanted["_id"] = {"$gt": last}
    elif after:  # texts come before ids, and are not compared with them
        wanted["$or"] = [{"_id": {"$gt": last}}, {"_id": {"$type": "objectId"}}]
    return Query(filter=wanted, fields=TASK, sort=(("_id", 1),), limit=limit)


def free_or_of(update_id: str, taker: str, before: float) -> Document:
    """Return the condition that a parked update is taken by nobody else since an instant."""
    free = [{"mgr.taker": {"$in": [None, taker]}}, {"mgr.taken": {"$lte": from_time(before)}}]
    return {**by_id(update_id).filter, "$or": free}


def lines(which: Mapping[str, Any]) -> Query:
    """Return the query for a line of the blacklist, of which the original may have made several: the last one first."""
    return Query(filter=which, sort=(("_created", -1),))


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


def oldest(after: int, seen: Collection[Any], limit: int, task_id: str | None = None) -> Query:
    """
    Return the query for the queue, or what is parked, from a place on, of one task or all.

    ``seen`` are the ids that were read of this very place.
    """
    wanted: Document = {"mgr.order": {"$gte": after}}
    if task_id is not None:
        wanted = {"task_id": from_id(task_id), **wanted}
    if seen:
        wanted["_id"] = {"$nin": list(seen)}
    sort = _IN_ORDER if task_id is None else _IN_ORDER[:1]
    return Query(filter=wanted, sort=sort, limit=limit)


QUEUED = Query(filter={"mgr.order": {"$gte": 0}})
"""All that is in the queue."""

PARKED = Query(filter={}, sort=_IN_ORDER)

PARKED_ALL = Query(filter={"mgr.order": {"$gte": 0}})
"""All that is parked."""


ASIDE = Query(filter={}, sort=(("since", 1), ("_id", 1)), limit=100)


def some(limit: int) -> Query:
    """Return the query for any documents, so many."""
    return Query(filter={}, fields={"_id": 1}, limit=limit)


WORKER_STATES = Query(filter={}, fields={"status": 1, "mgr.sick": 1})
"""How each worker is."""

EVERYTHING = Query(filter={})


def active(after: str, limit: int) -> Query:
    """Return the query for active tasks after this id, in the order of their ids."""
    wanted: Document = {"status": TaskStatus.ACTIVE.value, **OURS}
    if after:
        wanted["_id"] = {"$gt": from_id(after)}
    return Query(filter=wanted, fields=TASK, sort=(("_id", 1),), limit=limit)


def over_at(time: Any, after: Any, limit: int) -> Query:
    """Return the query for finished tasks that last changed just then (None: at no time), from an id on."""
    wanted: Document = {"status": among(_FINAL), "last_updated": time}
    if after is not None:
        wanted["_id"] = {"$gt": after}
    return Query(filter=wanted, fields=TASK, sort=(("_id", 1),), limit=limit)


def over_after(time: Any, upto: Any, limit: int) -> Query:
    """Return the query for finished tasks that last changed after one time, up to another."""
    wanted: Document = {"status": among(_FINAL), "last_updated": {"$lte": upto}}
    if time is not None:
        wanted["last_updated"]["$gt"] = time
    return Query(filter=wanted, fields=TASK, sort=(("last_updated", 1), ("_id", 1)), limit=limit)


def over_and_alone(task: Task) -> Document:
    """Return the condition that a finished task is as it was read, and nothing of it waits, by its own document."""
    return {
        **in_revision(task.id, task.revision),
        "status": task.status,
        **pinged_at(task.last_worker_ping),
        "mgr.held": _ABSENT,
        "mgr.set_aside": _ABSENT,
        "mgr.due": _ABSENT,
        "mgr.outbox.0": _ABSENT,
        "mgr.events.0": _ABSENT,
        "mgr.queued": {"$in": [None, {}]},
    }


def turns_of(ids: Collection[Any]) -> Query:
    """Return the query for the turns of those of these tasks that the Manager understands."""
    return Query(filter={"_id": among(ids), **OURS}, fields={"mgr.turn": 1})


def waiting_of(task_ids: Collection[Any]) -> Query:
    """Return the query for what waits of some tasks, by which tasks these are."""
    return Query(filter={"task_id": among(task_ids)}, fields={"task_id": 1})


def children(ids: Collection[Any]) -> Query:
    """Return the query for tasks that name one of these as a parent."""
    return Query(filter={"parents": among(ids)}, fields={"_id": 1})


def unfinished_children(ids: Collection[Any]) -> Query:
    """Return the query for those of them that are not finished."""
    return Query(filter={"parents": among(ids), "status": {"$nin": _FINAL}})
