"""Tasks and workers time out, if nothing was in the way of hearing them."""

from typing import Any

from attrs import evolve

from flamenco_mgr.store.interfaces import WorkerBeat
from tests.builders import TASK, a_task
from tests.leases import ScriptedLease, StoreWithLease
from tests.store.contract.case import an_id
from tests.upkeep import LeftAlone


class WorkerTimeoutTests(LeftAlone):
    def setUp(self) -> None:
        super().setUp()
        self.w1 = self.register("w1")

    def status(self) -> tuple[str, str | None]:
        return self.worker(self.w1).status, self.worker(self.w1).status_requested

    def test_tasks_come_back(self) -> None:
        """The tasks of a worker that vanished wait for others, and the Server hears that nobody has them."""
        self.heard(self.w1)
        self.given(self.w1)
        self.given(self.w1, id=an_id(1))
        self.given(self.w1, id=an_id(2), status="cancel-requested", cancel_requested_at=self.clock.seconds() + 1e6)
        self.start()
        self.leave_alone(301)
        self.assertEqual(self.status(), ("timeout", None))
        found = [self.task(one).status for one in (TASK, an_id(1), an_id(2))]
        self.assertEqual(found, ["claimed-by-manager", "claimed-by-manager", "canceled"])
        self.assertEqual(self.task(TASK).failed_by, ())

    def test_healthy(self) -> None:
        """A worker that polls as often as it should never times out, in whatever status it does."""
        self.start()
        for status, every in (("awake", 5), ("testing", 5), ("asleep", 30), ("error", 600)):
            self.heard(self.w1, status=status)
            for _ in range(2 if status == "error" else 600 // every):
                self.leave_alone(every)
                self.assertEqual(self.status(), (status, None))
                self.heard(self.w1, status=status)

    def test_request_kept(self) -> None:
        """What was asked of a worker is still asked when it has timed out (task-lifecycle.md 21.17)."""
        self.heard(self.w1, status_requested="shutdown", lazy_status_request=True)
        self.start()
        self.leave_alone(300)
        self.assertEqual(self.status(), ("timeout", "shutdown"))
        self.assertTrue(self.worker(self.w1).lazy_status_request)

    def test_comes_back(self) -> None:
        """A worker that comes back after it timed out works on at once, and is asked for nothing."""
        self.heard(self.w1)
        self.given(self.w1, job_type="manager-local")
        self.start()
        self.leave_alone(300)
        answer = self.request("GET", f"/may-i-run/{TASK}", worker=self.w1)
        self.assertFalse(answer.json["may_keep_running"])
        self.assertEqual(self.request("POST", "/task", worker=self.w1, seconds=3).json["_id"], TASK)
        self.assertEqual(self.status(), ("awake", None))

    def test_heard_in_time(self) -> None:
        """A sign of life that is not stored yet saves a worker."""
        self.heard(self.w1)
        self.start()
        self.leave_alone(299)
        self.request("GET", "/status-change", worker=self.w1)
        self.clock.advance(0.999)
        self.leave_alone(1)
        self.assertEqual(self.status()[0], "awake")

    def test_heard_elsewhere(self) -> None:
        """A sign of life that another Manager stored after the worker was read saves it."""
        self.heard(self.w1)
        workers = HeardElsewhere(self.store.workers, self.w1, self.clock.seconds)
        self.with_parts(workers=workers)
        self.start()
        self.leave_alone(301)
        self.assertGreater(workers.heard, 0)
        self.assertEqual(self.status()[0], "awake")

    def test_clock_behind(self) -> None:
        """A worker that is heard by another Manager whose clock is an hour behind does not time out while it is."""
        self.change_worker(self.w1, status="awake")
        self.start()
        for _ in range(25):
            self.result_of(
                self.store.workers.beat({self.w1: WorkerBeat(last_activity=self.clock.seconds() - 3600)}, {})
            )
            self.leave_alone(20)
        self.assertEqual(self.status()[0], "awake")
        self.leave_alone(120)
        self.assertEqual(self.status()[0], "timeout")

    def test_many(self) -> None:
        """Very many time out in slices, and all do."""
        now = self.clock.seconds()
        template = self.worker(self.w1)
        for number in range(200):
            one = evolve(template, id=an_id(number), last_activity=now, status="awake", revision=0)
            self.result_of(self.store.workers.add(one))
            self.given(an_id(number), id=an_id(1000 + number))
        self.start()
        self.leave_alone(310)
        statuses = {worker.status for worker in self.result_of(self.store.workers.all()) if worker.id != self.w1}
        self.assertEqual(statuses, {"timeout"})
        self.assertEqual(self.result_of(self.store.tasks.counts()), {"claimed-by-manager": 200})


class TaskTimeoutTests(LeftAlone):
    def setUp(self) -> None:
        super().setUp()
        self.w1 = self.register("w1")

    def keep_alive(self, seconds: int, worker: str = "", *, ping: bool = False) -> None:
        """Let time pass, in which a worker polls."""
        worker = worker or self.w1
        self.heard(worker)
        for _ in range(seconds // 20):
            self.leave_alone(20)
            beat = WorkerBeat(last_activity=self.clock.seconds())
            pings = {TASK: (worker, self.clock.seconds())} if ping else {}
            self.result_of(self.store.workers.beat({worker: beat}, pings))

    def test_left_behind(self) -> None:
        """A task whose worker is gone, or out of duty, comes back, whoever should have done that and did not."""
        self.heard(self.w1, status="offline")
        self.given(self.w1)
        self.given(an_id(0xBAD), id=an_id(1), worker="render99")
        self.add(a_task(id=an_id(2), status="active"))
        self.start()
        self.leave_alone(300)
        for task_id, holder in ((TASK, "w1"), (an_id(1), "render99"), (an_id(2), "nobody")):
            self.assertEqual(self.task(task_id).status, "claimed-by-manager")
            self.assertIn(holder, self.task(task_id).activity)

    def test_lives(self) -> None:
        """
        A task of which its worker, that lives, says nothing is a failure by that worker: others may try (design.md 7).

        One after the other fails at it, then it has failed for good; the Server hears of each, the log file, too.
        """
        w2 = self.register("w2")
        self.start()
        for worker, status in ((self.w1, "soft-failed"), (w2, "failed")):
            if worker == w2:
                self.change_task(TASK, status="active", worker_id=w2, last_worker_ping=self.clock.seconds())
            else:
                self.given(worker)
            self.keep_alive(580, worker)
            self.assertEqual(self.task(TASK).status, "active")
            self.keep_alive(100, worker)
            self.assertEqual(self.task(TASK).status, status)
            self.assertEqual(self.worker(worker).status, "awake")
            self.assertIn("timed out", self.log_of(TASK))
        self.assertEqual([failed.id for failed in self.task(TASK).failed_by], [self.w1, w2])

    def test_late_ping(self) -> None:
        """A ping that another Manager stored after the task was read saves the task."""
        self.heard(self.w1)
        self.given(self.w1)
        tasks = PingedElsewhere(self.store, self.w1, self.clock.seconds)
        self.with_parts(tasks=tasks)
        self.start()
        self.keep_alive(700)
        self.assertGreater(tasks.pinged, 0)
        self.assertEqual(self.task(TASK).status, "active")

    def test_late_ping_out_of_duty(self) -> None:
        """Such a ping saves also a task whose worker is out of duty, and would have left it behind."""
        self.heard(self.w1, status="offline")
        self.given(self.w1)
        tasks = PingedElsewhere(self.store, self.w1, self.clock.seconds)
        self.with_parts(tasks=tasks)
        self.start()
        self.leave_alone(300)
        self.assertGreater(tasks.pinged, 0)
        self.assertEqual(self.task(TASK).status, "active")

    def test_pinged(self) -> None:
        """A task that its worker speaks of does not time out."""
        self.start()
        self.heard(self.w1)
        self.given(self.w1)
        self.keep_alive(1200, ping=True)
        self.assertEqual(self.task(TASK).status, "active")


class GraceTests(LeftAlone):
    def setUp(self) -> None:
        super().setUp()
        self.w1 = self.register("w1")
        self.heard(self.w1)
        self.start()

    def status(self) -> str:
        return self.worker(self.w1).status

    def test_after_start(self) -> None:
        """For five minutes after a start nobody times out, and tasks stay with who has them (task-lifecycle.md 12)."""
        self.given(self.w1)
        self.leave_alone(295)
        self.assertEqual((self.status(), self.task(TASK).status), ("awake", "active"))
        self.leave_alone(10)
        self.assertEqual((self.status(), self.task(TASK).status), ("timeout", "claimed-by-manager"))

    def test_stood_still(self) -> None:
        """A process that stood still longer than workers may be silent waits for five minutes anew."""
        self.leave_alone(200)
        self.clock.advance(100)
        self.leave_alone(290)
        self.assertEqual(self.status(), "awake")
        self.leave_alone(20)
        self.assertEqual(self.status(), "timeout")

    def test_every_minute(self) -> None:
        """After the grace there is a check every minute."""
        self.leave_alone(301)
        self.assertEqual(self.status(), "timeout")
        self.heard(self.w1, status="awake")
        self.leave_alone(58)
        self.assertEqual(self.status(), "awake")
        self.leave_alone(62)
        self.assertEqual(self.status(), "timeout")


class ClockSetTests(LeftAlone):
    ahead = 0.0

    def steady(self) -> float:
        return self.clock.seconds() - self.ahead

    def test_clock_set(self) -> None:
        """A clock that was set forward does not let anybody time out within the next five minutes."""
        w1 = self.register("w1")
        self.heard(w1)
        self.start()
        self.leave_alone(295)
        self.heard(w1)
        self.ahead = 3600.0
        self.clock.advance(3600.0)
        self.leave_alone(290)
        self.assertEqual(self.worker(w1).status, "awake")
        self.leave_alone(20)
        self.assertEqual(self.worker(w1).status, "timeout")


class LeaseTests(LeftAlone):
    def make_store(self, clock: Any) -> Any:
        self.lease = ScriptedLease()
        return StoreWithLease(store=super().make_store(clock), lease=self.lease)

    def test_lease(self) -> None:
        """Nothing times out where the lease is not, and five minutes pass after it came."""
        w1 = self.register("w1")
        self.heard(w1)
        self.start()
        self.leave_alone(400)
        self.lease.obtain()
        self.leave_alone(299)
        self.assertEqual(self.worker(w1).status, "awake")
        self.leave_alone(5)
        self.assertEqual(self.worker(w1).status, "timeout")

    def test_unreachable(self) -> None:
        """A store that could not be reached for a moment brings five minutes of grace."""
        w1 = self.register("w1")
        self.heard(w1)
        self.lease.obtain()
        self.start()
        self.leave_alone(280)
        self.lease.unavailable = True
        self.leave_alone(10)
        self.lease.unavailable = False
        self.leave_alone(290)
        self.assertEqual(self.worker(w1).status, "awake")
        self.leave_alone(15)
        self.assertEqual(self.worker(w1).status, "timeout")


class HeardElsewhere:
    """The workers of a store; whenever one is about to change, another Manager stores that it was heard."""

    def __init__(self, workers: Any, worker: str, seconds: Any) -> None:
        self.workers, self.worker, self.seconds, self.heard = workers, worker, seconds, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.workers, name)

    async def change(self, before: Any, *others: Any, **conditions: Any) -> bool:
        if before.id == self.worker:
            self.heard += 1
            await self.workers.beat({self.worker: WorkerBeat(last_activity=self.seconds())}, {})
        done: bool = await self.workers.change(before, *others, **conditions)
        return done


class PingedElsewhere:
    """The tasks of a store; whenever one is about to change, another Manager stores that its worker pinged it."""

    def __init__(self, store: Any, worker: str, seconds: Any) -> None:
        self.store, self.worker, self.seconds, self.pinged = store, worker, seconds, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store.tasks, name)

    async def apply(self, transition: Any) -> bool:
        self.pinged += 1
        await self.store.workers.beat({}, {transition.before.id: (self.worker, self.seconds())})
        done: bool = await self.store.tasks.apply(transition)
        return done
