"""Who times out, and what becomes of it."""

from typing import Any

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.ids import made_at
from flamenco_mgr.domain.timeouts import (
    GRACE,
    Fate,
    TimeoutRules,
    disturbance,
    fate,
    is_silent,
    last_heard,
    last_sign,
    task_reason,
    timed_out,
    worker_reason,
)
from flamenco_mgr.domain.workers import REQUESTABLE, Worker, WorkerStatus
from tests.builders import WORKER, a_task, a_worker

NOW = 1_600_000_000.0
RULES = TimeoutRules(task_interval=600.0, worker_interval=60.0)

LIMITS = {"awake": 60.0, "testing": 60.0, "starting": 60.0, "asleep": 120.0, "error": 660.0}

statuses = st.sampled_from(["", *map(str, WorkerStatus)])
requests = st.sampled_from([None, *sorted(map(str, REQUESTABLE))])


def heard(seconds: float, **changes: Any) -> Worker:
    """Return a worker that was heard so many seconds ago."""
    return a_worker(last_activity=NOW - seconds, **changes)


class WorkerTests(SynchronousTestCase):
    def test_limits(self) -> None:
        """Each status in which workers poll has a limit, which a healthy one keeps (task-lifecycle.md 21.18)."""
        for status, limit in LIMITS.items():
            with self.subTest(status=status):
                self.assertFalse(is_silent(heard(limit - 0.001, status=status), RULES, NOW))
                for silence in (limit, limit + 1, 1e9):
                    self.assertTrue(is_silent(heard(silence, status=status), RULES, NOW))

    def test_patient(self) -> None:
        """A longer interval is the limit of all, and comes on top of what one in error says nothing for."""
        rules = evolve(RULES, worker_interval=900.0)
        for status in LIMITS:
            limit = 1500.0 if status == "error" else 900.0
            self.assertFalse(is_silent(heard(limit - 1, status=status), rules, NOW))
            self.assertTrue(is_silent(heard(limit, status=status), rules, NOW))

    def test_impatient(self) -> None:
        """However short the interval, a sleeper that polls every half a minute and one in error do not time out."""
        rules = evolve(RULES, worker_interval=1.0)
        self.assertFalse(is_silent(heard(95, status="asleep"), rules, NOW))
        self.assertFalse(is_silent(heard(600, status="error"), rules, NOW))

    def test_others(self) -> None:
        """A worker that is out of duty, or has timed out, or only registered, does not time out."""
        for status in ("", "offline", "timeout", "shutdown", "odd"):
            self.assertFalse(is_silent(heard(1e9, status=status), RULES, NOW))

    def test_never_heard(self) -> None:
        """A worker that was never heard of counts from its registration, which its id tells; from an odd id, never."""
        made = made_at(WORKER)
        assert made is not None
        self.assertEqual(last_heard(a_worker()), made)
        self.assertFalse(is_silent(a_worker(status="starting"), RULES, made + 59))
        self.assertTrue(is_silent(a_worker(status="starting"), RULES, made + 60))
        self.assertFalse(is_silent(a_worker(id="odd", status="starting"), RULES, NOW))

    def test_becomes(self) -> None:
        """Fact 54 of task-lifecycle.md 20: a sleeper without a request is to sleep on; of others nothing is asked."""
        for status in (*LIMITS, "", "a-odd"):
            after = timed_out(a_worker(status=status, lazy_status_request=True))
            asked = ("asleep", False) if status == "asleep" else (None, True)
            self.assertEqual((after.status_requested, after.lazy_status_request), asked)
            self.assertEqual(after.status, "timeout")

    @given(status=statuses, requested=requests, lazy=st.booleans())
    def test_requests(self, status: str, requested: str | None, lazy: bool) -> None:
        """A pending request is kept as it is; nothing is asked that workers do not know (task-lifecycle.md 21.17)."""
        before = a_worker(status=status, status_requested=requested, lazy_status_request=lazy)
        after = timed_out(before)
        self.assertIn(after.status_requested, {None, *REQUESTABLE})
        if requested is not None:
            self.assertEqual(after, evolve(before, status="timeout"))

    def test_words(self) -> None:
        """People are told when somebody was last heard of."""
        self.assertIn("2020-09-13T12:26:40", worker_reason(heard(0)))
        self.assertIn("nothing was heard", worker_reason(a_worker()))
        self.assertIn("2020-09-13T12:26:40", task_reason(a_task(last_worker_ping=NOW)))
        self.assertIn("nothing was heard", task_reason(a_task()))


class GraceTests(SynchronousTestCase):
    def test_grace(self) -> None:
        """For five minutes after a start nothing times out (task-lifecycle.md 12)."""
        self.assertEqual(GRACE, 300.0)


class TaskTests(SynchronousTestCase):
    def fate(self, worker: Worker | None, **changes: Any) -> Fate:
        values = {"status": "active", "worker_id": None if worker is None else worker.id}
        return fate(a_task(**(values | changes)), worker, RULES, NOW)

    def test_lives(self) -> None:
        """A worker that lives, and has said nothing of its task for the task's interval, has failed at it."""
        for status in LIMITS:
            self.assertIs(self.fate(heard(1, status=status), last_worker_ping=NOW - 600), Fate.FAIL)
            self.assertIs(self.fate(heard(1, status=status), last_worker_ping=NOW - 599), Fate.KEEP)

    def test_never_pinged(self) -> None:
        """A task that was never pinged counts from its last change; one without either is old."""
        self.assertIs(self.fate(heard(1), last_updated=NOW - 599), Fate.KEEP)
        self.assertIs(self.fate(heard(1), last_updated=NOW - 600), Fate.FAIL)
        self.assertIs(self.fate(heard(1)), Fate.FAIL)
        self.assertEqual(last_sign(a_task()), 0.0)

    def test_silent_worker(self) -> None:
        """The task of a worker that is silent itself is left to that worker's time-out, and does not fail."""
        self.assertIs(self.fate(heard(60), last_worker_ping=NOW - 600), Fate.KEEP)

    def test_left_behind(self) -> None:
        """A worker that is gone, or out of duty, has left its task behind: it comes back, soon."""
        for worker in (None, heard(1, status="offline"), heard(1, status="timeout")):
            self.assertIs(self.fate(worker, last_worker_ping=NOW - 59), Fate.KEEP)
            for silence in (60, 61, 1e9):
                self.assertIs(self.fate(worker, last_worker_ping=NOW - silence), Fate.RETURN)

    def test_not_active(self) -> None:
        """A task that is not active does not time out."""
        for status in ("claimed-by-manager", "soft-failed", "cancel-requested", "failed", "paused", "", "a-odd"):
            self.assertIs(self.fate(heard(1), status=status), Fate.KEEP)


class DisturbanceTests(SynchronousTestCase):
    def found(self, wall: float, steady: float) -> str:
        return disturbance(wall=wall, steady=steady, expected=5.0, tolerance=60.0)

    def test_calm(self) -> None:
        """A little more or less than expected is no disturbance."""
        for wall, steady in ((5.0, 5.0), (65.0, 65.0), (5.0, 65.0), (65.0, 5.0), (-55.0, 5.0)):
            self.assertEqual(self.found(wall, steady), "")

    def test_stood_still(self) -> None:
        """A process that was stopped, or a machine that slept, is a disturbance."""
        self.assertIn("stood still for 61 s", self.found(66.0, 66.0))

    def test_clock_set(self) -> None:
        """A clock that was set is a disturbance."""
        self.assertIn("forward by 61 s", self.found(66.0, 5.0))
        self.assertIn("back by 61 s", self.found(-56.0, 5.0))
