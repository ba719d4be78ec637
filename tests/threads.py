"""Threads that tests can do without."""

from collections.abc import Callable
from typing import Any, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred, maybeDeferred

T = TypeVar("T")


def at_once(work: Callable[[], T], /) -> "Deferred[T]":
    """Do the work of a thread now."""
    return maybeDeferred(work)


@define(eq=False)
class HeldThread:
    """A thread that is busy until it is let go."""

    waiting: list[tuple[Callable[[], Any], "Deferred[Any]"]] = field(factory=list)

    def __call__(self, work: Callable[[], T], /) -> "Deferred[T]":
        result: Deferred[T] = Deferred()
        self.waiting.append((work, result))
        return result

    def let_go(self) -> None:
        """Do what waits so far."""
        waiting, self.waiting = self.waiting, []
        for work, result in waiting:
            _ = maybeDeferred(work).chainDeferred(result)
