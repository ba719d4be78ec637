"""The same thing asked for twice at the same time is done once."""

from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


@define(eq=False)
class SingleFlight(Generic[K, T]):
    """Lets those who come while something is on its way wait for its result, good or bad, instead of doing it again."""

    _waiting: dict[K, list["Deferred[T]"]] = field(init=False, factory=dict)

    async def run(self, key: K, work: Callable[[], Awaitable[T]]) -> T:
        """Return what ``work`` gives, or what another's under the same key is about to give."""
        others = self._waiting.get(key)
        if others is not None:
            mine: Deferred[T] = Deferred()
            others.append(mine)
            return await mine
        self._waiting[key] = []
        try:
            result = await work()
        except BaseException:
            failure = Failure()
            for other in self._waiting.pop(key):
                other.errback(failure)
            raise
        for other in self._waiting.pop(key):
            other.callback(result)
        return result
