"""What the statuses of tasks mean."""

from attrs import evolve
from attrs.exceptions import FrozenInstanceError
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.tasks import FINISHED, KNOWN, REPORTABLE, SCHEDULABLE, Progress, Task, TaskStatus
from tests.builders import JOB, TASK, WORKER, a_task


class StatusTests(SynchronousTestCase):
    def test_meanings(self) -> None:
        """Which statuses may be given out, which are final, and which a worker may report (task-lifecycle.md 2)."""
        self.assertEqual(SCHEDULABLE, {"queued", "claimed-by-manager", "soft-failed"})
        self.assertEqual(FINISHED, {"completed", "failed", "canceled"})
        self.assertEqual(REPORTABLE, {"active", "completed", "failed", "canceled"})
        self.assertEqual(KNOWN - SCHEDULABLE - REPORTABLE, {"cancel-requested", "paused", "under-construction"})

    def test_words(self) -> None:
        """A status in a text is its word."""
        self.assertEqual(f"{TaskStatus.CANCEL_REQUESTED}", "cancel-requested")


class TaskTests(SynchronousTestCase):
    def test_local(self) -> None:
        """Only the job type says that the Server does not know a task (task-lifecycle.md 15)."""
        self.assertTrue(a_task(job_type="manager-local").is_local)
        for job_type in ("", "blender-render", "manager", "zzz"):
            self.assertFalse(a_task(job_type=job_type).is_local)

    def test_owner(self) -> None:
        """A task without a worker is nobody's; one with a worker is everybody else's another's."""
        self.assertFalse(a_task().belongs_to_another(WORKER))
        self.assertFalse(a_task(worker_id=WORKER).belongs_to_another(WORKER))
        for other in ("", "0" * 24, "f" * 24):
            self.assertTrue(a_task(worker_id=other).belongs_to_another(WORKER))

    def test_least(self) -> None:
        """A task that came with the least has no priority, no change and no progress yet, and an unknown type."""
        task = Task(id=TASK, job=JOB, status="queued")
        self.assertEqual((task.priority, task.job_priority, task.revision, task.task_type), (0, 0, 0, "unknown"))
        self.assertEqual((task.progress, task.timing, task.parents, task.failed_by), (None, {}, (), ()))
        self.assertEqual(Progress(), Progress(task_percentage=0, command_index=0, command_percentage=0))

    def test_value(self) -> None:
        """A task is a value: it cannot be changed, and equal ones are one in a set although timing is a mapping."""
        task = a_task(timing={"total": 1.0})
        self.assertRaises(FrozenInstanceError, setattr, task, "status", "failed")
        self.assertEqual(len({task, evolve(task)}), 1)
