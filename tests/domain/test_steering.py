"""What an operator may do with a task here, and what only the Server may."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain import steering
from flamenco_mgr.domain.tasks import FailedBy, Progress
from tests.builders import TASK, WORKER, a_task, an_update

LOCAL = {"job_type": "manager-local"}


class RequeueRuleTests(SynchronousTestCase):
    def requeued(self, **changes: Any) -> Any:
        return steering.requeued(a_task(**changes), "worker render07", now=5.0, update_id="u")

    def test_active(self) -> None:
        """An active task of the Server's is taken back from its worker, and the Server hears so."""
        transition = self.requeued(status="active", worker_id=WORKER)
        self.assertEqual(transition.after.status, "claimed-by-manager")
        self.assertEqual((transition.update.status, transition.update.worker), ("claimed-by-manager", "-"))
        self.assertIn("from worker render07: requeued by an operator", transition.after.activity)

    def test_active_local(self) -> None:
        """An active task of our own is taken back, and the Server hears nothing of it."""
        transition = self.requeued(status="active", worker_id=WORKER, **LOCAL)
        self.assertEqual((transition.after.status, transition.update), ("claimed-by-manager", None))

    def test_local(self) -> None:
        """A task of our own that has ended, or waits, begins anew; it forgets who failed at it."""
        for status in ("completed", "failed", "canceled", "soft-failed", "queued", "claimed-by-manager"):
            transition = self.requeued(status=status, failed_by=(FailedBy(id=WORKER),), **LOCAL)
            self.assertEqual((transition.after.status, transition.after.failed_by), ("queued", ()), status)
            self.assertIsNone(transition.update)
            self.assertIn("requeued by an operator", transition.log_text)

    def test_refused(self) -> None:
        """Whatever else the Server decides is refused, and it is said why; nothing is decided then."""
        for status, why in (
            ("completed", "only the Flamenco Server can requeue it"),
            ("failed", "only the Flamenco Server can requeue it"),
            ("canceled", "only the Flamenco Server can requeue it"),
            ("queued", "it waits for a worker already"),
            ("claimed-by-manager", "it waits for a worker already"),
            ("soft-failed", "it waits for a worker already"),
            ("cancel-requested", "is being cancelled"),
            ("paused", "holds it back"),
            ("nonsense", "holds it back"),
            ("a-odd", "holds it back"),
            ("", "holds it back"),
        ):
            self.assertIn(why, steering.why_not_requeued(a_task(status=status)))
            self.assertIsNone(self.requeued(status=status), status)
        self.assertIn("is being cancelled", steering.why_not_requeued(a_task(status="cancel-requested", **LOCAL)))


class CancelRuleTests(SynchronousTestCase):
    def test_local(self) -> None:
        """A task of our own is cancelled; a running one after its worker has stopped."""
        transition = steering.cancelled_by_operator(a_task(**LOCAL), now=5.0)
        assert transition is not None
        self.assertEqual((transition.after.status, transition.update), ("canceled", None))
        running = steering.cancelled_by_operator(a_task(status="active", worker_id=WORKER, **LOCAL), now=5.0)
        assert running is not None
        self.assertEqual((running.after.status, running.after.cancel_requested_at), ("cancel-requested", 5.0))

    def test_odd_status(self) -> None:
        """A task of our own that is in a status nobody knows runs nowhere: it can be cancelled at once."""
        for status in ("", "a-odd", "b-odd"):
            transition = steering.cancelled_by_operator(a_task(status=status, **LOCAL), now=5.0)
            assert transition is not None
            self.assertEqual(transition.after.status, "canceled")

    def test_under_way(self) -> None:
        """One that is being cancelled is left alone, and that is no refusal."""
        task = a_task(status="cancel-requested", **LOCAL)
        self.assertIsNone(steering.cancelled_by_operator(task, now=5.0))
        self.assertEqual(steering.why_not_cancelled(task), "")

    def test_refused(self) -> None:
        """The Server's tasks, and what is over, are not cancelled here."""
        for task, why in (
            (a_task(), "the Flamenco Server's"),
            (a_task(status="active"), "the Flamenco Server's"),
            (a_task(status="completed", **LOCAL), "it is completed"),
        ):
            self.assertIn(why, steering.why_not_cancelled(task))
            self.assertIsNone(steering.cancelled_by_operator(task, now=5.0))


class ToldAgainTests(SynchronousTestCase):
    """server-api.md 5.3: the Server takes what comes last for the newest."""

    def test_same_status(self) -> None:
        """A status that the task still has is told again as the newest word, with who failed as it is now."""
        task = a_task(status="soft-failed", failed_by=(FailedBy(id=WORKER),), progress=Progress(task_percentage=7))
        update = an_update(status="soft-failed", failed_by=(), activity="x")
        transition = steering.told_again(update, task, now=9.0, update_id="new")
        assert transition is not None
        again = transition.update
        assert again is not None
        self.assertEqual((transition.before, again.id, again.received_at), (transition.after, "new", 9.0))
        self.assertEqual((again.failed_by, again.progress, again.activity), (task.failed_by, task.progress, "x"))

    def test_words(self) -> None:
        """Words without a status may always be told; they say nothing of who failed."""
        transition = steering.told_again(an_update(activity="x"), a_task(), now=9.0, update_id="new")
        assert transition is not None
        assert transition.update is not None
        self.assertIsNone(transition.update.failed_by)

    def test_late(self) -> None:
        """A status that the task no longer has is not told any more."""
        for status in ("active", "soft-failed"):
            update = an_update(status=status)
            self.assertIn("completed now", steering.why_not_told(update, a_task(status="completed")))
            self.assertIsNone(steering.told_again(update, a_task(status="completed"), now=9.0, update_id="new"))

    def test_unknown(self) -> None:
        """Of a task that is not here nothing is newer."""
        self.assertEqual(steering.why_not_told(an_update(status="canceled", task_id=TASK), None), "")
