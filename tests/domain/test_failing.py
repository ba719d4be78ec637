"""What failures mean for tasks and workers."""

from typing import Any

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain import failing
from flamenco_mgr.domain.blacklist import BlacklistLine
from flamenco_mgr.domain.failing import Crew, FailureRules, crew
from flamenco_mgr.domain.tasks import MANAGER_LOCAL, FailedBy
from tests.builders import JOB, WORKER, a_task, a_worker

NOW = 1600000000.0
A, B, C = (f"5e6a1f2c9d3b4a0017c0ff{number:02}" for number in (1, 2, 3))
TYPE = "blender-render"


def by(*workers: str) -> tuple[FailedBy, ...]:
    """Return workers as those that failed."""
    return tuple(FailedBy(id=worker) for worker in workers)


def a_crew(*workers: Any, banned: tuple[str, ...] = (), unseen_before: float = 0.0) -> Crew:
    """Return the crew of workers, some of which are banned from the tasks of `a_task`."""
    lines = [BlacklistLine(worker_id=worker, job=JOB, task_type=TYPE, created=NOW) for worker in banned]
    return crew(workers, lines, unseen_before)


class StatusTests(SynchronousTestCase):
    def test_status(self) -> None:
        """A task is soft-failed while fewer workers failed than the setting says, and somebody else is left."""
        table = [
            (by(A), {A, B}, 3, "soft-failed"),
            (by(A), {A}, 3, "failed"),
            (by(A), set(), 3, "failed"),
            (by(A, B), {A, B, C}, 3, "soft-failed"),
            (by(A, B), {A, B}, 3, "failed"),
            (by(A, B, C), {A, B, C, WORKER}, 3, "failed"),
            (by(A), {B}, 1, "failed"),
            (by(A), {B}, 0, "failed"),
        ]
        for failed_by, left, count, status in table:
            with self.subTest(failed_by=failed_by, left=left, count=count):
                self.assertEqual(failing.status_of(failed_by, left, count), status)

    @settings(database=None, derandomize=True, deadline=None)
    @given(st.sets(st.sampled_from([A, B, C])), st.sets(st.sampled_from([A, B, C])), st.integers(0, 4))
    def test_never_stuck(self, failed: set[str], left: set[str], count: int) -> None:
        """Whatever is soft-failed can be done by somebody, and is not stranded."""
        failed_by = by(*failed)
        if failing.status_of(failed_by, left, count) == "soft-failed":
            task = a_task(status="soft-failed", failed_by=failed_by)
            self.assertIsNone(failing.stranded(task, left, now=NOW, update_id="u"))

    def test_with_failure(self) -> None:
        """A worker is named once, with its identifier."""
        worker = a_worker()
        once = failing.with_failure(a_task(failed_by=by(A)), worker)
        self.assertEqual(once, (*by(A), FailedBy(id=WORKER, identifier="10.0.0.7 (render07)")))
        self.assertEqual(failing.with_failure(a_task(failed_by=once), worker), once)
        for other in ("0" * 24, "9" * 24):
            self.assertFalse(failing.failed_at(a_task(failed_by=by(other)), worker))
        self.assertTrue(failing.failed_at(a_task(failed_by=by("9" * 24, worker.id.encode().decode())), worker))

    def test_defaults(self) -> None:
        """Without settings: three tasks, three workers, five jobs, a week (configuration.md 4; task-lifecycle.md 8)."""
        rules = FailureRules(blacklist_threshold=3, softfail_count=3, sick_threshold=5, unseen_after=604_800.0)
        self.assertEqual(FailureRules(), rules)


class CrewTests(SynchronousTestCase):
    def test_left(self) -> None:
        """Fact 62: left are those that support the type, are not banned, and were heard of; sick ones come back."""
        workers = [
            a_worker(id=A, last_activity=NOW),
            a_worker(id=B, last_activity=NOW, sick="it coughs"),
            a_worker(id=C, last_activity=NOW, supported_task_types=("other",)),
            a_worker(last_activity=NOW - 100.0),
        ]
        self.assertEqual(a_crew(*workers).left(JOB, TYPE), {A, B, WORKER})
        self.assertEqual(a_crew(*workers, unseen_before=NOW - 100.0).left(JOB, TYPE), {A, B})
        self.assertEqual(a_crew(*workers, banned=(A,)).left(JOB, TYPE), {B, WORKER})
        self.assertEqual(a_crew(*workers, banned=(A, B, WORKER)).left(JOB, TYPE), frozenset())
        self.assertEqual(a_crew(*workers, banned=(A,)).left("another job", TYPE), {A, B, WORKER})
        self.assertEqual(a_crew(*workers, banned=(C,)).left(JOB, "other"), {C})
        self.assertEqual(a_crew(*workers).left(JOB, "unknown"), frozenset())

    def test_order(self) -> None:
        """Who was not heard of for long does not hide those that come after it."""
        workers = [a_worker(id=A, last_activity=NOW - 100.0), a_worker(id=B, last_activity=NOW)]
        self.assertEqual(a_crew(*workers, unseen_before=NOW - 50.0).left(JOB, TYPE), {B})

    def test_never_seen(self) -> None:
        """A worker that was never heard of counts from its registration."""
        registered = float(int(WORKER[:8], 16))
        self.assertEqual(a_crew(a_worker(), unseen_before=registered - 1.0).left(JOB, TYPE), {WORKER})
        self.assertEqual(a_crew(a_worker(), unseen_before=registered).left(JOB, TYPE), frozenset())

    def test_has_lost(self) -> None:
        """A kind has lost its workers if there are some that could do it else, or one was banned; else it waits."""
        self.assertFalse(a_crew(a_worker()).has_lost(JOB, TYPE))
        self.assertFalse(a_crew(a_worker(sick="yes")).has_lost(JOB, TYPE))
        self.assertTrue(a_crew(a_worker(), banned=(WORKER,)).has_lost(JOB, TYPE))
        self.assertTrue(a_crew(banned=(A,)).has_lost(JOB, TYPE))
        self.assertFalse(a_crew(a_worker()).has_lost(JOB, "other"))
        self.assertFalse(a_crew().has_lost(JOB, TYPE))


class TransitionTests(SynchronousTestCase):
    def test_failed(self) -> None:
        """A failure that the Manager counts is told with the reason, and the worker is among those that failed."""
        task = a_task(status="active", worker_id=WORKER)
        transition = failing.failed(task, a_worker(), "it is silent", "soft-failed", now=NOW, update_id="u")
        update = transition.update
        assert update is not None
        self.assertEqual((transition.after.status, update.status), ("soft-failed", "soft-failed"))
        self.assertEqual(update.failed_by, transition.after.failed_by)
        self.assertEqual((update.worker, transition.after.last_updated), ("10.0.0.7 (render07)", NOW))
        for text in (update.activity, update.log_tail, transition.log_text, transition.after.activity):
            self.assertIn("failed by worker 10.0.0.7 (render07): it is silent", text)

    def test_stranded(self) -> None:
        """Only what waits for a worker is stranded; the text says why, and the list of the failed is not told anew."""
        for status in ("active", "failed", "completed", "cancel-requested", "paused"):
            self.assertIsNone(failing.stranded(a_task(status=status), (), now=NOW, update_id="u"))
        for status in ("queued", "claimed-by-manager", "soft-failed"):
            transition = failing.stranded(a_task(status=status, failed_by=by(A)), (), now=NOW, update_id="u")
            assert transition is not None
            assert transition.update is not None
            self.assertEqual((transition.after.status, transition.update.failed_by), ("failed", None))
            self.assertIn("no worker is left", transition.update.log_tail)

    def test_local(self) -> None:
        """Of a task of this Manager's own the Server hears nothing."""
        transition = failing.stranded(a_task(job_type=MANAGER_LOCAL), (), now=NOW, update_id="u")
        assert transition is not None
        self.assertIsNone(transition.update)
        self.assertIn("no worker is left", transition.log_text)


class SickTests(SynchronousTestCase):
    def test_sick(self) -> None:
        """Jobs count once each; with the last that is allowed the worker is sick, and to sleep at once."""
        worker = a_worker(status_requested="awake", lazy_status_request=True)
        for job in ("1", "1", "2"):
            worker = failing.failed_in(worker, job, 3)
        self.assertEqual((worker.failed_jobs, worker.sick, worker.status_requested), (("1", "2"), "", "awake"))
        sick = failing.failed_in(worker, "3", 3)
        self.assertEqual((sick.status_requested, sick.lazy_status_request), ("asleep", False))
        self.assertIn("3 jobs", sick.sick)
        self.assertEqual(failing.failed_in(sick, "4", 3), sick)

    def test_threshold_lowered(self) -> None:
        """Who has failed in more jobs than a new threshold allows is sick with the next one."""
        self.assertIn("3 jobs", failing.failed_in(a_worker(failed_jobs=("1", "2")), "3", 2).sick)

    def test_pending_shutdown(self) -> None:
        """A shutdown that is wanted stays wanted, and is immediate."""
        sick = failing.failed_in(a_worker(status_requested="shutdown", lazy_status_request=True), "1", 1)
        self.assertEqual((sick.status_requested, sick.lazy_status_request), ("shutdown", False))

    def test_off(self) -> None:
        """With a threshold of 0 nothing is counted."""
        self.assertEqual(failing.failed_in(a_worker(), "1", 0), a_worker())

    def test_completed(self) -> None:
        """A completion makes a worker begin anew, but does not heal a sick one."""
        worker = a_worker(failed_jobs=("1",))
        self.assertEqual(failing.completed_one(worker), a_worker())
        self.assertEqual(failing.completed_one(evolve(worker, sick="yes")), evolve(worker, sick="yes"))
