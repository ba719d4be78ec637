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

    def test_cancel_withdrawn(self) -> None:
        """Any other status of the Server's ends the wait for a cancel, and is taken with its words and its timing."""
        local = evolve(self.local, status="cancel-requested", cancel_requested_at=1.0)
        for status in ("", "active", "cancel", "canceled", "claimed-by-manager", "queued"):
            server = evolve(self.server, status=status, activity="as the Server has it", timing={"total": 3.0})
            task = merged(local, server, local_is_newer=False, now=NOW)
            self.assertEqual((task.status, task.cancel_requested_at, task.last_updated), (status, None, NOW))
            self.assertEqual((task.activity, task.timing), (server.activity, server.timing))

    def test_plan(self) -> None:
        """What a task is and whose is the Server's word always; an empty etag is none, and ours stays."""
        texts = ("name", "job_type", "task_type", "job", "manager", "project", "user")
        server = a_task(**{name: f"the Server's {name}" for name in texts}, etag="")
        for local_is_newer in (True, False):
            task = merged(self.local, server, local_is_newer=local_is_newer, now=NOW)
            self.assertEqual([getattr(task, name) for name in texts], [getattr(server, name) for name in texts])
            self.assertEqual(task.etag, "old")

    def test_taken_in(self) -> None:
        """A new task counts as updated now; one that is to be cancelled begins its grace now."""
        for status in ("", "active", "cancel", "canceled", "claimed-by-manager", "queued"):
            server = a_task(status=status)
            self.assertEqual(taken_in(server, now=NOW), evolve(server, last_updated=NOW))
        self.assertEqual(taken_in(a_task(status="cancel-requested"), now=NOW).cancel_requested_at, NOW)

    def test_gone(self) -> None:
        """A task that the Server no longer has is cancelled here, and keeps the rest (task-lifecycle.md 20, fact 6)."""
        self.assertEqual(gone(a_task(priority=100), now=NOW), a_task(priority=100, status="canceled", last_updated=NOW))
