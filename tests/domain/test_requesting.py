"""What workers are asked to become."""

from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain import requesting
from flamenco_mgr.domain.local_time import utc
from flamenco_mgr.domain.requesting import CannotRequest, DoesNotApply
from flamenco_mgr.domain.sleeping import SleepSchedule
from flamenco_mgr.domain.workers import Worker, WorkerStatus, acknowledged, signed_off, signed_on
from tests.builders import a_worker

HOUR = 3600.0
NOON = 12 * HOUR
MIDNIGHT = 24 * HOUR
STATUSES = ("", *(status.value for status in WorkerStatus if status is not WorkerStatus.SHUTDOWN))

AT_NIGHT = SleepSchedule(active=True, start="09:00", end="18:00")
"""Wants sleep at noon."""
BY_DAY = SleepSchedule(active=True, start="18:00", end="09:00")
"""Wants nobody asleep at noon."""


def asked(worker: Worker) -> tuple[str | None, bool]:
    """Return what a worker is asked to become, and whether that can wait."""
    return worker.status_requested, worker.lazy_status_request


class OperatorsRequestTests(SynchronousTestCase):
    def test_requests(self) -> None:
        """Asleep, awake and shutdown can be asked of any worker, lazily or not; its status stays (fact 50)."""
        for status, before in (("asleep", "awake"), ("awake", "asleep"), ("shutdown", "awake"), ("asleep", "offline")):
            for lazy in (False, True):
                after = requesting.requested(a_worker(status=before), status, lazy=lazy)
                self.assertEqual((after.status, asked(after)), (before, (status, lazy)))

    def test_newer_replaces(self) -> None:
        """A newer request replaces a pending one, a lazy one an immediate one as well."""
        worker = a_worker(status_requested="shutdown")
        self.assertEqual(asked(requesting.requested(worker, "asleep", lazy=True)), ("asleep", True))

    def test_not_requestable(self) -> None:
        """Fact 56: nothing else can be asked of a worker."""
        for status in ("offline", "timeout", "testing", "starting", "error", "", "ASLEEP", "x" * 1_000_000):
            error = self.assertRaises(CannotRequest, requesting.requested, a_worker(), status, lazy=False)
            self.assertIn("status cannot be requested", str(error))
            self.assertIn(f'("{status[:100]}")', str(error))

    def test_already_so(self) -> None:
        """To ask for the status that a worker has takes a pending request back (dashboard.md W11)."""
        worker = a_worker(status="awake", status_requested="asleep", lazy_status_request=True)
        self.assertEqual(asked(requesting.requested(worker, "awake", lazy=False)), (None, False))
        sleeper = a_worker(status="asleep", status_requested="awake")
        self.assertEqual(asked(requesting.requested(sleeper, "asleep", lazy=True)), (None, False))

    def test_nonsense(self) -> None:
        """A worker that is offline cannot be shut down (dashboard.md W11)."""
        with self.assertRaises(DoesNotApply):
            requesting.requested(a_worker(status="offline"), "shutdown", lazy=False)
        for status in ("timeout", "testing", "starting", "awake", ""):
            after = requesting.requested(a_worker(status=status), "shutdown", lazy=False)
            self.assertEqual(after.status_requested, "shutdown")

    def test_cure(self) -> None:
        """Only an operator's ``awake`` makes a sick worker sound, asleep or not; its failures begin anew."""
        for status, request in (("asleep", "awake"), ("awake", None), ("offline", "awake")):
            sick = a_worker(status=status, status_requested="asleep", sick="it failed", failed_jobs=("a", "b"))
            after = requesting.requested(sick, "awake", lazy=False)
            self.assertEqual((after.sick, after.failed_jobs, after.status_requested), ("", (), request))
            for other in ("asleep", "shutdown"):
                if (status, other) != ("offline", "shutdown"):
                    self.assertEqual(requesting.requested(sick, other, lazy=False).sick, "it failed")

    def test_timeout(self) -> None:
        """Fact 57: who timed out is offline when that is known, with nothing asked of it; others are refused."""
        worker = a_worker(status="timeout", status_requested="asleep")
        after = requesting.timeout_acknowledged(worker)
        self.assertEqual((after.status, asked(after)), ("offline", (None, False)))
        for status in {"zzz", *STATUSES} - {"timeout"}:
            error = self.assertRaises(DoesNotApply, requesting.timeout_acknowledged, a_worker(status=status))
            self.assertEqual(error.why, 'Worker status is not "timeout"')


class SickTests(SynchronousTestCase):
    """A sick worker is to sleep until an operator has looked at it, whatever it does."""

    def test_comes_and_goes(self) -> None:
        """Neither its sign-on, nor its sign-off, nor a timeout that somebody acknowledged lets it work again."""
        sick = a_worker(status="awake", sick="it failed")
        self.assertEqual(asked(signed_on(sick, nickname="", supported_task_types=())), ("asleep", False))
        self.assertEqual(asked(signed_off(evolve(sick, status_requested="asleep"))), ("asleep", False))
        silent = evolve(sick, status="timeout")
        self.assertEqual(asked(requesting.timeout_acknowledged(silent)), ("asleep", False))

    def test_other_request(self) -> None:
        """What else is asked of it is delivered first."""
        sick = a_worker(sick="it failed", status_requested="shutdown")
        self.assertEqual(signed_on(sick, nickname="", supported_task_types=()).status_requested, "shutdown")

    def test_by_schedule(self) -> None:
        """Its schedule does not wake it."""
        sick = a_worker(status="asleep", sick="it failed")
        self.assertIsNone(requesting.scheduled(sick, BY_DAY, NOON, utc).status_requested)


class AcknowledgingTests(SynchronousTestCase):
    def test_answered(self) -> None:
        """Facts 52 and 53: an acknowledgement clears the request that it answers, and no newer one (21.20)."""
        for requested, said, left in (
            ("asleep", "asleep", None),
            ("awake", "awake", None),
            ("awake", "testing", None),
            ("awake", "asleep", "awake"),
            ("shutdown", "asleep", "shutdown"),
            ("asleep", "error", "asleep"),
            (None, "starting", None),
        ):
            after = acknowledged(a_worker(status_requested=requested, lazy_status_request=requested is not None), said)
            assert after is not None
            self.assertEqual((after.status, asked(after)), (said, (left, left is not None)), (requested, said))


class ScheduleTests(SynchronousTestCase):
    def after(self, schedule: SleepSchedule, **fields: Any) -> Worker:
        """Return a worker after it was given a schedule at noon."""
        return requesting.scheduled(a_worker(**fields), schedule, NOON, utc)

    def test_to_sleep(self) -> None:
        """A worker that is to sleep is asked to at once; one that does, and a tester, are left alone."""
        for status in STATUSES:
            expected = None if status in {"asleep", "testing"} else "asleep"
            self.assertEqual(asked(self.after(AT_NIGHT, status=status)), (expected, False), status)

    def test_to_wake(self) -> None:
        """Only a worker that sleeps is asked to be awake; others are, or will be when they come back."""
        for status in STATUSES:
            expected = "awake" if status == "asleep" else None
            self.assertEqual(asked(self.after(BY_DAY, status=status)), (expected, False), status)

    def test_wake_on_return(self) -> None:
        """One that is away, and was to sleep when it comes back, is to be awake then (dashboard.md W16)."""
        for status in ("offline", "timeout", "error", "starting", ""):
            after = self.after(BY_DAY, status=status, status_requested="asleep")
            self.assertEqual((after.status, asked(after)), (status, ("awake", False)), status)

    def test_as_it_is(self) -> None:
        """If it is as its schedule wants it, an operator's request stays."""
        self.assertEqual(self.after(BY_DAY, status="awake", status_requested="asleep").status_requested, "asleep")
        self.assertEqual(self.after(AT_NIGHT, status="asleep", status_requested="awake").status_requested, "awake")

    def test_shutdown_stays(self) -> None:
        """A pending shutdown is not replaced (design.md 7)."""
        for schedule, status in ((AT_NIGHT, "awake"), (BY_DAY, "asleep"), (AT_NIGHT, "timeout")):
            after = self.after(schedule, status=status, status_requested="shutdown", lazy_status_request=True)
            self.assertEqual(asked(after), ("shutdown", True))

    def test_lazy_becomes_immediate(self) -> None:
        """A lazy request for what the schedule wants becomes an immediate one (dashboard.md W16)."""
        after = self.after(AT_NIGHT, status="awake", status_requested="asleep", lazy_status_request=True)
        self.assertEqual(asked(after), ("asleep", False))

    def test_inactive(self) -> None:
        """Fact 64: a schedule that is not active wants nothing; its next check is known all the same."""
        resting = evolve(AT_NIGHT, active=False)
        for status in ("awake", "asleep"):
            after = self.after(resting, status=status)
            self.assertEqual((asked(after), after.sleep_schedule.next_check), ((None, False), 18 * HOUR))

    def test_checked(self) -> None:
        """A schedule acts when it is due, and between two checks whatever an operator or the worker did holds."""
        worker = self.after(AT_NIGHT, status="awake")
        self.assertEqual(worker.sleep_schedule.next_check, 18 * HOUR)
        woken = evolve(worker, status="awake", status_requested=None)
        for now in (NOON, 17 * HOUR, 18 * HOUR - 0.001):
            self.assertEqual(requesting.checked(woken, now, utc), woken)
        sleeper = evolve(worker, status="asleep", status_requested=None)
        after = requesting.checked(sleeper, 18 * HOUR, utc)
        self.assertEqual((after.status_requested, after.sleep_schedule.next_check), ("awake", MIDNIGHT))
