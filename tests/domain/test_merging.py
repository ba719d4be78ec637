"""The Server's copy of a task meets ours (server-api.md 17.3)."""

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.merging import gone, merged, taken_in
from flamenco_mgr.domain.tasks import FailedBy, Progress
from tests.builders import a_task, a_worker

NOW = 50.0


class MergedTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.local = a_task(
            status="active",
            worker_id=a_worker().id,
            worker="render07",
            etag="old",
            priority=50,
            last_worker_ping=40.0,
            failed_by=(FailedBy(id="8" * 24),),
            progress=Progress(task_percentage=10),
        )
        self.server = a_task(status="claimed-by-manager", etag="new", priority=70, job_priority=9, parents=("e" * 24,))

    def test_local_is_newer(self) -> None:
        """While the Server has not heard all, only what it alone decides is taken; status and worker stay."""
        task = merged(self.local, self.server, local_is_newer=True, now=NOW)
        self.assertEqual((task.etag, task.priority, task.job_priority, task.parents), ("new", 70, 9, ("e" * 24,)))
        self.assertEqual(
            (task.status, task.worker_id, task.failed_by), ("active", self.local.worker_id, self.local.failed_by)
        )

    def test_requeued_while_running(self) -> None:
        """Else the Server's status counts, for an active task too, and the list of who failed may be emptied."""
        task = merged(self.local, self.server, local_is_newer=False, now=NOW)
        self.assertEqual((task.status, task.failed_by, task.progress), ("claimed-by-manager", (), None))
        self.assertEqual((task.worker_id, task.last_worker_ping), (self.local.worker_id, 40.0))

    def test_same_status(self) -> None:
        """With the same status the task goes on where it is."""
        task = merged(self.local, evolve(self.server, status="active"), local_is_newer=False, now=NOW)
        self.assertEqual(
            (task.worker, task.progress, task.last_updated), ("render07", self.local.progress, self.local.last_updated)
        )

    def test_cancel_on_the_server(self) -> None:
        """A cancel that shows in the Server's copy begins its grace now."""
        task = merged(self.local, evolve(self.server, status="cancel-requested"), local_is_newer=False, now=NOW)
        self.assertEqual(task.cancel_requested_at, NOW)

    def test_taken_in(self) -> None:
        """A new task counts as updated now."""
        self.assertEqual(taken_in(self.server, now=NOW).last_updated, NOW)

    def test_gone(self) -> None:
        """A task that the Server no longer has is cancelled here, and keeps the rest (task-lifecycle.md 20, fact 6)."""
        self.assertEqual(gone(a_task(priority=100), now=NOW), a_task(priority=100, status="canceled", last_updated=NOW))
