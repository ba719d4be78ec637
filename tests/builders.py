"""Values for tests, complete but for what a test is about."""

from collections.abc import Mapping
from typing import Any

from flamenco_mgr.domain.tasks import Task, TaskStatus
from flamenco_mgr.domain.updates import TaskUpdate
from flamenco_mgr.domain.workers import Worker

JOB = "5e6a2b7d9d3b4a0017c0b001"
TASK = "5e6a2b7d9d3b4a0017c0a001"
WORKER = "5e6a1f2c9d3b4a0017c0ffee"
UPDATE = "5e6a3c000000000000000001"


def a_task(**changes: Any) -> Task:
    """Return a task that waits here for a worker."""
    values: dict[str, Any] = {
        "id": TASK,
        "job": JOB,
        "status": TaskStatus.CLAIMED.value,
        "name": "blender-render-1-10",
        "priority": 50,
        "job_priority": 50,
        "job_type": "blender-render",
        "task_type": "blender-render",
        "etag": "4f1d",
    }
    return Task(**_read(values | changes))


def a_worker(**changes: Any) -> Worker:
    """Return a worker that supports the tasks of `a_task`."""
    values: dict[str, Any] = {
        "id": WORKER,
        "hashed_secret": b"$2b$04$not.a.hash",
        "nickname": "render07",
        "address": "10.0.0.7",
        "platform": "linux",
        "supported_task_types": ("blender-render",),
        "status": "awake",
    }
    return Worker(**_read(values | changes))


def an_update(**changes: Any) -> TaskUpdate:
    """Return an update of the task of `a_task`."""
    values: dict[str, Any] = {"id": UPDATE, "task_id": TASK, "received_at": 1000.0}
    return TaskUpdate(**_read(values | changes))


def _read(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return values as a store gives them: an equal text in the program is another object."""
    return {name: _fresh(value) if type(value) is str else value for name, value in values.items()}


def _fresh(text: str) -> str:
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "surrogatepass")
