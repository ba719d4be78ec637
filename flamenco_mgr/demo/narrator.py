"""Tells the story of the farm to whoever watches, and waits for what is to come next in it."""

from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, Final, Protocol, TypeVar

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from flamenco_mgr.demo.farm import DemoFarm, Sight
from flamenco_mgr.demo.manager_process import ManagerProcess

T = TypeVar("T")

_LOOK_EVERY: Final = 0.05
_PATIENCE: Final = 4.0
"""Seconds that the story waits for a good moment before it takes any."""


class Failed(Exception):
    """The farm did not get to its end; says why, in lines."""


class Audience(Protocol):
    """Whoever watches."""

    def happened(self, event: "Event") -> None:
        """Hear what has just happened."""

    def look(self, elapsed: float, sight: Sight) -> None:
        """See how the farm is, so many seconds after the beginning; this comes often."""

    def close(self) -> None:
        """Stop watching."""


@frozen(kw_only=True)
class Event:
    """Something that happened, so many seconds after the beginning."""

    at: float
    what: str


@define(eq=False, kw_only=True)
class Narrator:
    """
    Knows how long it has been going on, and what happened until now.

    All waiting is done here: it shows the farm meanwhile, and raises `Failed` when the time is up or a Manager has
    died without being told to.
    """

    farm: DemoFarm
    audience: Audience
    events: list[Event] = field(init=False, factory=list)
    _began: float = field(init=False)

    @_began.default
    def _now(self) -> float:
        return float(self.farm.reactor.seconds())

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return self._now() - self._began

    def tell(self, what: str) -> None:
        """Tell what has just happened."""
        event = Event(at=self.elapsed, what=what)
        self.events.append(event)
        self.audience.happened(event)

    async def until(self, condition: Callable[[], bool], missing: str) -> None:
        """Wait for a condition; ``missing`` says what it is if it does not hold when the time is up."""

        async def asked() -> bool:
            return condition()

        await self.until_told(asked, missing)

    async def until_told(self, question: Callable[[], Awaitable[bool]], missing: str) -> None:
        """Ask until the answer is yes."""
        while True:
            self.audience.look(self.elapsed, self.farm.sight())
            if await question():
                return
            for manager in self.farm.managers:
                if manager.death:
                    raise Failed(f"{manager.name} has ended, and nobody had asked it to: {manager.death}")
            if self.elapsed > self.farm.plan.time_limit:
                raise Failed("\n".join([f"After {self.elapsed:.0f} s {missing}.", *self._state()]))
            await deferLater(self.farm.reactor, _LOOK_EVERY)

    async def until_done(self, work: Coroutine["Deferred[Any]", Any, T], missing: str) -> T:
        """Wait for something that is done meanwhile, and return or raise what it does."""
        results: list[T] = []
        failures: list[Failure] = []
        _ = Deferred.fromCoroutine(work).addCallbacks(results.append, failures.append)
        await self.until(lambda: bool(results or failures), missing)
        if failures:
            failures[0].raiseException()
        return results[0]

    async def until_lasting(self, condition: Callable[[], bool], seconds: float, missing: str) -> None:
        """Wait until a condition has held for so long."""
        since = self.elapsed

        def lasting() -> bool:
            nonlocal since
            since = since if condition() else self.elapsed
            return self.elapsed - since >= seconds

        await self.until(lasting, missing)

    async def good_moment(self, good: Callable[[], bool], missing: str, *, fair: Callable[[], bool]) -> None:
        """Wait for a good moment, and after a while for one that is fair at least."""
        enough = self.elapsed + _PATIENCE
        await self.until(lambda: good() or (self.elapsed > enough and fair()), missing)

    async def pause(self, seconds: float) -> None:
        """Let some time pass."""
        end = self.elapsed + seconds
        await self.until(lambda: self.elapsed >= end, "the story is not over")

    async def until_served(self, manager: ManagerProcess) -> None:
        """Wait until a Manager serves a Worker."""
        served = self.farm.crew.served
        before = served[manager.url]
        await self.until(lambda: served[manager.url] > before, f"{manager.name} serves nobody")

    async def until_server_knows_all(self) -> None:
        """Wait until the Server is told that there is no news; it is told the oldest first."""
        pushes = self.farm.server.record.pushes
        seen = len(pushes)
        await self.until(
            lambda: any(not push.size for push in pushes[seen:]), "there is still something to be told to the Server"
        )

    def _state(self) -> Iterator[str]:
        sight = self.farm.sight()
        yield from (f"{job.name}: {job.status}, {job.done} of {job.size} tasks completed" for job in sight.jobs)
        yield "tasks at the Server: " + ", ".join(f"{count} {status}" for status, count in sight.tasks.items())
        for worker in self.farm.crew.workers:
            hands = self.farm.task_name(worker.running) if worker.running else "nothing"
            yield (
                f"{worker.profile.nickname}: {worker.state}, {hands} in its hands, "
                f"{len(worker.disk.updates)} updates on its disk"
            )
