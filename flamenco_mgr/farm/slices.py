"""Something is done with many things, a few at a time, so that nobody waits for all of it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from attrs import frozen
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from flamenco_mgr.store.interfaces import ILease

T = TypeVar("T")

_AT_ONCE = 10
"""Changes that are begun together, and so made durable together; of an embedded store some milliseconds of work."""


@frozen(eq=False, kw_only=True)
class Slices:
    """Works where the lease is: each slice begins with a look whether it still is, and is followed by a breath."""

    lease: ILease
    clock: IReactorTime

    async def each(self, items: Sequence[T], act: Callable[[T], Awaitable[None]]) -> None:
        """Do something with each of these; what fails does not keep the rest of its slice from being done."""
        for start in range(0, len(items), _AT_ONCE):
            await self.begin()
            await _together([_begun(act(item)) for item in items[start : start + _AT_ONCE]])

    async def begin(self) -> None:
        """Let others have their turn; return if the lease is ours then, else raise `LeaseLost`."""
        await deferLater(self.clock, 0, lambda: None)
        await self.lease.confirm()


def _begun(work: Awaitable[None]) -> "Deferred[None]":
    async def awaited() -> None:
        await work

    return Deferred.fromCoroutine(awaited())


async def _together(works: "Sequence[Deferred[Any]]") -> None:
    """Wait for all of them, and raise the first error."""
    results: list[tuple[bool, object]] = await DeferredList(works, consumeErrors=True)
    for done, result in results:
        if not done and isinstance(result, Failure):
            result.raiseException()
