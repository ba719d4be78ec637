"""
The tasks of the benchmarks, as the Server describes them; the same numbers give the same tasks in every process.

A job has a thousand tasks: nine chunks of frames, then one that merges them and waits for them, and so on.
"""

from collections.abc import Iterator
from email.utils import formatdate
from typing import Any

from attrs import frozen

from bench.mix import Worker, a_worker

MANAGER_ID = "5d7b9f3ae4b0c83a1f2d6e11"
MANAGER_SECRET = "SRVd0ntUseThisSecretItIsOnlyForTheBenchmarks0"  # noqa: S105
TASK_TYPE = "blender-render"

JOB_SIZE = 1000
_GROUP = 10
_OTHERS = 50
_LONG_AGO = 1573567029
_CREATED = "Tue, 12 Nov 2019 13:57:09 GMT"


@frozen(kw_only=True)
class Stock:
    """
    Tasks of one kind: ``count`` of them, in jobs of a thousand.

    ``family`` is a hexadecimal digit that tells the ids of one stock from those of another. The first task was changed
    at ``since``, in seconds since 1970, and each other a second after the one before it. The last may have a task type
    of its own, and no parents then, so that somebody can wait for it alone. ``parent`` is what all tasks wait for. With
    ``failed_by`` these Workers have failed at every task, and at each of them one of fifty others as well. With
    ``first_holder`` each task is a Worker's since then: the first that Worker's of this number, and so on.
    """

    family: str
    count: int
    job_priority: int = 50
    status: str = "claimed-by-manager"
    since: int = _LONG_AGO
    task_type: str = TASK_TYPE
    last_type: str = ""
    job_size: int = JOB_SIZE
    flat: bool = False
    parent: str = ""
    failed_by: tuple[str, ...] = ()
    first_holder: int | None = None

    def task_id(self, number: int) -> str:
        """Return the id of a task by its number from 0."""
        return f"a{self.family}{number:022x}"

    def job_id(self, number: int) -> str:
        """Return the id of the job that a task is of."""
        return f"c{self.family}{number // self.job_size:022x}"

    def job_of(self, task_id: str) -> str:
        """Return the id of the job of the task with an id."""
        return self.job_id(int(task_id.removeprefix(f"a{self.family}"), base=16))

    def etag(self, number: int) -> str:
        """Return the etag of a task."""
        return f"{self.family}{number:039x}"

    def holder(self, number: int) -> Worker | None:
        """Return the Worker that has a task, None if nobody has."""
        return None if self.first_holder is None else a_worker(self.first_holder + number)

    def documents(self) -> Iterator[dict[str, Any]]:
        """Return all tasks, one by one, as the Server's depsgraph has them."""
        for number in range(self.count):
            last = number == self.count - 1
            document = a_document(self.task_id(number)) | {
                "_etag": self.etag(number),
                "_updated": formatdate(self.since + number, usegmt=True),
                "job": self.job_id(number),
                "name": f"blender-render-{number * 10 + 1}-{number * 10 + 10}",
                "status": self.status,
                "job_priority": self.job_priority,
                "task_type": self.last_type if last and self.last_type else self.task_type,
            }
            parents = self._parents(number)
            if parents and not (last and self.last_type):
                document["parents"] = parents
            if self.failed_by:
                failed = {*self.failed_by, a_worker(1 + number % _OTHERS).id}
                document["failed_by_workers"] = [{"id": worker, "identifier": "127.0.0.1"} for worker in sorted(failed)]
            yield document

    def _parents(self, number: int) -> list[str]:
        if self.parent:
            return [self.parent]
        if self.flat or number % _GROUP != _GROUP - 1:
            return []
        return [self.task_id(other) for other in range(number - _GROUP + 1, number)]


def a_document(task_id: str) -> dict[str, Any]:
    """Return a task as the Server describes it, of a usual size."""
    return {
        "_id": task_id,
        "_etag": "f666d8c063d91c899ca7a4bd09f1a116",
        "_created": _CREATED,
        "_updated": _CREATED,
        "job": "5dcbc8346b1d520019e0aa01",
        "manager": MANAGER_ID,
        "user": "59a1f0c27d1e4b000f5c9d21",
        "project": "5cb0aa1e3f6d2b0012ab34cd",
        "name": "blender-render-1-10",
        "status": "claimed-by-manager",
        "priority": 50,
        "job_priority": 50,
        "job_type": "blender-render",
        "task_type": TASK_TYPE,
        "commands": [
            {"name": "echo", "settings": {"message": "frames 1-10"}},
            {
                "name": "blender_render",
                "settings": {
                    "blender_cmd": "{blender}",
                    "filepath": "{job_storage}/jo/2019-11-13-101201-jo-030_0010.lighting/030_0010.lighting.blend",
                    "format": "OPEN_EXR",
                    "render_output": "{render}/coffee-run/030_0010__intermediate-2019-11-13_091244/frame-######",
                    "frames": "1..10",
                },
            },
        ],
    }
