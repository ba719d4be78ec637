"""
Updates for the Server as documents of ``task_update_queue``, and of the outboxes of tasks.

Beside the original's fields ``mgr`` has: ``order``, the place in the queue; ``upto``, the place of the latest update
that was merged into this one; ``version``, how many these are; ``unhandled``; ``bytes``; ``progress``, there if the
numbers say anything; ``timing``, if it had to be JSON; ``loose``, there if no task's document knows of the update.
"""

from typing import Any

from attrs import frozen

from flamenco_mgr.domain.tasks import Progress
from flamenco_mgr.domain.updates import TaskUpdate
from flamenco_mgr.store.mongo.changes import nested
from flamenco_mgr.store.mongo.encoding import (
    ABSENT,
    Document,
    from_failed_by,
    from_id,
    from_time,
    from_timing,
    to_failed_by,
    to_time,
    to_timing,
)

QUEUE = "task_update_queue"
PARKED = "flamenco_parked_updates"

_FRAME = 256
"""Bytes of an update's JSON besides its texts: ids, names of fields, times."""

_FAILED = 64
"""Bytes of a worker that failed."""


@frozen(kw_only=True)
class Waiting:
    """An update in the queue: its place, the place of the latest one merged into it, and how many they are."""

    update: TaskUpdate
    order: int
    upto: int
    version: int = 1
    unhandled: int = 0
    loose: bool = False


def update(document: Document) -> TaskUpdate:
    """Return the update of a document."""
    ours = document.get("mgr") or {}
    failed_by = document.get("failed_by_workers")
    numbers = [
        int(document.get(name) or 0)
        for name in ("task_progress_percentage", "current_command_idx", "command_progress_percentage")
    ]
    known = any(numbers) or "progress" in ours
    return TaskUpdate(
        id=str(document["_id"]),
        task_id=str(document["task_id"]),
        received_at=to_time(document.get("received_on_manager")) or 0.0,
        status=document.get("task_status") or None,
        activity=document.get("activity") or "",
        log_tail=document.get("log_tail") or "",
        worker=document.get("worker") or "",
        failed_by=None if failed_by is None else to_failed_by(failed_by),
        timing=to_timing(document.get("metrics"), ours.get("timing")),
        progress=_progress(*numbers) if known else None,
    )


def waiting(document: Document) -> Waiting:
    """Return an update with its place, of a document of the queue or of an outbox."""
    ours = document["mgr"]
    return Waiting(
        update=update(document),
        order=ours["order"],
        upto=ours["upto"],
        version=ours["version"],
        unhandled=ours["unhandled"],
        loose="loose" in ours,
    )


def document(waiting: Waiting) -> Document:
    """Return the document of an update with its place."""
    told = waiting.update
    timing, text = from_timing(told.timing)
    progress = told.progress or Progress()
    return nested(
        {
            "_id": from_id(told.id),
            "task_id": from_id(told.task_id),
            "task_status": told.status or ABSENT,
            "received_on_manager": from_time(told.received_at),
            "activity": told.activity or ABSENT,
            "task_progress_percentage": progress.task_percentage,
            "current_command_idx": progress.command_index,
            "command_progress_percentage": progress.command_percentage,
            "log_tail": told.log_tail or ABSENT,
            "worker": told.worker,
            "failed_by_workers": ABSENT if told.failed_by is None else from_failed_by(told.failed_by),
            "metrics.timing": timing,
            "mgr.order": waiting.order,
            "mgr.upto": waiting.upto,
            "mgr.version": waiting.version,
            "mgr.unhandled": waiting.unhandled,
            "mgr.bytes": _size(told),
            "mgr.progress": ABSENT if told.progress is None else True,
            "mgr.timing": text,
            "mgr.loose": True if waiting.loose else ABSENT,
        }
    )


def new(told: TaskUpdate, order: int) -> Document:
    """Return the document of an update that nothing was merged into yet."""
    return document(Waiting(update=told, order=order, upto=order))


def _size(told: TaskUpdate) -> int:
    texts = sum(len(text) for text in (told.activity, told.log_tail, told.worker))
    return _FRAME + texts + _FAILED * len(told.failed_by or ()) + 2 * sum(map(len, told.timing))


def _progress(task: Any, index: Any, command: Any) -> Progress:
    return Progress(task_percentage=task, command_index=index, command_percentage=command)
