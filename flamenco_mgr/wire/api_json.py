"""What people and scripts are told, as JSON (docs/api.md)."""

from collections.abc import Mapping, Sequence

from flamenco_mgr.domain.blacklist import BlacklistLine
from flamenco_mgr.domain.events import Event
from flamenco_mgr.domain.stamps import iso_seconds
from flamenco_mgr.domain.tasks import Command, Progress, Task
from flamenco_mgr.domain.updates import TaskUpdate

JSONObject = dict[str, object]


def instant(seconds: float | None) -> str | None:
    """Return an instant as a text, None if it never was."""
    return None if seconds is None else iso_seconds(seconds)


def age(seconds: float) -> float:
    """Return an age in seconds; clocks that differ make nothing younger than new."""
    return round(max(0.0, seconds), 3)


def counts(by_status: Mapping[str, int], counted: float) -> JSONObject:
    """Return how many tasks there are, counted so many seconds ago."""
    return {"total": sum(by_status.values()), "by_status": dict(by_status), "age": age(counted)}


def job_document(
    job: str, by_status: Mapping[str, int], *, job_type: str, job_priority: int, counted: float
) -> JSONObject:
    """Return a job, whose tasks were counted so many seconds ago."""
    return {"_id": job, "job_type": job_type, "job_priority": job_priority, **counts(by_status, counted)}


def task_document(task: Task) -> JSONObject:
    """Return a task without its commands."""
    return {
        "_id": task.id,
        "job": task.job,
        "project": task.project or None,
        "name": task.name,
        "status": task.status,
        "task_type": task.task_type,
        "priority": task.priority,
        "job_type": task.job_type,
        "job_priority": task.job_priority,
        "local": task.is_local,
        "parents": list(task.parents),
        "activity": task.activity,
        "worker": task.worker,
        "worker_id": task.worker_id,
        "failed_by": [{"_id": failed.id, "identifier": failed.identifier} for failed in task.failed_by],
        "progress": _progress(task.progress),
        "timing": dict(task.timing),
        "last_updated": instant(task.last_updated),
        "last_worker_ping": instant(task.last_worker_ping),
        "cancel_requested_at": instant(task.cancel_requested_at),
    }


def commands_document(commands: Sequence[Command]) -> list[JSONObject]:
    """Return what a task does, with the Server's variables."""
    return [{"name": command.name, "settings": dict(command.settings)} for command in commands]


def event_document(place: int, event: Event) -> JSONObject:
    """Return something that happened."""
    return {
        "place": place,
        "at": instant(event.at),
        "kind": event.kind,
        "before": event.before,
        "after": event.after,
        "task": event.task,
        "job": event.job,
        "worker": event.worker,
        "text": event.text,
    }


def update_document(update: TaskUpdate, now: float) -> JSONObject:
    """Return something that the Server has yet to hear."""
    return {
        "_id": update.id,
        "task": update.task_id,
        "received": instant(update.received_at),
        "age": age(now - update.received_at),
        "status": update.status,
        "activity": update.activity,
        "worker": update.worker,
    }


def blacklist_document(line: BlacklistLine, nickname: str | None) -> JSONObject:
    """Return a line of the blacklist, with the name of its worker if that is known."""
    return {
        "worker": line.worker_id,
        "nickname": nickname,
        "job": line.job,
        "task_type": line.task_type,
        "created": instant(line.created),
    }


def _progress(progress: Progress | None) -> JSONObject | None:
    if progress is None:
        return None
    return {
        "task_percentage": progress.task_percentage,
        "command_index": progress.command_index,
        "command_percentage": progress.command_percentage,
    }
