"""What one worker process has under way, so that it can die at once and leave nothing behind."""

from collections.abc import Callable, Coroutine
from typing import Any, ClassVar, TypeVar

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

T = TypeVar("T")


@define(eq=False, kw_only=True)
class WorkerProcess:
    """
    Everything that a worker waits for, it waits for here.

    ``time_scale`` is how many seconds of ``clock`` one second of the Worker's delays takes. What a dead process still
    tries to wait for is cancelled: only so no request and no delayed call outlives it, whoever kills it, even from
    inside an answer to one of its own requests.
    """

    _log: ClassVar[Logger] = Logger()

    clock: IReactorTime
    time_scale: float = 1.0
    _waits: "dict[Deferred[Any], None]" = field(init=False, factory=dict)  # in the order in which they began
    _dead: bool = field(init=False, default=False)

    def begin(self, work: Coroutine["Deferred[Any]", Any, object]) -> None:
        """Do ``work`` beside everything else."""
        _ = Deferred.fromCoroutine(work).addErrback(self._over)

    def later(self, seconds: float, action: Callable[[], object]) -> "Deferred[None]":
        """Do something ``seconds`` of the Worker's time from now, unless the result is cancelled before."""
        waiting: Deferred[object] = self._pause(seconds).addCallback(lambda _: action())
        return waiting.addCallbacks(lambda _: None, self._over)

    async def pause(self, seconds: float) -> None:
        """Wait ``seconds`` of the Worker's time; none at all is not even a turn of the clock."""
        if seconds > 0:
            await self._pause(seconds)

    def wait(self, work: "Deferred[T]") -> "Deferred[T]":
        """
        Return the result of ``work``, or `CancelledError` as soon as the wait is cancelled or the process ends.

        Then ``work`` is cancelled, and what it says to that (an HTTP client calls it a broken connection) is nobody's
        business any more.
        """
        waiting: Deferred[T] = Deferred(lambda _: self._abandon(waiting, work))
        self._waits[waiting] = None
        if self._dead:
            waiting.cancel()
        _ = work.addCallbacks(
            lambda result: self._deliver(waiting, result), lambda failure: self._deliver(waiting, failure)
        )
        return waiting

    def interrupt(self) -> None:
        """Give up everything that is being waited for; who is at work right now goes on."""
        for waiting in tuple(self._waits):
            waiting.cancel()

    def kill(self) -> None:
        """Give up everything, for good."""
        self._dead = True
        self.interrupt()

    def _pause(self, seconds: float) -> "Deferred[None]":
        return self.wait(deferLater(self.clock, seconds * self.time_scale, lambda: None))

    def _deliver(self, waiting: "Deferred[T]", result: T | Failure) -> None:
        if waiting not in self._waits:
            return
        del self._waits[waiting]
        if isinstance(result, Failure):
            waiting.errback(result)
        else:
            waiting.callback(result)

    def _abandon(self, waiting: "Deferred[T]", work: "Deferred[T]") -> None:
        self._waits.pop(waiting, None)
        work.cancel()

    def _over(self, failure: Failure) -> None:
        if failure.check(CancelledError) is None:
            self._log.failure("A simulated Worker failed at what no real one does", failure=failure)
