"""A worker reports about a task."""

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.reporting import Report, ignored_status, reported
from flamenco_mgr.domain.tasks import FailedBy, Progress, Task
from flamenco_mgr.domain.updates import TaskUpdate, Transition
from tests.builders import a_task, a_worker

NOW = 1000.0
ID = "d" * 24


class ReportedTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.worker = a_worker(nickname="render07", address="10.0.0.7")
        self.task = a_task(status="active", worker_id=self.worker.id, activity="before", progress=Progress())

    def reported(self, report: Report, task: Task | None = None) -> Transition:
        transition = reported(task or self.task, self.worker, report, now=NOW, update_id=ID)
        assert transition is not None
        return transition

    def told(self, report: Report, task: Task | None = None) -> TaskUpdate:
        update = self.reported(report, task).update
        assert update is not None
        return update

    def test_anothers_task(self) -> None:
        """Another worker's task is not touched by a report."""
        task = evolve(self.task, worker_id="9" * 24)
        self.assertIsNone(reported(task, self.worker, Report(status="completed"), now=NOW, update_id=ID))

    def test_without_worker(self) -> None:
        """task-lifecycle.md 20, fact 23: an active task without a worker becomes the sender's."""
        after = self.reported(Report(activity="working"), evolve(self.task, worker_id=None)).after
        self.assertEqual((after.worker_id, after.activity), (self.worker.id, "working"))

    def test_waiting_task_gets_no_owner(self) -> None:
        """A report does not make its sender the owner of a task that was never given out."""
        task = a_task(status="queued")
        transition = self.reported(Report(status="active", activity="mine"), task)
        self.assertEqual((transition.after, transition.update), (task, None))

    def test_status_ignored_unless_active(self) -> None:
        """Fact 24: status and activity for a cancel-requested or failed task are dropped."""
        for status in ("cancel-requested", "failed", "completed"):
            task = evolve(self.task, status=status)
            transition = self.reported(Report(status="active", activity="no"), task)
            self.assertEqual(transition.after, task)
            self.assertTrue(ignored_status(task, Report(status="active")))

    def test_status_obeyed(self) -> None:
        """The status of an active task's report is obeyed if a worker may give it; a report without one says none."""
        for status in ("active", "completed", "failed", "canceled"):
            self.assertFalse(ignored_status(self.task, Report(status=status)))
            for odd in ("", "a-odd", "zzz"):
                self.assertTrue(ignored_status(a_task(status=odd), Report(status=status)))
        for task in (self.task, evolve(self.task, status="completed")):
            self.assertFalse(ignored_status(task, Report(activity="working")))

    def test_odd_status(self) -> None:
        """A task in a status that nobody knows is not touched, however that is spelled."""
        for status in ("", "a-odd", "b-odd", "zzz"):
            task = evolve(self.task, status=status)
            self.assertEqual(self.reported(Report(status="completed", activity="no"), task).after, task)

    def test_late_log(self) -> None:
        """The log lines of a finished task go upstream without status and activity, and into its file."""
        task = evolve(self.task, status="completed")
        transition = self.reported(Report(status="completed", activity="no", log="one\ntwo"), task)
        assert transition.update is not None
        self.assertEqual((transition.update.status, transition.update.activity), (None, ""))
        self.assertEqual((transition.update.log_tail, transition.log_text), ("one\ntwo\n", "one\ntwo"))

    def test_completed(self) -> None:
        """A final status is stored and told, with the worker's identifier and its timing."""
        report = Report(status="completed", activity="Task completed", timing={"total": 7.0}, progress=Progress())
        update = self.told(report)
        self.assertEqual(
            (update.status, update.worker, update.timing), ("completed", "10.0.0.7 (render07)", {"total": 7.0})
        )
        self.assertEqual(self.reported(report).after.status, "completed")

    def test_failed(self) -> None:
        """A failure is stored and told with the complete list of the workers that failed."""
        task = evolve(self.task, failed_by=(FailedBy(id="8" * 24, identifier="other"),))
        update = self.told(Report(status="failed"), task)
        expected = (*task.failed_by, FailedBy(id=self.worker.id, identifier="10.0.0.7 (render07)"))
        self.assertEqual((update.status, update.failed_by), ("failed", expected))
        self.assertEqual(self.reported(Report(status="failed"), task).after.failed_by, expected)

    def test_failed_once(self) -> None:
        """A worker is listed once among those that failed."""
        task = evolve(self.task, failed_by=(FailedBy(id=self.worker.id),))
        self.assertEqual(self.reported(Report(status="failed"), task).after.failed_by, task.failed_by)
        self.assertIsNone(self.told(Report(status="failed"), task).failed_by)

    def test_repeated_status_is_no_news(self) -> None:
        """``active`` for a task that is active is not told again."""
        self.assertIsNone(self.told(Report(status="active", activity="frame 2")).status)

    def test_nothing_new(self) -> None:
        """A report without news changes only when the task was heard of, and is not told to the Server."""
        transition = self.reported(Report(status="active", activity="", progress=Progress()))
        self.assertIsNone(transition.update)
        self.assertEqual(transition.after.last_worker_ping, NOW)

    def test_said_before(self) -> None:
        """What a report only repeats is not told, and what is the same as before is left out of what is told."""
        task = evolve(self.task, timing={"total": 7.0})
        repeated = Report(status="active", activity="before", progress=Progress(), timing={"total": 7.0})
        self.assertIsNone(self.reported(repeated, task).update)
        update = self.told(evolve(repeated, activity="", log="line"), task)
        self.assertEqual((update.activity, update.timing, update.failed_by, update.status), ("", {}, None, None))

    def test_each_news(self) -> None:
        """Any one thing that is new is told: other words, further progress, timing, a log line, an owner."""
        for report in (
            Report(activity="after"),
            Report(activity="zzz"),
            Report(progress=Progress(task_percentage=1)),
            Report(timing={"total": 7.0}),
            Report(log="line"),
        ):
            self.assertEqual(self.told(report).activity, report.activity)
        self.assertEqual(self.told(Report(), evolve(self.task, worker_id=None)).worker, self.worker.identifier)

    def test_words_while_cancelled(self) -> None:
        """The words with which a worker confirms a cancel are neither kept nor told."""
        task = evolve(self.task, status="cancel-requested", cancel_requested_at=1.0)
        transition = self.reported(Report(status="canceled", activity="stopped"), task)
        assert transition.update is not None
        self.assertEqual((transition.after.activity, transition.update.activity), ("before", ""))

    def test_timing_of_the_end(self) -> None:
        """The timing in a report of the end is the task's own, also if it is the first report."""
        after = self.reported(Report(status="completed", timing={"total": 9.0}), evolve(self.task, progress=None)).after
        self.assertEqual(after.timing, {"total": 9.0})

    def test_foreign_timing(self) -> None:
        """The timing in the first report after an assignment is of the worker's previous task (worker-api.md 4.4)."""
        first = evolve(self.task, progress=None)
        report = Report(status="active", timing={"total": 99.0}, progress=Progress())
        after = self.reported(report, first).after
        self.assertEqual((after.timing, after.progress), ({}, Progress()))
        self.assertEqual(self.reported(report, after).after.timing, {"total": 99.0})

    def test_unknown_status(self) -> None:
        """A status that no worker may give is ignored, and the rest of the report is taken."""
        transition = self.reported(Report(status="soft-failed", activity="new"))
        self.assertEqual((transition.after.status, transition.after.activity), ("active", "new"))
        self.assertTrue(ignored_status(self.task, Report(status="soft-failed")))

    def test_cancel_confirmed(self) -> None:
        """A task that waits to be cancelled is cancelled by its worker's final word, whatever that is."""
        task = evolve(self.task, status="cancel-requested", cancel_requested_at=1.0)
        for status in ("completed", "failed", "canceled"):
            transition = self.reported(Report(status=status), task)
            assert transition.update is not None
            self.assertEqual((transition.after.status, transition.update.status), ("canceled", "canceled"))

    def test_local_task(self) -> None:
        """Nothing of a Manager-local task is told; the task changes all the same."""
        transition = self.reported(Report(status="completed"), evolve(self.task, job_type="manager-local"))
        self.assertEqual((transition.update, transition.after.status), (None, "completed"))

    def test_progress_is_known_later(self) -> None:
        """The progress is kept, so that the Manager's own updates can repeat it (server-api.md 5.2)."""
        progress = Progress(task_percentage=3, command_index=1, command_percentage=40)
        self.assertEqual(self.reported(Report(progress=progress)).after.progress, progress)
        self.assertEqual(self.reported(Report(log="only a log")).after.progress, self.task.progress)
