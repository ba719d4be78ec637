"""A task is given to a worker, and comes back."""

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.assigning import assigned, returned
from flamenco_mgr.domain.tasks import FailedBy, Progress, Task
from flamenco_mgr.domain.updates import Transition
from tests.builders import a_task, a_worker

NOW = 1573567032.0
ID = "d" * 24


class AssignedTests(SynchronousTestCase):
    def assigned(self, task: Task) -> Transition:
        transition = assigned(task, a_worker(nickname="render07", address="10.0.0.7"), now=NOW, update_id=ID)
        assert transition is not None
        return transition

    def test_fields(self) -> None:
        """The task is active and the worker's, its old progress is forgotten, and the ping counts from now."""
        after = self.assigned(a_task(status="soft-failed", progress=Progress(task_percentage=50))).after
        self.assertEqual((after.status, after.worker, after.worker_id), ("active", "render07", a_worker().id))
        self.assertEqual((after.progress, after.last_worker_ping, after.last_updated), (None, NOW, NOW))

    def test_server_is_told(self) -> None:
        """One update carries the status, the activity and the log line (task-lifecycle.md 6)."""
        update = self.assigned(a_task()).update
        assert update is not None
        text = f"Manager assigned task {a_task().id} to worker 10.0.0.7 (render07)"
        self.assertEqual((update.status, update.activity, update.worker), ("active", text, ""))
        self.assertEqual(update.log_tail, f"2019-11-12T13:57:12+0000: {text}\n")

    def test_again(self) -> None:
        """The task that the worker already has is given to it again, without a change of status for the Server."""
        update = self.assigned(a_task(status="active", worker_id=a_worker().id)).update
        assert update is not None
        self.assertIsNone(update.status)

    def test_not_anothers(self) -> None:
        """A task that another worker runs is not given out."""
        for other in (None, "0" * 24, "9" * 24):
            self.assertIsNone(assigned(a_task(status="active", worker_id=other), a_worker(), now=NOW, update_id=ID))

    def test_only_schedulable(self) -> None:
        """A task in any status but the three schedulable ones, known or not, is not given out."""
        for status in ("completed", "failed", "canceled", "cancel-requested", "paused", "", "a-odd", "odd"):
            for last in (None, a_worker().id):
                task = a_task(status=status, worker_id=last)
                self.assertIsNone(assigned(task, a_worker(), now=NOW, update_id=ID))
        for status in ("queued", "claimed-by-manager", "soft-failed"):
            self.assertEqual(self.assigned(a_task(status=status)).after.status, "active")

    def test_not_to_who_failed(self) -> None:
        """A worker does not get a task again at which it failed."""
        task = a_task(status="soft-failed", failed_by=(FailedBy(id=a_worker().id),))
        self.assertIsNone(assigned(task, a_worker(), now=NOW, update_id=ID))

    def test_others_failed(self) -> None:
        """A worker gets a task at which others failed."""
        for other in ("0" * 24, "9" * 24):
            task = a_task(status="soft-failed", failed_by=(FailedBy(id=other),))
            self.assertEqual(self.assigned(task).after.status, "active")

    def test_local_task_is_not_told(self) -> None:
        """Nothing of a Manager-local task is queued for the Server (task-lifecycle.md 15)."""
        self.assertIsNone(self.assigned(a_task(job_type="manager-local")).update)


class ReturnedTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.worker = a_worker(nickname="render07", address="10.0.0.7")
        self.task = a_task(status="active", worker_id=self.worker.id, worker="render07", last_worker_ping=5.0)

    def returned(self, task: Task) -> Transition | None:
        return returned(task, self.worker, "returned by worker", now=NOW, update_id=ID)

    def test_back_to_the_queue(self) -> None:
        """The task may be claimed again; its worker and last ping stay (task-lifecycle.md 6)."""
        transition = self.returned(self.task)
        assert transition is not None
        after, update = transition.after, transition.update
        assert update is not None
        self.assertEqual(
            (after.status, after.worker, after.worker_id), ("claimed-by-manager", "render07", self.worker.id)
        )
        self.assertEqual((after.last_worker_ping, after.last_updated), (5.0, NOW))
        self.assertEqual((update.status, update.worker), ("claimed-by-manager", "-"))
        self.assertIn("returned by worker", update.activity)

    def test_waiting_for_cancel(self) -> None:
        """A task that waits to be cancelled is cancelled when its worker returns it (server-api.md 5.6)."""
        transition = self.returned(evolve(self.task, status="cancel-requested", cancel_requested_at=1.0))
        assert transition is not None
        assert transition.update is not None
        self.assertEqual((transition.after.status, transition.update.status), ("canceled", "canceled"))
        self.assertIsNone(transition.after.cancel_requested_at)

    def test_nothing_to_return(self) -> None:
        """A task of another worker, or one that is not running, stays as it is."""
        self.assertIsNone(self.returned(evolve(self.task, worker_id="9" * 24)))
        for status in ("completed", "claimed-by-manager", "canceled", "", "a-odd"):
            self.assertIsNone(self.returned(evolve(self.task, status=status)))
