"""
How long whoever waits for a request's answer will wait.

A Worker gives up after 3 s, so all that is done for one of its requests, however many steps and retries that is, shares
one deadline. It travels with the request's coroutine, and with what that awaits.
"""

from contextlib import suppress
from contextvars import ContextVar

from twisted.internet.interfaces import IReactorTime

WORKERS_WAIT = 2.0
"""Seconds for a whole request of a Worker's."""

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


class Until:
    """All that is awaited in its block ends at an instant, or takes as long as it does if that is None."""

    def __init__(self, deadline: float | None) -> None:
        self._ends = deadline

    def __enter__(self) -> None:
        self._before = _deadline.set(self._ends)

    def __exit__(self, *_: object) -> None:
        with suppress(ValueError):  # a coroutine that nobody awaits any more is closed in another context than its own
            _deadline.reset(self._before)


def within(clock: IReactorTime, seconds: float = WORKERS_WAIT) -> Until:
    """Give all that is awaited in a block so many seconds from now, or what is left of an earlier deadline if less."""
    return Until(clock.seconds() + seconds_left(clock, seconds))


def unhurried() -> Until:
    """Begin in a block what outlives the request that happens to begin it."""
    return Until(None)


def seconds_left(clock: IReactorTime, most: float) -> float:
    """Return how many seconds are left, ``most`` if there is no deadline or it is later; 0 when it is over."""
    deadline = _deadline.get()
    return most if deadline is None else max(0.0, min(most, deadline - clock.seconds()))
