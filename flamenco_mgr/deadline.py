"""
How long whoever waits for a request's answer will wait.

A Worker gives up after 3 s, so all that is done for one of its requests, however many steps and retries that is, shares
one deadline. It travels with the request's coroutine, and with what that awaits.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

from twisted.internet.interfaces import IReactorTime

WORKERS_WAIT = 2.0
"""Seconds for a whole request of a Worker's."""

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


@contextmanager
def within(clock: IReactorTime, seconds: float = WORKERS_WAIT) -> Iterator[None]:
    """Give all that is awaited in this block so many seconds, or what is left of an earlier deadline if less."""
    with _until(clock.seconds() + seconds_left(clock, seconds)):
        yield


@contextmanager
def unhurried() -> Iterator[None]:
    """Begin in this block what outlives the request that happens to begin it."""
    with _until(None):
        yield


def seconds_left(clock: IReactorTime, most: float) -> float:
    """Return how many seconds are left, ``most`` if there is no deadline or it is later; 0 when it is over."""
    deadline = _deadline.get()
    return most if deadline is None else max(0.0, min(most, deadline - clock.seconds()))


@contextmanager
def _until(deadline: float | None) -> Iterator[None]:
    before = _deadline.set(deadline)
    try:
        yield
    finally:
        with suppress(ValueError):  # a coroutine that nobody awaits any more is closed in another context than its own
            _deadline.reset(before)
