"""What workers do in tests of failures."""

from tests.builders import JOB
from tests.harness import FarmTestCase

TASKS = tuple(f"5e6a2b7d9d3b4a0017c0a{number:03}" for number in range(1, 5))
KIND = (JOB, "blender-render")


class FailingTestCase(FarmTestCase):
    """A farm with two workers, and a Server that cannot be reached."""

    def setUp(self) -> None:
        """Register the workers."""
        super().setUp()
        self.server.silent_everywhere()
        self.w1 = self.register("w1")
        self.w2 = self.register("w2")

    def given(self, worker: str) -> str | None:
        """Ask for a task, and return its id."""
        answer = self.request("POST", "/task", worker=worker, seconds=2.0)
        return str(answer.json["_id"]) if answer.code == 200 else None

    def report(self, worker: str, task: str, status: str) -> None:
        """Let a worker report a status of a task."""
        body = {"task_status": status, "activity": f"{status} on {worker}"}
        self.assertEqual(self.request("POST", f"/tasks/{task}/update", worker=worker, json=body).code, 204)

    def ends(self, worker: str, task: str, status: str = "failed") -> None:
        """Let a worker take a task, which is the one that it is given, and end it."""
        self.assertEqual(self.given(worker), task)
        self.report(worker, task, status)

    def failed_at(self, task: str) -> list[str]:
        """Return the workers that failed at a task."""
        return [failed.id for failed in self.task(task).failed_by]

    def banned(self) -> list[tuple[str, str, str]]:
        """Return the lines of the blacklist: worker, job and task type."""
        lines = self.result_of(self.store.blacklist.lines(0.0))
        return sorted((line.worker_id, line.job, line.task_type) for line in lines)

    def states(self, *tasks: str) -> list[str]:
        """Return the statuses of some tasks."""
        return [self.task(task).status for task in tasks]
