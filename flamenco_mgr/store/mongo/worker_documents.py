"""
Workers as documents of ``flamenco_workers``.

Ours is ``mgr``: ``rev`` and ``op`` are as of tasks, ``seen`` grows with what others should notice though the revision
stays, ``place`` is one in the order of what happens, ``failed_jobs`` and ``sick`` are as in `Worker`.
"""

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any

from bson import Binary

from flamenco_mgr.domain.workers import Worker
from flamenco_mgr.store.interfaces import WorkerBeat
from flamenco_mgr.store.mongo.changes import nested
from flamenco_mgr.store.mongo.encoding import ABSENT, Document, from_id, from_time, to_time
from flamenco_mgr.store.mongo.schedules import from_schedule, to_schedule

WORKERS = "flamenco_workers"

Fields = dict[str, Any]

_FIELDS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "hashed_secret": ("hashed_secret", Binary),
    "nickname": ("nickname", str),
    "address": ("address", str),
    "platform": ("platform", str),
    "software": ("software", str),
    "supported_task_types": ("supported_task_types", list),
    "status": ("status", str),
    "status_requested": ("status_requested", lambda status: ABSENT if status is None else status),
    "lazy_status_request": ("lazy_status_request", bool),
    "last_activity": ("last_activity", from_time),
    "current_task": ("current_task", lambda task_id: ABSENT if task_id is None else from_id(task_id)),
    "current_task_status": ("current_task_status", lambda status: status or ABSENT),
    "current_task_updated": ("current_task_updated", from_time),
    "sleep_schedule": ("sleep_schedule", from_schedule),
    "failed_jobs": ("mgr.failed_jobs", lambda jobs: [from_id(job) for job in jobs] or ABSENT),
    "sick": ("mgr.sick", lambda reason: reason or ABSENT),
}
"""Where each field of `Worker` but its id and revision is written, and how."""

_values = attrgetter(*_FIELDS)


def worker(document: Document) -> Worker:
    """Return the worker of a document, of the original's as well."""
    current_task = document.get("current_task")
    ours = document.get("mgr", {})
    return Worker(
        id=str(document["_id"]),
        hashed_secret=bytes(document["hashed_secret"]),
        nickname=document.get("nickname") or "",
        address=document.get("address") or "",
        platform=document.get("platform") or "",
        software=document.get("software") or "",
        supported_task_types=tuple(document.get("supported_task_types") or ()),
        status=document.get("status") or "",
        status_requested=document.get("status_requested") or None,
        lazy_status_request=bool(document.get("lazy_status_request")),
        last_activity=to_time(document.get("last_activity")),
        current_task=None if current_task is None else str(current_task),
        current_task_status=document.get("current_task_status") or "",
        current_task_updated=to_time(document.get("current_task_updated")),
        sleep_schedule=to_schedule(document.get("sleep_schedule")),
        failed_jobs=tuple(map(str, ours.get("failed_jobs") or ())),
        sick=ours.get("sick") or "",
        revision=ours.get("rev", 0),
    )


def is_usable(document: Document) -> bool:
    """Whether a document is of a worker that can sign on."""
    return isinstance(document.get("hashed_secret"), bytes)


def new_document(worker: Worker, place: int) -> Document:
    """Return the document of a worker that has just registered; ``place`` is one in the order of what happens."""
    values = dict(zip(_FIELDS, _values(worker), strict=True))
    fields = written(values) | {"_id": from_id(worker.id), "mgr.rev": worker.revision, "mgr.place": place}
    return nested(fields)


def changed(before: Worker, after: Worker) -> dict[str, Any]:
    """Return the attributes in which two states of a worker differ, with what they become."""
    return {name: new for name, old, new in zip(_FIELDS, _values(before), _values(after), strict=True) if old != new}


def written(values: Mapping[str, Any]) -> Fields:
    """Return attributes of a worker as fields of its document, by their paths."""
    fields = {}
    for name, value in values.items():
        path, write = _FIELDS[name]
        fields[path] = write(value)
    return fields


def place(document: Document) -> tuple[float, str]:
    """Return what puts workers into the order of their registration; of the original's the id tells the second."""
    there = document.get("mgr", {}).get("place")
    found = document["_id"]
    if there is None and hasattr(found, "generation_time"):
        there = found.generation_time.timestamp() * 1_000_000
    return there or 0, str(found)


def in_revision(worker_id: str, revision: int) -> Document:
    """Return the condition that a worker has not changed since it was read; the original knows no revisions."""
    return {"_id": from_id(worker_id), "mgr.rev": revision or {"$in": [0, None]}}


def noticed(beat: WorkerBeat) -> Document:
    """Return the change that a heartbeat brings; times never go back."""
    times = {
        "last_activity": from_time(beat.last_activity),
        "current_task_updated": from_time(beat.current_task_updated),
    }
    later = {name: value for name, value in times.items() if value is not ABSENT}
    said: Fields = {"address": beat.address, "software": beat.software, "current_task_status": beat.current_task_status}
    if beat.current_task is not None:
        said["current_task"] = from_id(beat.current_task)
    said = {name: value for name, value in said.items() if value}
    change: Document = {}
    if later:
        change["$max"] = later
    if said:
        change["$set"] = said
    return change
