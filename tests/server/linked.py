"""The ways to the Server in memory: the real client against the stand-in, on a store that is real as well."""

import itertools
import random
from collections.abc import Awaitable, Collection, Sequence
from typing import Any, TypeVar

from attrs import define, evolve, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from flamenco_mgr.demo.standin.drafts import JobDraft
from flamenco_mgr.demo.standin.entries import StandInTask
from flamenco_mgr.demo.standin.jobs import flat_job
from flamenco_mgr.demo.standin.statuses import TaskStatus
from flamenco_mgr.demo.standin_server import StandInServer
from flamenco_mgr.domain.ids import ZERO_ID
from flamenco_mgr.domain.tasks import Task
from flamenco_mgr.domain.updates import QueuedUpdate, TaskUpdate, Transition
from flamenco_mgr.server.client import FlamencoServerClient
from flamenco_mgr.server.clock_offset import ClockOffset
from flamenco_mgr.server.exchange import ServerExchange
from flamenco_mgr.server.importing import TaskImporter
from flamenco_mgr.server.interfaces import ICancels
from flamenco_mgr.server.reachability import Reachability
from flamenco_mgr.store.interfaces import Import, IStore
from flamenco_mgr.store.sqlite import SQLiteStore
from tests.builders import an_update
from tests.streaming_treq import StreamingTreq

T = TypeVar("T")

NOW = 1573567032.0
MANAGER = "5d7b9f3ae4b0c83a1f2d6e11"
SECRET = "SRVd0ntUseThisSecretItIsOnlyForTheUnitTests00"

_QUIET_TURNS = 2


@implementer(ICancels)
@define(eq=False)
class RecordedCancels:
    """Notes what the Server wants cancelled."""

    asked: list[tuple[str, ...]] = field(factory=list)

    async def cancel(self, task_ids: Collection[str]) -> None:
        self.asked.append(tuple(task_ids))


class LinkedTestCase(SynchronousTestCase):
    """A client that is linked to a stand-in Server; the clock stands still until a test moves it."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        self.server = StandInServer(self.clock, random.Random(1), MANAGER, SECRET)
        self.treq: Any = StreamingTreq(self.server.resource())
        self.store = self.make_store(self.clock)
        self.result_of(self.store.lease.look())
        self.importer = TaskImporter(tasks=self.store.tasks, clock=self.clock)
        self.reachability = Reachability(clock=self.clock)
        self.offset = ClockOffset(clock=self.clock)
        self.client = self.a_client()
        self.ids = (f"{number:024x}" for number in itertools.count(0xA00000000000000000000001))

    def make_store(self, clock: Clock) -> IStore:
        """Return a new store; the same tests are run on another provider's as well."""
        return SQLiteStore.in_memory(clock)

    def settle(self) -> bool:
        """Let the store do what takes it real time, and say whether there was anything; an embedded one has nothing."""
        return False

    def timers(self) -> Sequence[IDelayedCall]:
        """Return what the clock has yet to bring, but for what the store needs as long as it is open."""
        return self.clock.getDelayedCalls()

    def a_client(self, *, secret: str = SECRET, manager_id: str = MANAGER, treq: Any = None) -> FlamencoServerClient:
        """Return a client; other credentials or another treq show what goes wrong."""
        exchange = ServerExchange(
            treq=self.treq if treq is None else treq,
            clock=self.clock,
            url="http://server.invalid/some/path?x=1",
            secret=secret,
            reachability=self.reachability,
            offset=self.offset,
        )
        return FlamencoServerClient(exchange=exchange, manager_id=manager_id)

    def pump(self, seconds: float = 0.0, step: float = 1.0) -> None:
        """Let what is under way go on, and so much time pass."""
        self.turns()
        passed = 0.0
        while passed < seconds:
            self.clock.advance(min(step, seconds - passed))
            passed += step
            self.turns()

    def turns(self) -> None:
        """Let the reactor turn and the network carry until nothing more happens at this instant."""
        quiet = 0
        while quiet < _QUIET_TURNS:
            due = any(call.getTime() <= self.clock.seconds() for call in self.clock.getDelayedCalls())
            quiet = 0 if due else quiet + 1
            self.clock.advance(0)
            self.treq.flush()
            quiet = 0 if self.settle() else quiet

    def begun(self, awaitable: Awaitable[T]) -> "Deferred[T]":
        """Begin something."""
        return Deferred.fromCoroutine(self._awaited(awaitable))

    def result_of(self, awaitable: Awaitable[T]) -> T:
        """Return what something gives without time passing, or raise what it raises."""
        result = self.begun(awaitable)
        self.turns()
        outcome: list[Any] = []
        _ = result.addBoth(outcome.append)
        self.assertTrue(outcome, "no result yet")
        if hasattr(outcome[0], "raiseException"):
            outcome[0].raiseException()
        result_value: T = outcome[0]
        return result_value

    @staticmethod
    async def _awaited(awaitable: Awaitable[T]) -> T:
        return await awaitable

    def add_job(self, draft: JobDraft | int = 1, **options: Any) -> list[StandInTask]:
        """Add a job to the Server, or a flat one of so many tasks, and return its tasks."""
        job = self.server.books.add_job(flat_job(draft) if isinstance(draft, int) else draft, **options)
        return list(job.tasks.values())

    def add(self, *tasks: Task) -> None:
        """Put tasks into the store as if they had been downloaded."""
        self.assertEqual(
            self.result_of(self.store.tasks.take_in([Import(before=None, after=task, commands=()) for task in tasks])),
            frozenset(),
        )
        while self.result_of(self.store.tasks.release(100)):
            pass

    def task(self, task_id: str) -> Task:
        """Return a task from the store."""
        task = self.result_of(self.store.tasks.get(task_id))
        assert task is not None, f"no task {task_id}"
        return task

    def change(self, task_id: str, *, status: str, told: bool = True, **changes: Any) -> None:
        """Change a task here, and queue an update about it for the Server."""
        before = self.task(task_id)
        update = self.an_update(task_id, status=status) if told else None
        transition = Transition(before=before, after=evolve(before, status=status, **changes), update=update)
        self.assertTrue(self.result_of(self.store.tasks.apply(transition)))

    def an_update(self, task_id: str = ZERO_ID, **changes: Any) -> TaskUpdate:
        """Return an update of a task, received now."""
        return an_update(id=next(self.ids), task_id=task_id, received_at=self.clock.seconds(), **changes)

    def enqueue(self, *updates: TaskUpdate) -> None:
        """Put updates into the queue."""
        for update in updates:
            self.result_of(self.store.updates.add(update))

    def queue(self) -> tuple[QueuedUpdate, ...]:
        """Return what waits for the Server."""
        return self.result_of(self.store.updates.oldest(0, 1 << 30))

    def statuses(self, *tasks: StandInTask) -> list[str]:
        """Return what the Server believes of its tasks."""
        return [self.server.books.task(task.id).status for task in tasks]

    def set_status(self, task: StandInTask, status: str) -> None:
        """Set a task's status as a user of the Server does."""
        self.server.books.set_task_status(task.id, TaskStatus(status))
