"""Failures that nobody reports, and what follows from those that are reported."""

from pathlib import Path

from twisted.internet.interfaces import IReactorTime

from flamenco_mgr.domain.failing import FailureRules
from flamenco_mgr.domain.tasks import Task
from flamenco_mgr.farm.crews import ALL_ARE_HEARD, GOOD_FOR, Crews
from flamenco_mgr.farm.failing import TaskFailures
from flamenco_mgr.farm.logs import TaskLogs
from flamenco_mgr.farm.returning import TaskReturner
from flamenco_mgr.farm.task_changes import TaskChanges
from flamenco_mgr.server.no_server import NoServer
from flamenco_mgr.store.interfaces import EventsAsked, IStore, WorkerBeat
from flamenco_mgr.store.sqlite import SQLiteStore
from tests.builders import JOB, WORKER, a_task, a_worker
from tests.harness import NOW
from tests.store.contract.case import StoreCase, an_id
from tests.threads import at_once

OTHER = an_id(0xFF)


class TimedOutTests(StoreCase):
    def make_store(self, clock: IReactorTime) -> IStore:
        return SQLiteStore.in_memory(clock)

    def setUp(self) -> None:
        super().setUp()
        self.clock.advance(NOW)
        store, rules = self.store, FailureRules(blacklist_threshold=2, sick_threshold=2)
        changes = TaskChanges(
            tasks=store.tasks, logs=TaskLogs(directory=self.logs(), in_thread=at_once, clock=self.clock)
        )
        self.crews = Crews(workers=store.workers, blacklist=store.blacklist, rules=rules, clock=self.clock)
        self.failures = TaskFailures(
            changes=changes,
            workers=store.workers,
            blacklist=store.blacklist,
            returner=TaskReturner(changes=changes, clock=self.clock, new_id=lambda: an_id(1)),
            crews=self.crews,
            stranded=NoServer(),
            rules=rules,
            clock=self.clock,
            new_id=iter(map(an_id, range(1000, 2000))).__next__,
        )
        for worker in (a_worker(), a_worker(id=OTHER)):
            self.result_of(store.workers.add(worker))

    def logs(self) -> Path:
        """Return a directory for the logs."""
        return Path(self.mktemp())

    def begin(self, number: int, job: str = JOB) -> Task:
        """Have a task that the worker is on, and return it."""
        self.add(a_task(id=an_id(number), job=job, status="active", worker_id=WORKER, last_worker_ping=NOW))
        return self.task(an_id(number))

    def time_out(self, task: Task, *, still: bool = True) -> Task:
        """Count a time-out as a failure, and return the task after that."""
        self.result_of(self.failures.timed_out(a_worker(), task, "it is silent", lambda _: still))
        return self.task(task.id)

    def test_counts_as_a_failure(self) -> None:
        """A task that times out is soft-failed while others are left, and its worker is among those that failed."""
        task = self.time_out(self.begin(1))
        self.assertEqual((task.status, [failed.id for failed in task.failed_by]), ("soft-failed", [WORKER]))
        (queued,) = self.queue()
        self.assertEqual((queued.update.status, queued.update.failed_by), ("soft-failed", task.failed_by))
        self.assertIn("it is silent", queued.update.log_tail)

    def test_nobody_left(self) -> None:
        """It has failed for good when nobody else is left."""
        other = self.result_of(self.store.workers.get(OTHER))
        assert other is not None
        self.assertTrue(self.result_of(self.store.workers.remove(other)))
        self.assertEqual(self.time_out(self.begin(1)).status, "failed")

    def test_dead_workers(self) -> None:
        """A worker that was not heard of for a week is not left, once all that live could be heard (21.25)."""
        self.result_of(self.store.workers.beat({OTHER: WorkerBeat(last_activity=NOW)}, {}))
        self.clock.advance(8 * 24 * 3600.0)
        for minute in range(int(ALL_ARE_HEARD / 60.0)):
            self.assertIn(OTHER, self.result_of(self.crews.now()).left(JOB, "blender-render"), minute)
            self.clock.advance(60.0)
        self.assertEqual(self.time_out(self.begin(1)).status, "failed")
        self.result_of(self.store.workers.beat({OTHER: WorkerBeat(last_activity=self.clock.seconds())}, {}))
        self.assertEqual(self.time_out(self.begin(2)).status, "soft-failed")

    def test_clock_was_set(self) -> None:
        """A clock that is set forward by a week does not make dead workers of those that live."""
        self.result_of(self.store.workers.beat({OTHER: WorkerBeat(last_activity=NOW)}, {}))
        for _ in range(20):
            self.clock.advance(60.0)
            self.result_of(self.crews.now())
        self.clock.advance(8 * 24 * 3600.0)
        self.assertEqual(self.time_out(self.begin(1)).status, "soft-failed")

    def test_bans(self) -> None:
        """Time-outs count towards the blacklist, and make a worker sick."""
        self.time_out(self.begin(1))
        self.time_out(self.begin(2))
        (line,) = self.result_of(self.store.blacklist.lines(0.0))
        self.assertEqual((line.worker_id, line.job, line.created), (WORKER, JOB, NOW))
        self.time_out(self.begin(3, an_id(0xB0)))
        worker = self.result_of(self.store.workers.get(WORKER))
        assert worker is not None
        self.assertTrue(worker.sick)

    def test_moved_on(self) -> None:
        """A task that has moved on, or was pinged since it was read, is left alone."""
        seen = self.begin(1)
        self.assertEqual(self.time_out(seen, still=False), seen)
        self.result_of(self.store.workers.beat({}, {seen.id: (WORKER, NOW + 5.0)}))
        self.result_of(self.failures.timed_out(a_worker(), seen, "", lambda newest: newest.last_worker_ping == NOW))
        self.assertEqual(self.task(seen.id).status, "active")

    def test_crew_is_gathered_once(self) -> None:
        """Of many failures at once only the first asks for all workers; what it heard is good for seconds."""
        first = self.result_of(self.crews.lately())
        self.assertIs(self.result_of(self.crews.lately()), first)
        self.clock.advance(GOOD_FOR)
        self.assertIsNot(self.result_of(self.crews.lately()), first)
        last = self.result_of(self.crews.lately())
        self.crews.changed()
        self.assertIsNot(self.result_of(self.crews.lately()), last)

    def test_history(self) -> None:
        """That a worker is banned, and that it is sick, is in the history."""
        for number, job in ((1, JOB), (2, JOB), (3, an_id(0xB0))):
            self.time_out(self.begin(number, job))
        page = self.result_of(self.store.history.events(EventsAsked(kind="worker"), None, 10, newest_first=False))
        texts = [one.event.text for one in page.items]
        self.assertIn("failed at 2 tasks of type blender-render", texts[0])
        self.assertIn("is sick: it failed at tasks of 2 jobs", texts[1])
