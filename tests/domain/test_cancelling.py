"""The Server wants a task cancelled (server-api.md 5.6)."""

from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.cancelling import GRACE, cancelled, confirmed_unknown, overdue
from flamenco_mgr.domain.tasks import Task
from flamenco_mgr.domain.updates import Transition
from tests.builders import a_task, a_worker

ID = "d" * 24


class CancelledTests(SynchronousTestCase):
    def cancelled(self, task: Task, now: float = 100.0, *, final_waits: bool = False) -> Transition | None:
        return cancelled(task, final_waits=final_waits, heard_at=100.0, now=now, update_id=ID)

    def test_active_first_asks_the_worker(self) -> None:
        """An active task becomes cancel-requested, and nothing is told yet."""
        transition = self.cancelled(a_task(status="active", worker_id=a_worker().id))
        assert transition is not None
        self.assertEqual((transition.after.status, transition.after.cancel_requested_at), ("cancel-requested", 100.0))
        self.assertIsNone(transition.update)

    def test_grace(self) -> None:
        """It is confirmed 60 s later, instant by instant, if its worker has not stopped by then."""
        task = a_task(status="cancel-requested", worker_id=a_worker().id, cancel_requested_at=100.0)
        self.assertIsNone(self.cancelled(task, 100.0 + GRACE - 0.001))
        transition = self.cancelled(task, 100.0 + GRACE)
        assert transition is not None
        assert transition.update is not None
        self.assertEqual((transition.after.status, transition.update.status), ("canceled", "canceled"))

    def test_long_after(self) -> None:
        """A minute is given, and any instant after it is late enough."""
        self.assertEqual(GRACE, 60.0)
        task = a_task(status="cancel-requested", worker_id=a_worker().id, cancel_requested_at=100.0)
        for late in (161.0, 200.0, 1e9):
            self.assertTrue(overdue(task, 100.0, late))

    def test_nobody_on_it(self) -> None:
        """A task that is on no worker needs no grace."""
        self.assertTrue(overdue(a_task(status="cancel-requested", cancel_requested_at=100.0), 100.0, 100.0))

    def test_other_clocks(self) -> None:
        """When another Manager noted the wish, by a clock of its own, does not matter."""
        for noted_at in (100.0 - 3600.0, 100.0 + 3600.0):
            task = a_task(status="cancel-requested", worker_id=a_worker().id, cancel_requested_at=noted_at)
            self.assertFalse(overdue(task, 100.0, 100.0 + GRACE - 0.001))
            self.assertTrue(overdue(task, 100.0, 100.0 + GRACE))

    def test_waiting_task(self) -> None:
        """A task that waits is cancelled at once, told in one update with activity and log line."""
        for status in ("queued", "claimed-by-manager", "soft-failed", "paused", "", "a-odd", "b-odd"):
            transition = self.cancelled(a_task(status=status, worker_id=a_worker().id))
            assert transition is not None
            assert transition.update is not None
            self.assertEqual((transition.after.status, transition.update.status), ("canceled", "canceled"))
            self.assertIn("Manager cancelled task by request of Flamenco Server", transition.update.log_tail)

    def test_ended_task_says_so_again(self) -> None:
        """A task that ended is not overwritten: its own end is told again, unless it waits in the queue already."""
        for status in ("completed", "failed", "canceled"):
            transition = self.cancelled(a_task(status=status))
            assert transition is not None
            assert transition.update is not None
            self.assertEqual((transition.after.status, transition.update.status), (status, status))
            self.assertIsNone(self.cancelled(a_task(status=status), final_waits=True))

    def test_unknown_task(self) -> None:
        """A task that is not here is confirmed in one update."""
        self.assertEqual(confirmed_unknown("a" * 24, now=0.0, update_id=ID).status, "canceled")
