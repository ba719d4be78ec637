"""
Tasks as documents of ``flamenco_tasks``.

The original's fields keep their names and types (task-lifecycle.md 1). Ours are in one sub-document, ``mgr``:

| field | what it says |
|---|---|
| ``rev`` | the task's revision: every change of the task is conditional on it, and moves it |
| ``op`` | a token of the last such change, by which one whose answer was lost is recognised |
| ``startable`` | there if a worker may start the task as far as its status goes |
| ``lane`` | who failed at the task, and its type: what makes it unfit for a worker |
| ``busy`` | the worker that is on it |
| ``stopping`` | there if it is to be cancelled: since when, in seconds; less than any time if nobody is on it |
| ``open`` | the parents that the task waits for |
| ``known`` | by parent, as of which of its turns that is so |
| ``turn`` | grows whenever children may have to begin, or need not any more, to wait for this task |
| ``heard`` | the turn that all children know of |
| ``set_aside`` | there if the Server's latest copy could not be understood: children wait |
| ``held`` | there if nobody gets the task before its release: its place in the order of arrival |
| ``unfit`` | there if the Server's latest copy could not be stored, and why: nobody gets the task |
| ``ready`` | there if a worker may have the task: startable, not held nor unfit, and no parent is waited for |
| ``due`` | there if ``ready``, or what the children know, is still to be settled: a token of who wants it |
| ``outbox`` | updates that are on their way into ``task_update_queue``, as they will be there |
| ``queued`` | of each update in the queue: its version ``v``, and whether its status is final (``f``) |
| ``order`` | the place in the queue that the task's latest update has been given |
| ``acked`` | the number of the Server's latest receipt |
| ``name`` | the beginning of the task's name in small letters, to look for it |
| ``events`` | what has happened to the task and is on its way into the event log (`event_documents`) |
| ``progress``, ``cancel_requested_at``, ``timing``, ``commands`` | what the original's fields have no place for |
"""

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any

from bson import ObjectId

from flamenco_mgr.domain.tasks import SCHEDULABLE, UNKNOWN_TYPE, Command, Task, TaskStatus
from flamenco_mgr.store.mongo.changes import Change, nested
from flamenco_mgr.store.mongo.encoding import (
    ABSENT,
    Document,
    from_commands,
    from_failed_by,
    from_id,
    from_progress,
    from_time,
    from_timing,
    key_of,
    small,
    to_failed_by,
    to_id,
    to_progress,
    to_time,
    to_timing,
)

TASKS = "flamenco_tasks"

NEVER = -1
"""The turn of a parent that a task has not looked at yet."""

NOBODY_IS_ON_IT = -1.0
"""What ``mgr.stopping`` is if nobody has to be waited for."""

LETS_GO = (None, "", TaskStatus.COMPLETED.value)
"""The statuses with which the original lets the children of a task go (task-lifecycle.md 4)."""

BUSY: frozenset[str] = frozenset({TaskStatus.ACTIVE, TaskStatus.CANCEL_REQUESTED})
"""A worker is on the task."""

Fields = dict[str, Any]


def _plainly(path: str) -> Callable[[Any], Fields]:
    return lambda value: {path: value}


def _if_any(path: str) -> Callable[[Any], Fields]:
    return lambda value: {path: value or ABSENT}


def _id(path: str) -> Callable[[Any], Fields]:
    return lambda value: {path: from_id(value) if value else ABSENT}


def _time(path: str) -> Callable[[Any], Fields]:
    return lambda value: {path: from_time(value)}


def _timing(value: Any) -> Fields:
    plain, text = from_timing(value)
    return {"metrics.timing": plain, "mgr.timing": text}


_FIELDS: Mapping[str, Callable[[Any], Fields]] = {
    "etag": _if_any("_etag"),
    "job": _id("job"),
    "manager": _id("manager"),
    "project": _id("project"),
    "user": _id("user"),
    "name": _plainly("name"),
    "status": _plainly("status"),
    "priority": _plainly("priority"),
    "job_priority": _plainly("job_priority"),
    "job_type": _plainly("job_type"),
    "task_type": _plainly("task_type"),
    "log": _if_any("log"),
    "activity": _if_any("activity"),
    "parents": lambda parents: {"parents": [from_id(parent) for parent in parents] or ABSENT},
    "worker": _if_any("worker"),
    "failed_by": lambda failed_by: {"failed_by_workers": from_failed_by(failed_by) or ABSENT},
    "timing": _timing,
    "worker_id": _id("worker_id"),
    "last_worker_ping": _time("last_worker_ping"),
    "last_updated": _time("last_updated"),
    "progress": lambda progress: {"mgr.progress": from_progress(progress)},
    "cancel_requested_at": _time("mgr.cancel_requested_at"),
}
"""How each field of `Task` but its id and revision is written."""

_values = attrgetter(*_FIELDS)


def task(document: Document) -> Task:
    """Return the task of a document, which may lack what only `commands` and the store itself need."""
    ours = document["mgr"]
    worker_id = document.get("worker_id")
    return Task(
        id=str(document["_id"]),
        job=to_id(document.get("job")),
        status=document.get("status") or "",
        name=document.get("name") or "",
        priority=document.get("priority") or 0,
        job_priority=document.get("job_priority") or 0,
        job_type=document.get("job_type") or "",
        task_type=document.get("task_type") or UNKNOWN_TYPE,
        parents=tuple(map(str, document.get("parents") or ())),
        etag=document.get("_etag") or "",
        manager=to_id(document.get("manager")),
        project=to_id(document.get("project")),
        user=to_id(document.get("user")),
        log=document.get("log") or "",
        activity=document.get("activity") or "",
        worker=document.get("worker") or "",
        worker_id=None if worker_id is None else str(worker_id),
        failed_by=to_failed_by(document.get("failed_by_workers")),
        timing=to_timing(document.get("metrics"), ours.get("timing")),
        progress=to_progress(ours.get("progress")),
        last_worker_ping=to_time(document.get("last_worker_ping")),
        last_updated=to_time(document.get("last_updated")),
        cancel_requested_at=to_time(ours.get("cancel_requested_at")),
        revision=ours["rev"],
    )


def is_ours(document: Document) -> bool:
    """Whether a document is of a task that the Manager understands; some of the original's are left as they are."""
    return "rev" in document.get("mgr", {})


def derived(task: Task) -> Fields:
    """Return what of ``mgr`` follows from the task alone."""
    return {
        "mgr.startable": True if task.status in SCHEDULABLE else ABSENT,
        "mgr.lane": lane(task),
        "mgr.busy": from_id(task.worker_id) if task.worker_id and task.status in BUSY else ABSENT,
        "mgr.stopping": _stopping(task),
        "mgr.name": small(task.name) or ABSENT,
    }


def lane(task: Task) -> str:
    """Return who failed at a task, and its type, as `lane_excludes` and `lane_type` read it."""
    return " ".join(sorted({failed.id for failed in task.failed_by})) + "\n" + task.task_type


def lane_type(lane: str) -> str:
    """Return the type of the tasks of a lane."""
    return lane.partition("\n")[2]


def lane_workers(lane: str) -> frozenset[str]:
    """Return the workers that failed at the tasks of a lane."""
    return frozenset(lane.partition("\n")[0].split())


def lane_excludes(lane: str, worker_id: str) -> bool:
    """Whether a worker failed at the tasks of a lane."""
    return worker_id in lane.partition("\n")[0].split(" ")


def family(parents: Mapping[Any, tuple[int, bool]]) -> Fields:
    """Return what a task knows of its parents, as fields of its document: the turn of each, and if it waits for it."""
    return {
        "mgr.known": {key_of(str(parent)): turn for parent, (turn, _) in parents.items()} or ABSENT,
        "mgr.open": [parent for parent, (_, waits) in parents.items() if waits] or ABSENT,
    }


def unseen_family(task: Task) -> Fields:
    """Return what a task knows of its parents before it has looked at them: it waits for each."""
    return family({from_id(parent): (NEVER, True) for parent in task.parents})


def first_fields(task: Task, place: int, token: ObjectId) -> Fields:
    """Return all of ``mgr`` that a task has at its beginning; ``place`` is one in the order of what happens."""
    return {
        **derived(task),
        "mgr.rev": task.revision,
        "mgr.op": token,
        **unseen_family(task),
        "mgr.turn": place,
        "mgr.due": token,
    }


def new_document(
    task: Task, commands: tuple[Command, ...], place: int, token: ObjectId, *, held: bool = True
) -> Document:
    """Return the document of a task that was not here."""
    fields: Fields = {"_id": from_id(task.id)}
    for name, value in zip(_FIELDS, _values(task), strict=True):
        fields.update(_FIELDS[name](value))
    fields.update(first_fields(task, place, token))
    fields.update(command_fields(commands))
    fields["mgr.held"] = place if held else ABSENT
    return nested(fields)


def command_fields(commands: tuple[Command, ...]) -> Fields:
    """Return a task's commands as fields of its document."""
    listed, text = from_commands(commands)
    return {"commands": listed, "mgr.commands": text}


def changed(before: Task, after: Task, token: ObjectId) -> Change:
    """Return the change from one state of a task to another, with all that follows in the task's own document."""
    change = Change()
    change.put({"mgr.op": token})
    for name, old, new in zip(_FIELDS, _values(before), _values(after), strict=True):
        if old != new:
            change.put(_FIELDS[name](new))
    was, becomes = derived(before), derived(after)
    change.put({path: value for path, value in becomes.items() if value != was[path]})
    if becomes["mgr.startable"] is not was["mgr.startable"]:
        change.put({"mgr.ready": ABSENT} if becomes["mgr.startable"] is ABSENT else {"mgr.due": token})
    if (before.status == TaskStatus.COMPLETED) is not (after.status == TaskStatus.COMPLETED):
        change.put({"mgr.due": token})
        change.grow("mgr.turn")
    if before.parents != after.parents:
        change.put({**unseen_family(after), "mgr.ready": ABSENT, "mgr.due": token})
    return change


def is_waited_for(document: Document) -> bool:
    """Whether the children of a task wait for it."""
    return document.get("status") != TaskStatus.COMPLETED or "set_aside" in document["mgr"]


def _stopping(task: Task) -> Any:
    if task.status != TaskStatus.CANCEL_REQUESTED:
        return ABSENT
    if task.worker_id is None or task.cancel_requested_at is None:
        return NOBODY_IS_ON_IT
    return task.cancel_requested_at
