"""The Server wants to have a task's log."""

from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.log_requests import LogRequest, retry_after, upload_time
from tests.builders import JOB


class LogRequestTests(SynchronousTestCase):
    def test_retry(self) -> None:
        """server-api.md 17.13: a minute after the first failure, twice as long after each, an hour at the most."""
        waits = [retry_after(failures) / 60 for failures in (0, 1, 2, 3, 6, 7, 8, 10_000)]
        self.assertEqual(waits, [0, 1, 2, 4, 32, 60, 60, 60])

    def test_time(self) -> None:
        """server-api.md 17.13: two minutes for a small log, and four and a half hours more for a gibibyte."""
        self.assertEqual((upload_time(0), upload_time(1 << 15)), (120.0, 120.5))
        self.assertEqual(upload_time(1 << 30), 120.0 + 16384.0)

    def test_order(self) -> None:
        """Requests have an order: by job, then by task."""
        one, two = (LogRequest(job=JOB, task=task) for task in ("a" * 24, "b" * 24))
        self.assertEqual(sorted([two, LogRequest(job="f" * 24, task="0" * 24), one])[:2], [one, two])
