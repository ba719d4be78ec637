"""Links to a database on which a store does not get as far as it wants."""

from collections.abc import Awaitable, Callable, Container
from contextlib import suppress
from typing import Any, TypeVar

from attrs import define, field
from pymongo.errors import PyMongoError
from twisted.internet.defer import Deferred

from flamenco_mgr.deadline import WORKERS_WAIT
from flamenco_mgr.store.interfaces import StoreUnavailable
from flamenco_mgr.store.mongo.link import MongoLink

T = TypeVar("T")

Operation = Callable[[Any, float], Awaitable[T]]


@define(eq=False, kw_only=True)
class CutLink(MongoLink):
    """
    Carries so many commands out, and none after them, as if the process had been killed.

    ``left`` None is no limit. ``unheard``: the first one that is too many is carried out, but nobody hears of it.
    """

    left: int | None = field(init=False, default=None)
    unheard: bool = field(init=False, default=False)

    async def call(self, operation: Operation[T], *, seconds: float = WORKERS_WAIT, theirs: Container[int] = ()) -> T:
        """See `MongoLink.call`."""
        if self.left is None:
            return await super().call(operation, seconds=seconds, theirs=theirs)
        if self.left > 0:
            self.left -= 1
            return await super().call(operation, seconds=seconds, theirs=theirs)
        if self.unheard:
            self.unheard = False
            await super().call(operation, seconds=seconds, theirs=theirs)
        raise StoreUnavailable("the process is dead")


@define(eq=False, kw_only=True)
class RepeatingLink(MongoLink):
    """Carries one command out twice, after so many, as if its first answer had been lost."""

    left: int | None = field(init=False, default=None)

    async def call(self, operation: Operation[T], *, seconds: float = WORKERS_WAIT, theirs: Container[int] = ()) -> T:
        """See `MongoLink.call`."""
        if self.left is not None:
            self.left -= 1
            if self.left == -1:
                with suppress(PyMongoError):
                    await super().call(operation, seconds=seconds, theirs=theirs)
        return await super().call(operation, seconds=seconds, theirs=theirs)


@define(eq=False, kw_only=True)
class HeldLink(MongoLink):
    """Holds every command back until it is let go: so two stores can be made to work in any order."""

    holding: bool = field(init=False, default=False)
    waiting: "list[Deferred[None]]" = field(init=False, factory=list)

    async def call(self, operation: Operation[T], *, seconds: float = WORKERS_WAIT, theirs: Container[int] = ()) -> T:
        """See `MongoLink.call`."""
        if self.holding:
            turn: Deferred[None] = Deferred()
            self.waiting.append(turn)
            await turn
        return await super().call(operation, seconds=seconds, theirs=theirs)

    def let_go(self) -> None:
        """Let the command that has waited longest be carried out."""
        self.waiting.pop(0).callback(None)
