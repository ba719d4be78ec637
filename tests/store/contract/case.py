"""A store of some provider's, and what tests do with it."""

from collections.abc import Awaitable, Collection
from typing import Any, TypeVar

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.tasks import Command, Task
from flamenco_mgr.domain.updates import QueuedUpdate, TaskUpdate, Transition
from flamenco_mgr.store.interfaces import Import, IStore
from tests.builders import WORKER

T = TypeVar("T")
E = TypeVar("E", bound=Exception)

TYPES = ("blender-render",)


def an_id(number: int) -> str:
    """Return an id; a greater number's is greater."""
    return f"{number:024x}"


def pumped(clock: Clock, awaitable: Awaitable[T]) -> "Deferred[T]":
    """Let the reactor turn until something has its result."""

    async def awaited() -> T:
        return await awaitable

    result = Deferred.fromCoroutine(awaited())
    for _ in range(100):
        if result.called:
            break
        clock.advance(0)
    return result


class StoreCase(SynchronousTestCase):
    """A test with a new, empty store."""

    def make_store(self, clock: IReactorTime) -> IStore:
        """Return a new store: what a provider adds to the contract."""
        raise NotImplementedError

    def setUp(self) -> None:
        self.clock = Clock()
        self.store = self.make_store(self.clock)

    def pumped(self, awaitable: Awaitable[T]) -> "Deferred[T]":
        """Let the world go on until something has its result: what a provider changes whose store is elsewhere."""
        return pumped(self.clock, awaitable)

    def result_of(self, awaitable: Awaitable[T]) -> T:
        """Return what something gives, after letting the reactor turn as often as it needs."""
        return self.successResultOf(self.pumped(awaitable))

    def failure_of(self, awaitable: Awaitable[T], kind: type[E]) -> E:
        """Return what something fails with, which is of this kind."""
        error: E = self.failureResultOf(self.pumped(awaitable), kind).value
        return error

    def take_in(self, *tasks: Task, commands: tuple[Command, ...] = ()) -> frozenset[str]:
        """Store new tasks, held."""
        imports = [Import(before=None, after=task, commands=commands) for task in tasks]
        return self.result_of(self.store.tasks.take_in(imports))

    def add(self, *tasks: Task) -> None:
        """Store new tasks that workers may have."""
        self.assertEqual(self.take_in(*tasks), frozenset())
        while self.result_of(self.store.tasks.release(100)):
            pass

    def task(self, task_id: str) -> Task:
        """Return a task that is there."""
        task = self.result_of(self.store.tasks.get(task_id))
        assert task is not None
        return task

    def change(self, task_id: str, update: TaskUpdate | None = None, **changes: Any) -> None:
        """Change a task as it stands."""
        before = self.task(task_id)
        transition = Transition(before=before, after=evolve(before, **changes), update=update)
        self.assertTrue(self.result_of(self.store.tasks.apply(transition)))

    def candidate(
        self,
        worker: str = WORKER,
        types: tuple[str, ...] = TYPES,
        skip: Collection[str] = (),
        banned_since: float = 0.0,
    ) -> str | None:
        """Return the id of the task that a worker would be given."""
        task = self.result_of(self.store.tasks.candidate(worker, types, skip, banned_since))
        return None if task is None else task.id

    def queue(self) -> tuple[QueuedUpdate, ...]:
        """Return all that waits for the Server."""
        return self.result_of(self.store.updates.oldest(0, 1 << 30))
