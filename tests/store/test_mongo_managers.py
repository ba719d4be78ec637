"""Two Managers on one database, the clock of one an hour ahead, behind which Workers move (design.md 3.6)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from attrs import define
from treq.testing import StubTreq
from twisted.internet.defer import maybeDeferred
from twisted.internet.task import Clock

from flamenco_mgr.demo.standin.drafts import JobDraft, TaskDraft
from flamenco_mgr.demo.standin.endpoints import Endpoint
from flamenco_mgr.demo.standin.entries import StandInTask
from flamenco_mgr.service import Farm
from flamenco_mgr.store.mongo import MongoStore
from tests.harness import FarmTestCase
from tests.mongo.pump import turn
from tests.store.test_mongo_farm import OnMongoDBAsWell

AHEAD = 3600.0


@define(eq=False)
class Manager:
    """One of the Managers; one that is paused has a clock that stands still, and what it had begun goes on later."""

    clock: Clock
    store: MongoStore
    farm: Farm
    http: Any
    ahead: float = 0.0
    paused: bool = False


class TwoManagersTests(OnMongoDBAsWell, FarmTestCase):
    """The first Manager has the Server's time, the second is an hour ahead."""

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(self.stop_all)
        self.managers: list[Manager] = []
        self.first = self.joined(self.clock, self.store, 0.0)
        clock = Clock()
        clock.advance(self.clock.seconds() + AHEAD)
        self.second = self.joined(clock, self.another_store(self.store._link.address.database, clock), AHEAD)

    def joined(self, clock: Clock, store: MongoStore, ahead: float) -> Manager:
        """Return a Manager on the database."""
        pace, self.clock, self.store = self.clock, clock, store
        farm = self.wired()
        self.clock = pace
        manager = Manager(clock=clock, store=store, farm=farm, http=StubTreq(farm.workers_api), ahead=ahead)
        self.managers.append(manager)
        return manager

    def started(self, *managers: Manager) -> None:
        """Start Managers one after the other; the first has the lease."""
        for manager in managers:
            for duty in manager.farm.duties:
                duty.startService()
            self.pass_time(1.0)
        self.assertEqual([manager.store.lease.held for manager in managers], [True, *[False] * (len(managers) - 1)])

    def stop_all(self) -> None:
        """Stop the duties that run."""
        stopped = [
            maybeDeferred(duty.stopService) for manager in self.managers for duty in manager.farm.duties if duty.running
        ]
        self.pass_time(1.0)
        for one in stopped:
            self.successResultOf(one)

    def _turn(self) -> None:
        for manager in self.managers:
            if not manager.paused:
                manager.clock.advance(max(0.0, self.clock.seconds() + manager.ahead - manager.clock.seconds()))
            manager.http.flush()
            turn(lambda: not any(manager.store._link.in_flight for manager in self.managers))
        super()._turn()

    @contextmanager
    def at(self, manager: Manager) -> Iterator[None]:
        """Let requests in this block go to a Manager."""
        self.http, self.store = manager.http, manager.store
        yield

    def a_job(self, *names: str) -> list[StandInTask]:
        """Let the Server have a job."""
        commands = [{"name": "echo", "settings": {}}]
        drafts = [TaskDraft(name=name, task_type="sleep", commands=commands) for name in names]
        return list(self.server.books.add_job(JobDraft(name="job", job_type="sleep", tasks=drafts)).tasks.values())

    def ask(self, manager: Manager, worker: str) -> str | None:
        """Let a Worker ask a Manager for a task, and return its id."""
        with self.at(manager):
            answer = self.request("POST", "/task", worker=worker, seconds=2.0)
        return answer.json["_id"] if answer.code == 200 else None

    def update(self, manager: Manager, worker: str, task: StandInTask, **body: Any) -> int:
        with self.at(manager):
            return self.request("POST", f"/tasks/{task.id}/update", worker=worker, json=body).code

    def may_run(self, manager: Manager, worker: str, task: StandInTask) -> bool:
        with self.at(manager):
            return bool(self.request("GET", f"/may-i-run/{task.id}", worker=worker).json["may_keep_running"])

    def registered(self, manager: Manager, *types: str) -> str:
        """Register a Worker at a Manager."""
        with self.at(manager):
            return self.register("render07", *(types or ("sleep",)))

    def told(self, task: StandInTask) -> list[str]:
        """Return the statuses of a task that the Server was told, in order."""
        return [status for status, _ in self.server.record.statuses(task.id)]

    def test_worker_moves(self) -> None:
        """A Worker changes Managers with each request; the Server hears all of it once, in order, of no future."""
        (task,) = self.a_job("frames")
        self.started(self.first, self.second)
        me = self.registered(self.first)
        self.assertEqual(self.ask(self.second, me), task.id)
        for number, manager in enumerate((self.first, self.second, self.first), 1):
            self.assertEqual(self.update(manager, me, task, activity=f"frame {number}"), 204)
            self.pass_time(0.5)
        self.assertTrue(self.may_run(self.second, me, task))
        self.assertEqual(self.update(self.second, me, task, task_status="completed"), 204)
        self.assertFalse(self.may_run(self.first, me, task))
        self.pass_time(10.0)
        self.assertEqual((self.told(task), task.status), (["active", "completed"], "completed"))
        self.assertEqual(self.server.record.duplicates, {})

    def test_late_news_of_a_slow_clock(self) -> None:
        """What the Manager in the past says of a task after the one in the future is told after it."""
        (task,) = self.a_job("frames")
        self.started(self.first, self.second)
        me = self.registered(self.second)
        self.assertEqual(self.ask(self.second, me), task.id)
        self.assertEqual(self.update(self.first, me, task, task_status="completed"), 204)
        self.pass_time(10.0)
        self.assertEqual((self.told(task), task.status), (["active", "completed"], "completed"))

    def test_idle_elsewhere(self) -> None:
        """A Worker that finds nothing to do at a Manager without the lease brings the other to download at once."""
        self.started(self.first, self.second)
        me = self.registered(self.second)
        self.pass_time(20.0)
        (task,) = self.a_job("frames")
        self.assertIsNone(self.ask(self.second, me))
        self.pass_time(2.0)
        self.assertEqual(self.ask(self.second, me), task.id)

    def test_types_elsewhere(self) -> None:
        """New task types at a Manager without the lease are told to the Server by the other, once."""
        self.started(self.first, self.second)
        self.pass_time(2.0)
        before = self.server.record.requests[Endpoint.UPDATE]
        self.registered(self.second, "testing")
        self.pass_time(3.0)
        self.assertEqual(self.server.record.requests[Endpoint.UPDATE], before + 1)
        self.assertEqual(self.server.record.notifications[-1].document["worker_task_types"], ["testing"])

    def test_last_words(self) -> None:
        """A Manager without the lease that stops leaves what the Server has to hear to the other."""
        (task,) = self.a_job("frames")
        self.started(self.first, self.second)
        me = self.registered(self.second)
        self.assertEqual(self.ask(self.second, me), task.id)
        pushes = len(self.server.record.pushes)
        self.result_of(self.second.farm.last_words())
        self.assertEqual(len(self.server.record.pushes), pushes)
        self.result_of(self.first.farm.last_words())
        self.assertEqual(self.told(task), ["active"])

    def test_cancel_elsewhere(self) -> None:
        """What the Server wants cancelled a Worker hears at every Manager."""
        (task,) = self.a_job("frames")
        self.started(self.first, self.second)
        me = self.registered(self.second)
        self.assertEqual(self.ask(self.second, me), task.id)
        self.pass_time(6.0)
        self.server.books.cancel_task(task.id)
        self.pass_time(11.0)
        self.assertFalse(self.may_run(self.second, me, task))
        self.assertEqual(self.update(self.second, me, task, log="stopped"), 204)
        with self.at(self.second):
            self.assertEqual(self.request("POST", f"/tasks/{task.id}/return", worker=me).code, 204)
        self.pass_time(20.0)
        self.assertEqual((self.told(task), task.status), (["active", "canceled"], "canceled"))

    def test_paused(self) -> None:
        """A Manager with the lease that is paused and wakes sends nothing that the other has sent; all goes on."""
        first, second = self.a_job("first", "second")
        self.started(self.second, self.first)
        me = self.registered(self.second)
        given = self.ask(self.second, me)
        task, other = (first, second) if given == first.id else (second, first)
        self.second.paused = True
        self.assertEqual(self.update(self.first, me, task, task_status="completed"), 204)
        self.pass_time(10.0)
        self.assertTrue(self.first.store.lease.held)
        self.assertEqual(self.told(task), ["active", "completed"])
        pushes = len(self.server.record.pushes)
        self.second.paused = False
        self._turn()
        self.assertFalse(self.second.store.lease.held)
        self.assertEqual(len(self.server.record.pushes), pushes)
        self.assertEqual(self.ask(self.second, me), other.id)
        self.assertEqual(self.update(self.second, me, other, task_status="completed"), 204)
        self.pass_time(10.0)
        self.assertEqual((self.told(task), self.told(other)), (["active", "completed"],) * 2)
        self.assertEqual(self.server.record.duplicates, {})
        self.assertEqual((task.status, other.status), ("completed", "completed"))
