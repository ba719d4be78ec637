"""Results of things that talk over real sockets, for tests that do not run the reactor."""

import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from twisted.internet import reactor
from twisted.internet.base import BlockingResolver
from twisted.internet.defer import Deferred

T = TypeVar("T")

PATIENCE = 10.0
"""Seconds of real time until a test gives up; a result that is not there by then never comes."""

_LOOK = 0.002
"""Seconds at most that the reactor waits for something to happen, in one turn."""


def pump(awaitable: Awaitable[T], seconds: float = PATIENCE, each: Callable[[], None] = lambda: None) -> "Deferred[T]":
    """
    Let the reactor turn until something has its result, or so much real time is over, and return the Deferred of it.

    ``each`` is done in every turn: what moves a clock of the test's own. For synchronous tests alone: a reactor that
    runs must not be turned from within.
    """
    result = Deferred.fromCoroutine(_awaited(awaitable))
    turn(lambda: result.called, seconds, each)
    return result


def turn(done: Callable[[], bool], seconds: float = PATIENCE, each: Callable[[], None] = lambda: None) -> None:
    """Let the reactor turn until ``done()``, or so much real time is over."""
    turning: Any = reactor
    limit = time.monotonic() + seconds
    threaded = turning.installResolver(BlockingResolver())  # the reactor's threads do not run before it does
    try:
        while not done() and time.monotonic() < limit:
            turning.iterate(_LOOK)
            each()
    finally:
        turning.installResolver(threaded)


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable
