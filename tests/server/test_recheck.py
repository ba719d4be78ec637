"""Before a task is handed out the Server is asked whether it is still as it is here (server-api.md 4)."""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define, evolve, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionRefusedError  # noqa: A004 its name
from twisted.logger import LogLevel, capturedLogs
from zope.interface.verify import verifyObject

from flamenco_mgr.demo.standin.behaviour import Altered, Behaviour, Pretend, Redirect, Refuse, Silent, Slow, Stalled
from flamenco_mgr.demo.standin.endpoints import Endpoint
from flamenco_mgr.demo.standin.entries import StandInTask
from flamenco_mgr.domain.merging import taken_in
from flamenco_mgr.domain.tasks import Task
from flamenco_mgr.domain.updates import Transition
from flamenco_mgr.periodic import IKickable
from flamenco_mgr.server.breaker import CircuitBreaker
from flamenco_mgr.server.client import FlamencoServerClient
from flamenco_mgr.server.importing import TaskImporter
from flamenco_mgr.server.interfaces import Checked, INotifier, ITaskChecker
from flamenco_mgr.server.no_server import NoServer
from flamenco_mgr.server.recheck import MOST_AT_ONCE, TaskChecker
from flamenco_mgr.store.interfaces import Import, IStore, IUpdateQueue, Standing, StoreUnavailable
from flamenco_mgr.wire.server_task import described
from tests.builders import a_task, a_worker
from tests.server.linked import LinkedTestCase
from tests.server.test_client import Unplugged


@frozen
class FullDisk:
    """A store that can be read only."""

    tasks: Any

    async def standing(self, task_ids: Sequence[str]) -> Mapping[str, Standing]:
        standings: Mapping[str, Standing] = await self.tasks.standing(task_ids)
        return standings

    async def take_in(self, _: Sequence[Import]) -> frozenset[str]:
        raise StoreUnavailable("disk full")


@define(eq=False)
class HurriedStore:
    """A store in which somebody else is quicker so many times; it is its own tasks."""

    store: IStore
    quicker: int

    @property
    def updates(self) -> IUpdateQueue:
        return self.store.updates

    @property
    def tasks(self) -> "HurriedStore":
        return self

    async def get(self, task_id: str) -> Task | None:
        return await self.store.tasks.get(task_id)

    async def apply(self, transition: Transition) -> bool:
        if self.quicker:
            self.quicker -= 1
            return False
        return await self.store.tasks.apply(transition)


class CheckTestCase(LinkedTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.breaker = CircuitBreaker(clock=self.clock)
        self.breaker.startService()
        self.addCleanup(self.breaker.stopService)
        self.checker = self.a_checker(self.client)

    def a_checker(self, client: FlamencoServerClient) -> TaskChecker:
        return TaskChecker(
            client=client, store=self.store, importer=self.importer, breaker=self.breaker, clock=self.clock
        )

    def downloaded(self, count: int = 1) -> list[StandInTask]:
        """Return tasks of the Server's that are here as well."""
        tasks = self.add_job(count)
        for task in tasks:
            self.set_status(task, "claimed-by-manager")
        self.add(*(taken_in(described(dict(task.document)).task, now=self.clock.seconds()) for task in tasks))
        return tasks

    def check(self, task: Task | StandInTask, seconds: float = 1.5) -> "Deferred[Checked]":
        """Begin to check a task that is here."""
        mine = task if isinstance(task, Task) else self.task(task.id)
        return self.begun(self.checker.check(mine, self.clock.seconds() + seconds))

    def checked(self, task: Task | StandInTask) -> Checked:
        """Return what the Server says at once."""
        checking = self.check(task)
        self.turns()
        return self.successResultOf(checking)

    def asked(self) -> int:
        """Return how often the Server has been asked about tasks."""
        return self.server.record.requests[Endpoint.TASK]


class CheckTests(CheckTestCase):
    def test_interface(self) -> None:
        """The checker provides its interface."""
        verifyObject(ITaskChecker, self.checker)

    def test_same(self) -> None:
        """304: the task is as it was."""
        task = self.downloaded()[0]
        self.assertEqual(self.checked(task), Checked())
        self.assertEqual(self.server.record.answers[Endpoint.TASK, 304], 1)

    def test_changed(self) -> None:
        """server-api.md 16, fact 21: 200 with another priority is merged, and the answer's etag comes back."""
        task = self.downloaded()[0]
        self.server.books.set_job_priority(task.job, 77)
        self.assertEqual(self.checked(task), Checked(changed=True, etag=task.etag))
        self.assertEqual(self.task(task.id).job_priority, 77)
        self.assertEqual(self.checked(task), Checked())

    def test_cancelled(self) -> None:
        """Fact 21, and task-lifecycle.md 20, fact 4: 200 with the status canceled cancels the task here."""
        task = self.downloaded()[0]
        self.set_status(task, "canceled")
        self.assertTrue(self.checked(task).changed)
        self.assertEqual(self.task(task.id).status, "canceled")

    def test_gone(self) -> None:
        """Fact 21: 404, as 410, cancels the task here; the Server hears nothing of it; the rest of it stays."""
        for status in (404, 410):
            task = self.downloaded()[0]
            self.server.behave(Refuse(status), endpoint=Endpoint.TASK, times=1)
            before = self.task(task.id)
            self.assertEqual(self.checked(task), Checked(changed=True))
            self.assertEqual((self.task(task.id).status, self.task(task.id).priority), ("canceled", before.priority))
        self.assertEqual(self.queue(), ())

    def test_gone_though_updates_wait(self) -> None:
        """A task that the Server no longer has is gone whatever waits to be told; one that has ended has ended."""
        running, done = self.downloaded(2)
        self.change(running.id, status="active", worker_id=a_worker().id)
        self.change(done.id, status="completed")
        self.server.books.archive_job(running.job)
        self.assertTrue(self.checked(running).changed)
        self.assertTrue(self.checked(done).changed)
        self.assertEqual([self.task(running.id).status, self.task(done.id).status], ["canceled", "completed"])

    def test_no_word_no_change(self) -> None:
        """Only a positive statement changes the plan: whatever else the Server says, the task is handed out."""
        task = self.downloaded()[0]
        before = self.task(task.id)
        behaviours: tuple[Behaviour, ...] = (
            Refuse(400),
            Refuse(401),
            Refuse(403),
            Refuse(405),
            Refuse(429),
            Refuse(500),
            Refuse(503, b"<html>Bad gateway</html>"),
            Redirect("https://elsewhere.invalid/"),
            Pretend(b"", status=204),
            Pretend(b"{}"),
            Pretend(b"<html>"),
            Pretend(b'{"_id": "' + task.id.encode() + b'", "status": "processing"}'),
            Altered(lambda document: document | {"priority": "high"}),
            Altered(lambda document: document | {"_id": "e" * 24}),
        )
        self.server.books.set_job_priority(task.job, 77)
        for behaviour in behaviours:
            self.server.behave(behaviour, endpoint=Endpoint.TASK, times=1)
            self.assertEqual(self.checked(task), Checked(), behaviour)
            self.assertFalse(self.breaker.is_open, behaviour)
        self.assertEqual(self.task(task.id), before)
        self.assertEqual(self.asked(), len(behaviours))

    def test_our_trouble(self) -> None:
        """401 and 403 are reported as our credentials' trouble, once, and not as the task's."""
        task = self.downloaded()[0]
        self.server.behave(Refuse(403), endpoint=Endpoint.TASK)
        with capturedLogs() as events:
            for _ in range(3):
                self.checked(task)
        levels = [event["log_level"] for event in events if event["log_level"] > LogLevel.info]
        self.assertEqual(levels, [LogLevel.error])
        self.assertIn("403", self.reachability.status.refusal)

    def test_newer_here(self) -> None:
        """While updates wait the Server's status is not taken over (server-api.md 17.3)."""
        task = self.downloaded()[0]
        self.change(task.id, status="active", worker_id=a_worker().id)
        self.set_status(task, "failed")
        self.assertTrue(self.checked(task).changed)
        self.assertEqual(self.task(task.id).status, "active")

    def test_pushed_while_asked(self) -> None:
        """What the Server takes while it is asked may be missing in its answer."""
        task = self.downloaded()[0]
        self.change(task.id, status="active", worker_id=a_worker().id)
        self.server.books.set_job_priority(task.job, 77)
        self.server.behave(Slow(1.0), endpoint=Endpoint.TASK)
        checking = self.check(task)
        self.turns()
        self.result_of(self.store.updates.handled(self.queue()))
        self.pump(1.0)
        self.assertTrue(self.successResultOf(checking).changed)
        self.assertEqual((self.task(task.id).status, self.task(task.id).job_priority), ("active", 77))

    def test_without_etag(self) -> None:
        """A Server that gives no etags is believed when it says nothing new, so that tasks are handed out at all."""
        task = self.downloaded()[0]
        self.server.behave(Altered(lambda document: document | {"_etag": ""}), endpoint=Endpoint.TASK)
        mine = evolve(self.task(task.id), etag="")
        self.assertTrue(self.checked(mine).changed)  # its commands
        self.assertEqual(self.checked(mine), Checked())

    def test_local(self) -> None:
        """server-api.md 15.5: nobody is asked about tasks that only this Manager knows."""
        self.assertEqual(self.checked(a_task(job_type="manager-local")), Checked())
        self.assertEqual(self.asked(), 0)

    def test_nobody_wants_to_know(self) -> None:
        """When whoever asked has gone, the question is dropped, and nothing is said about the Server."""
        self.server.behave(Silent())
        checking = self.check(self.downloaded()[0])
        self.turns()
        checking.cancel()
        self.failureResultOf(checking, CancelledError)
        self.assertFalse(self.breaker.is_open)
        self.assertEqual(self.timers(), [])

    def test_gone_while_it_changes(self) -> None:
        """A task that changes while its end is being stored is looked at again, but not for ever."""
        task = self.downloaded()[0]
        self.server.behave(Refuse(404), endpoint=Endpoint.TASK)
        for quicker, status in ((1000, "claimed-by-manager"), (2, "canceled")):
            hurried: Any = HurriedStore(self.store, quicker)
            self.checker.store = hurried
            self.assertEqual(self.checked(task), Checked(changed=True))
            self.assertEqual(self.task(task.id).status, status)

    def test_store_is_away(self) -> None:
        """When the Server's word cannot be kept, the task is not handed out against it."""
        task = self.downloaded()[0]
        self.server.books.set_job_priority(task.job, 77)

        full: Any = FullDisk(self.store.tasks)
        self.importer = TaskImporter(tasks=full, clock=self.clock)
        self.checker = self.a_checker(self.client)
        self.assertEqual(self.checked(task), Checked(changed=True))


class BreakerTests(CheckTestCase):
    """design.md 6: one time-out or refused connection, and nobody waits for the Server for half a minute."""

    def tripped(self) -> StandInTask:
        task = self.downloaded()[0]
        self.server.behave(Silent(), endpoint=Endpoint.TASK)
        checking = self.check(task)
        self.pump(1.5, step=0.5)
        self.assertEqual(self.successResultOf(checking), Checked())
        return task

    def test_time_out(self) -> None:
        """server-api.md 17.6: the worker that met the silence waits until its deadline, those after it not at all."""
        task = self.tripped()
        for _ in range(20):
            self.assertEqual(self.checked(task), Checked())
        self.assertEqual(self.asked(), 1)

    def test_stalled(self) -> None:
        """An answer that stops in its middle is silence."""
        task = self.downloaded()[0]
        self.server.books.set_job_priority(task.job, 77)
        self.server.behave(Stalled(20), endpoint=Endpoint.TASK)
        checking = self.check(task)
        self.pump(1.5)
        self.assertEqual(self.successResultOf(checking), Checked())
        self.assertTrue(self.breaker.is_open)

    def test_refused_connection(self) -> None:
        """server-api.md 16, fact 22: the Server is unreachable, and the task is handed out, at once."""
        self.checker = self.a_checker(self.a_client(treq=Unplugged(ConnectionRefusedError())))
        self.assertEqual(self.checked(self.downloaded()[0]), Checked())
        self.assertTrue(self.breaker.is_open)

    def test_others_in_flight(self) -> None:
        """When the first meets silence, those who wait behind it, or for their turn, go on at once."""
        tasks = self.downloaded(MOST_AT_ONCE + 4)
        self.server.behave(Silent(), endpoint=Endpoint.TASK)
        first = self.check(tasks[0], seconds=1.0)
        others = [self.check(task, seconds=1.5) for task in tasks[1:]]
        self.pump(1.0)
        self.assertEqual([self.successResultOf(each) for each in (first, *others)], [Checked()] * len(tasks))
        self.assertEqual(self.asked(), MOST_AT_ONCE)

    def test_probe(self) -> None:
        """After 30 s a probe in the background asks; when it is answered tasks are checked again."""
        task = self.tripped()
        self.server.behave_well()
        self.server.books.set_job_priority(task.job, 77)
        self.pump(29.9, step=0.1)
        self.assertEqual((self.breaker.is_open, self.asked()), (True, 1))
        self.pump(0.2, step=0.1)
        self.assertEqual((self.breaker.is_open, self.asked()), (False, 2))
        self.assertEqual(self.task(task.id).job_priority, 50)
        self.assertTrue(self.checked(task).changed)

    def test_still_silent(self) -> None:
        """While it is not, the next probe is 30 s later, and no worker ever waits for one."""
        task = self.tripped()
        for probes in (1, 2, 3):
            self.pump(30.0)
            self.assertEqual(self.asked(), 1 + probes)
            self.assertEqual(self.checked(task), Checked())
            self.pump(1.5, step=0.5)
        self.assertTrue(self.breaker.is_open)

    def test_any_answer_closes(self) -> None:
        """A Server that answers 500 in time can be asked."""
        self.tripped()
        self.server.behave(Refuse(500), endpoint=Endpoint.TASK)
        self.pump(30.0)
        self.assertFalse(self.breaker.is_open)

    def test_stop(self) -> None:
        """Stopping ends the wait for the probe, or the probe, and leaves no timer."""
        self.tripped()
        self.breaker.stopService()
        self.assertEqual(self.timers(), [])

    def test_stop_while_probing(self) -> None:
        """A probe in progress is broken off, too."""
        self.tripped()
        self.pump(30.0)
        self.breaker.stopService()
        self.turns()
        self.assertEqual(self.timers(), [])

    def test_told_once(self) -> None:
        """People hear when asking stops, and when it begins again."""
        with capturedLogs() as events:
            self.tripped()
            self.server.behave_well()
            self.pump(61.5, step=0.5)
        said = [event["log_level"] for event in events if "in time" in event["log_format"]]
        self.assertEqual(said, [LogLevel.warn, LogLevel.info])


class SlotsTests(CheckTestCase):
    def test_most_at_once(self) -> None:
        """At most 16 are asked about at once; when one is answered the next has its turn."""
        tasks = self.downloaded(MOST_AT_ONCE + 1)
        self.server.behave(Slow(0.5), endpoint=Endpoint.TASK)
        checking = [self.check(task) for task in tasks]
        self.turns()
        self.assertEqual(self.asked(), MOST_AT_ONCE)
        self.pump(0.5)
        self.assertEqual(self.asked(), MOST_AT_ONCE + 1)
        self.pump(0.5)
        self.assertEqual([self.successResultOf(each) for each in checking], [Checked()] * len(tasks))

    def test_crowd(self) -> None:
        """Hundreds who wait for a turn that comes to nothing go on, however many they are."""
        tasks = self.downloaded(300)
        self.server.behave(Silent(), endpoint=Endpoint.TASK)
        checking = [self.check(task, seconds=1.0 if task in tasks[:MOST_AT_ONCE] else 1.5) for task in tasks]
        self.pump(1.0)
        self.assertEqual([self.successResultOf(each) for each in checking], [Checked()] * len(tasks))
        self.assertEqual(self.asked(), MOST_AT_ONCE)

    def test_waiting_counts(self) -> None:
        """Who waits for a turn until its deadline goes on unasked, and that says nothing about the Server."""
        tasks = self.downloaded(MOST_AT_ONCE + 1)
        self.server.behave(Slow(1.0), endpoint=Endpoint.TASK)
        checking = [self.check(task) for task in tasks[:-1]]
        late = self.check(tasks[-1], seconds=0.7)
        self.pump(0.7)
        self.assertEqual(self.successResultOf(late), Checked())
        self.assertFalse(self.breaker.is_open)
        self.pump(0.3)
        self.assertEqual([self.successResultOf(each) for each in checking], [Checked()] * MOST_AT_ONCE)
        self.assertEqual(self.asked(), MOST_AT_ONCE)


class NoServerTests(LinkedTestCase):
    def test_nobody_there(self) -> None:
        """Without a Server every task is as it is here, and nobody is told anything."""
        nobody = NoServer()
        for interface in (ITaskChecker, IKickable, INotifier):
            verifyObject(interface, nobody)
        self.assertEqual(self.result_of(nobody.check(a_task(), 0.0)), Checked())
        nobody.kick()
        nobody.task_types_changed()
