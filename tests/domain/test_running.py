"""May a worker go on?"""

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.running import Verdict, may_i_run, wakes
from flamenco_mgr.domain.tasks import Task
from flamenco_mgr.domain.workers import Worker
from tests.builders import a_task, a_worker


class MayIRunTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.worker = a_worker(status="awake")
        self.task = a_task(status="active", worker_id=self.worker.id)

    def verdict(self, task: Task | None, worker: Worker) -> Verdict:
        return may_i_run(task, self.task.id, worker)

    def test_yes(self) -> None:
        """task-lifecycle.md 20, fact 14: a worker that has the task may go on, without a reason."""
        self.assertEqual(self.verdict(self.task, self.worker), Verdict(may_keep_running=True))

    def test_no_worker_yet(self) -> None:
        """An active task without a worker may be gone on with."""
        self.assertTrue(self.verdict(evolve(self.task, worker_id=None), self.worker).may_keep_running)

    def test_cancelled(self) -> None:
        """Fact 15: a task that is to be cancelled may not go on; the reason names task and status."""
        verdict = self.verdict(evolve(self.task, status="cancel-requested"), self.worker)
        self.assertFalse(verdict.may_keep_running)
        self.assertEqual(verdict.reason, f"task {self.task.id} in non-runnable status cancel-requested")

    def test_odd_status(self) -> None:
        """In a status that nobody knows no task may go on."""
        for status in ("", "a-odd", "odd"):
            self.assertFalse(self.verdict(evolve(self.task, status=status), self.worker).may_keep_running)

    def test_anothers(self) -> None:
        """Fact 16: a task that another worker has may not go on."""
        self.assertFalse(self.verdict(evolve(self.task, worker_id="9" * 24), self.worker).may_keep_running)

    def test_unknown(self) -> None:
        """A task that is not here may not go on; the reason names it."""
        verdict = self.verdict(None, self.worker)
        self.assertFalse(verdict.may_keep_running)
        self.assertIn(self.task.id, verdict.reason)

    def test_lazy_request(self) -> None:
        """Fact 17: a lazy request lets the task go on, without a reason, and is named."""
        worker = evolve(self.worker, status_requested="asleep", lazy_status_request=True)
        self.assertEqual(self.verdict(self.task, worker), Verdict(may_keep_running=True, status_requested="asleep"))

    def test_immediate_request(self) -> None:
        """Fact 18: an immediate request stops the task, with exactly this reason."""
        worker = evolve(self.worker, status_requested="asleep")
        self.assertEqual(
            self.verdict(self.task, worker),
            Verdict(
                may_keep_running=False,
                reason="worker status change to asleep requested",
                status_requested="asleep",
            ),
        )

    def test_never_no_and_awake(self) -> None:
        """A no never asks the worker to be awake: it would start a second loop (worker-api.md 4.6)."""
        worker = evolve(self.worker, status_requested="awake")
        verdict = self.verdict(evolve(self.task, status="claimed-by-manager"), worker)
        self.assertEqual((verdict.may_keep_running, verdict.status_requested), (False, None))

    def test_request_for_awake_does_not_stop(self) -> None:
        """An immediate request to be awake lets the task go on."""
        worker = evolve(self.worker, status_requested="awake")
        self.assertTrue(self.verdict(self.task, worker).may_keep_running)


class WakesTests(SynchronousTestCase):
    def test_back_from_time_out(self) -> None:
        """A worker that was given up shows by its question that it lives, whatever the answer."""
        for status in ("timeout", "offline", "", "a-odd"):
            for may in (True, False):
                self.assertTrue(wakes(a_worker(status=status), Verdict(may_keep_running=may)))

    def test_sleeper_overtaken(self) -> None:
        """A question that its own "I am asleep" has overtaken does not wake a worker that gets a no."""
        self.assertFalse(wakes(a_worker(status="asleep"), Verdict(may_keep_running=False)))

    def test_tester_stays(self) -> None:
        """A tester stays one, and an awake worker needs no change."""
        for status in ("testing", "awake"):
            self.assertFalse(wakes(a_worker(status=status), Verdict(may_keep_running=True)))
