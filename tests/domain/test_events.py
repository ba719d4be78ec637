"""What is worth remembering of what happens."""

from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.events import Event, EventKind, of_download, of_task, of_worker
from tests.builders import JOB, TASK, WORKER, a_task, a_worker

OTHER = "9" * 24


class OfTaskTests(SynchronousTestCase):
    def test_status(self) -> None:
        """Another status is remembered with its instant, who has the task, and what was said."""
        before = a_task(status="active", worker_id=WORKER)
        after = a_task(status="completed", worker_id=WORKER, activity="done", last_updated=7.0)
        expected = Event(
            at=7.0, kind="task", before="active", after="completed", task=TASK, job=JOB, worker=WORKER, text="done"
        )
        self.assertEqual(of_task(before, after), expected)

    def test_any_order(self) -> None:
        """It does not matter which of two statuses comes first in the alphabet."""
        for before, after in (("queued", "active"), ("active", "queued")):
            self.assertIsNotNone(of_task(a_task(status=before), a_task(status=after)))
        for before, after in (("awake", "asleep"), ("asleep", "awake")):
            self.assertIsNotNone(of_worker(a_worker(status=before), a_worker(status=after), 7.0))

    def test_worker(self) -> None:
        """The same status in other hands is remembered."""
        event = of_task(a_task(worker_id=WORKER), a_task(worker_id=OTHER))
        assert event is not None
        self.assertEqual((event.worker, event.at), (OTHER, 0.0))

    def test_no_event(self) -> None:
        """Any other change is none to remember."""
        for worker in (None, WORKER):
            before = a_task(worker_id=worker)
            self.assertIsNone(of_task(before, a_task(worker_id=worker, activity="frame 2", last_updated=7.0)))

    def test_long_text(self) -> None:
        """Of a long text the first thousand characters are remembered."""
        event = of_task(a_task(), a_task(status="failed", activity="x" * 2000))
        assert event is not None
        self.assertEqual(event.text, "x" * 1000)


class OfWorkerTests(SynchronousTestCase):
    def test_status(self) -> None:
        """Another status of a worker is remembered."""
        event = of_worker(a_worker(status="awake"), a_worker(status="asleep"), 7.0)
        self.assertEqual(event, Event(at=7.0, kind="worker", before="awake", after="asleep", worker=WORKER))

    def test_request(self) -> None:
        """What is newly asked of a worker is remembered in words; that nothing is asked any more, without."""
        event = of_worker(a_worker(), a_worker(status_requested="shutdown"), 7.0)
        assert event is not None
        self.assertEqual((event.before, event.after, event.text), ("awake", "awake", "asked to be shutdown"))
        event = of_worker(a_worker(status_requested="shutdown"), a_worker(), 7.0)
        assert event is not None
        self.assertEqual(event.text, "")

    def test_no_event(self) -> None:
        """Any other change is none to remember, whatever is still asked of the worker."""
        for asked in (None, "asleep"):
            before = a_worker(status_requested=asked)
            self.assertIsNone(of_worker(before, a_worker(status_requested=asked, last_activity=7.0), 7.0))


class OfDownloadTests(SynchronousTestCase):
    def test_outcome(self) -> None:
        """A download that was asked for has completed or failed (dashboard.md W17)."""
        self.assertEqual(
            of_download(7.0, "3 tasks", failed=False), Event(at=7.0, kind="download", after="completed", text="3 tasks")
        )
        self.assertEqual(of_download(7.0, "", failed=True), Event(at=7.0, kind="download", after="failed"))
        self.assertEqual(of_download(7.0, "x" * 2000, failed=True).text, "x" * 1000)

    def test_kinds(self) -> None:
        """A kind is its word, in texts as well, and there is none twice."""
        self.assertEqual([f"{kind}" for kind in EventKind], ["task", "worker", "operator", "farm", "download"])
