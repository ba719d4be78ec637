"""What may block (hashing, log files, checkpoints) is done in threads, through one interface."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from twisted.internet.defer import Deferred

T = TypeVar("T")


class InThread(Protocol):
    """Runs a function outside the reactor's thread; its result comes as a Deferred."""

    def __call__(self, work: Callable[[], T], /) -> "Deferred[T]":
        """Run ``work``, which touches nothing that the reactor's thread uses at the same time."""
