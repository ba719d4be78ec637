"""What a store promises for later, waited for in a process that does nothing else."""

from collections.abc import Awaitable
from typing import Final, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

T = TypeVar("T")

_PENDING: Final = object()


def result_of(clock: Clock, awaitable: Awaitable[T]) -> T:
    """
    Return what a store in this process gives, or raise what it fails with.

    ``clock`` is the store's. Nothing else goes on, so its turns come one right after the other.
    """
    found: list[object] = [_PENDING]

    async def awaited() -> T:
        return await awaitable

    def got(result: object) -> None:
        found[0] = result

    _ = Deferred.fromCoroutine(awaited()).addBoth(got)
    while (result := found[0]) is _PENDING:
        clock.advance(0)
    if isinstance(result, Failure):
        result.raiseException()
    return result  # type: ignore[return-value]  # what the coroutine returned
