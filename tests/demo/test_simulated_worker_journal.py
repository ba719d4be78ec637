"""The books that a simulated Worker keeps, and how many share one process."""

from math import inf
from random import Random
from typing import Any

from attrs import define, field
from treq.client import HTTPClient
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.trial.unittest import TestCase
from twisted.web.client import Agent
from twisted.web.server import Site

from flamenco_mgr.demo.simulated_worker import SimulatedWorker
from flamenco_mgr.demo.worker.connection import connection_pool
from flamenco_mgr.demo.worker.enlisting import WorkerProfile
from flamenco_mgr.demo.worker.journal import Ending, Endpoint, Interval, Journal, TaskRun, in_two_hands
from tests.demo.scripted_manager import (
    OTHER_TASK,
    TASK,
    IsSlow,
    Says,
    ScriptedManager,
    WorkerTestCase,
    a_sleep,
    a_task_document,
)


def a_journal(*runs: tuple[str, float, float | None]) -> Journal:
    """Return the journal of a worker that had tasks in its hands from when to when."""
    journal = Journal()
    journal.runs += [TaskRun(task_id=task, job="", started=began, ended=ended) for task, began, ended in runs]
    return journal


class JournalTests(WorkerTestCase):
    def test_intervals(self) -> None:
        """A task is in a worker's hands from the answer that gave it until its end; a running one's is open."""
        self.manager.tell(
            "task", Says(200, a_task_document(TASK, a_sleep(2))), Says(200, a_task_document(OTHER_TASK, a_sleep(9)))
        )
        self.live(6.0)
        self.assertEqual(
            self.worker.journal.running_intervals,
            (Interval(task_id=TASK, began=0.0, ended=2.0), Interval(task_id=OTHER_TASK, began=5.0, ended=inf)),
        )
        self.assertEqual(self.worker.running, OTHER_TASK)
        self.assertEqual([run.how for run in self.worker.journal.runs], [Ending.COMPLETED, None])

    def test_latencies(self) -> None:
        """The time to each answer is kept per endpoint."""
        self.manager.tell("task", Says(), IsSlow(self.clock, 1.5, Says()), Says())
        self.live(7.0)
        self.assertEqual(self.worker.journal.latencies[Endpoint.TASK], [0.0, 1.5])
        self.assertEqual(self.worker.journal.latencies[Endpoint.REGISTER], [0.0])

    def test_asked(self) -> None:
        """A task was asked for when the request was sent, and is in the worker's hands from the answer on."""
        self.manager.tell("task", IsSlow(self.clock, 1.5, Says(200, a_task_document(TASK, a_sleep(9)))))
        self.live(3.0)
        self.assertEqual([(run.asked, run.started) for run in self.worker.journal.runs], [(0.0, 1.5)])

    def test_obeyed(self) -> None:
        """Each status that the Manager requests is in the book, with the time at which the worker took it."""
        self.manager.tell("task", Says(423, {"status_requested": "asleep"}), Says())
        self.manager.tell("status-change", Says(204), Says(200, {"status_requested": "awake"}))
        self.live(65.0)
        obeyed = [(one.at, one.status) for one in self.worker.journal.obeyed]
        self.assertEqual(obeyed, [(0.0, "asleep"), (60.0, "awake")])

    def test_in_two_hands(self) -> None:
        """A task that two workers, or one twice, had at the same time is found; one after the other is not."""
        for journals, found in (
            ((a_journal((TASK, 0, 5)), a_journal((TASK, 4, 6))), (TASK,)),
            ((a_journal((TASK, 0, 5)), a_journal((TASK, 5, 6))), ()),
            ((a_journal((TASK, 0, None)), a_journal((TASK, 100, 101), (OTHER_TASK, 0, 1))), (TASK,)),
            ((a_journal((TASK, 0, 9), (OTHER_TASK, 1, 2)), a_journal((TASK, 1, 2), (TASK, 8, 10))), (TASK,)),
            ((a_journal((TASK, 0, 9)), a_journal((OTHER_TASK, 0, 9))), ()),
        ):
            with self.subTest(found=found):
                self.assertEqual(in_two_hands(journals), found)

    def test_killed_by_its_own_answer(self) -> None:
        """A Worker that is killed while its request is being answered does nothing with the answer."""
        killing = self.worker

        def kills(request: Any) -> bytes:
            killing.kill()
            return Says(200, a_task_document())(request)

        self.manager.tell("task", kills)
        self.live(30.0)
        self.assertEqual(self.manager.lines(), [(0.0, "POST /register-worker"), (0.0, "POST /task")])
        self.assertEqual(self.worker.journal.runs, [])


@define(eq=False)
class IsHungUpOn:
    """Never answers; tells when a request came, and when whoever asked was gone."""

    came: "Deferred[None]" = field(factory=Deferred)
    gone: "Deferred[None]" = field(factory=Deferred)

    def __call__(self, request: Any) -> "Deferred[bytes]":
        _ = request.notifyFinish().addErrback(lambda _: self.gone.callback(None))
        self.came.callback(None)
        return Deferred()


class SocketTests(TestCase):
    """Simulated Workers of this process, over real sockets."""

    async def listen(self) -> None:
        self.clock: Any = reactor
        self.manager = ScriptedManager(self.clock)
        site = Site(self.manager.router.resource())
        self.port: Any = await TCP4ServerEndpoint(self.clock, 0, interface="127.0.0.1").listen(site)
        self.addCleanup(self.port.stopListening)
        self.pool = connection_pool(self.clock, workers=10)
        self.addCleanup(self.pool.closeCachedConnections)

    def a_worker(self, number: int) -> SimulatedWorker:
        return SimulatedWorker(
            profile=WorkerProfile(nickname=f"render{number:02}"),
            client=HTTPClient(Agent(self.clock, pool=self.pool)),
            clock=self.clock,
            random=Random(number),
            manager_url=f"http://127.0.0.1:{self.port.getHost().port}",
            time_scale=0.01,
        )

    async def test_many_in_one_process(self) -> None:
        """Workers share one pool of connections, do all tasks, and sign off when they are told to."""
        await self.listen()
        ids = [f"{TASK[:-2]}{number:02}" for number in range(10)]
        tasks = [Says(200, a_task_document(task_id, a_sleep(4))) for task_id in ids]
        self.manager.tell("task", *tasks, Says(423, {"status_requested": "shutdown"}))
        farm = [self.a_worker(number) for number in range(10)]
        ended = gatherResults([worker.when_ended() for worker in farm])
        for worker in farm:
            worker.start()
        _ = await ended
        self.assertEqual(in_two_hands(worker.journal for worker in farm), ())
        self.assertEqual([offence for worker in farm for offence in worker.offences], [])
        self.assertEqual(sorted(run.task_id for worker in farm for run in worker.journal.runs), ids)
        self.assertEqual(len(self.manager.at("sign-off")), 10)

    async def test_kill_drops_the_connection(self) -> None:
        """A Worker that is killed hangs up on the Manager that is about to answer it."""
        await self.listen()
        behaviour = IsHungUpOn()
        self.manager.tell("task", behaviour)
        worker = self.a_worker(0)
        worker.start()
        await behaviour.came
        worker.kill()
        await behaviour.gone
