"""The one order in which everything happens: no other clock, thread or socket takes part in a simulation."""

import heapq
import itertools
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from attrs import define, field
from twisted.internet.error import AlreadyCalled, AlreadyCancelled
from twisted.internet.interfaces import IDelayedCall
from zope.interface import implementer


class Owner(Protocol):
    """The process that an action belongs to: a dead one does nothing more, a busy one does it later."""

    dead: bool
    busy_until: float
    lag: float

    def seconds(self) -> float:
        """Return what its clock shows."""

    def true_delay(self, seconds: float) -> float:
        """Return how long so many seconds of its clock take."""

    def failed(self, error: Exception) -> None:
        """Hear of an error that nobody caught."""


@implementer(IDelayedCall)
@define(eq=False, repr=False)
class DelayedCall:
    """Something that a process will do."""

    timeline: "Timeline"
    owner: Owner
    local: float
    action: Callable[[], object]
    turn: int = 0
    cancelled: bool = False
    called: bool = False

    def getTime(self) -> float:
        """Return when, by the owner's clock."""
        return self.local

    def active(self) -> bool:
        """Whether it is still to be done."""
        return not (self.cancelled or self.called)

    def cancel(self) -> None:
        """Do it never."""
        self._still_possible()
        self.cancelled = True

    def reset(self, secondsFromNow: float) -> None:
        """Do it so many seconds from now instead."""
        self._still_possible()
        self.timeline.put(self, secondsFromNow)

    def delay(self, secondsLater: float) -> None:
        """Do it so much later."""
        self.reset(self.local - self.owner.seconds() + secondsLater)

    def _still_possible(self) -> None:
        if self.cancelled:
            raise AlreadyCancelled
        if self.called:
            raise AlreadyCalled


@define(eq=False, repr=False)
class Timeline:
    """Goes from one action to the next; those of the same instant keep the order in which they were put there."""

    now: float
    actions: int = field(init=False, default=0)
    _queue: list[tuple[float, int, int, DelayedCall]] = field(init=False, factory=list)
    _turns: Iterator[int] = field(init=False, factory=itertools.count)

    def after(
        self, seconds: float, owner: Owner, action: Callable[..., object], *args: Any, **kwargs: Any
    ) -> DelayedCall:
        """Have a process do something so many seconds of its clock from now."""
        call = DelayedCall(self, owner, 0.0, lambda: action(*args, **kwargs))
        self.put(call, seconds)
        return call

    def put(self, call: DelayedCall, seconds: float) -> None:
        """Put a call so many seconds of its owner's clock from now."""
        call.local = call.owner.seconds() + seconds
        self._push(self.now + max(0.0, call.owner.true_delay(seconds)), call)

    def run_until(self, instant: float) -> None:
        """Do all that is to be done until then."""
        while self._queue and self._queue[0][0] <= instant:
            at, _, turn, call = heapq.heappop(self._queue)
            if turn != call.turn or call.cancelled or call.owner.dead:
                continue
            self.now = max(self.now, at)
            if call.owner.busy_until > self.now:
                self._push(call.owner.busy_until, call)
                continue
            call.called = True
            self.actions += 1
            try:
                call.action()
            except Exception as e:  # noqa: BLE001 as a reactor does
                call.owner.failed(e)
            if call.owner.lag:
                call.owner.busy_until, call.owner.lag = self.now + call.owner.lag, 0.0
        self.now = max(self.now, instant)

    def waiting(self, owner: Owner) -> int:
        """Return how many actions of a process are still to come."""
        return sum(call.owner is owner and turn == call.turn and not call.cancelled for _, _, turn, call in self._queue)

    def _push(self, at: float, call: DelayedCall) -> None:
        call.turn = next(self._turns)
        heapq.heappush(self._queue, (at, call.turn, call.turn, call))
