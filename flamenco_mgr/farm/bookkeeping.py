"""Tasks are counted, and what happened long ago is forgotten, where the lease is."""

from typing import ClassVar

from attrs import frozen
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from flamenco_mgr.farm.slices import Slices
from flamenco_mgr.store.interfaces import IHistory, IOverview, StoreUnavailable

RECOUNT_EVERY = 15.0
"""Seconds between two counts, of a store that does not count with each change."""

FORGET_EVERY = 600.0
"""Seconds between two looks for events that are too old."""

FORGET_FIRST = 420.0
"""Seconds after the start until the first one."""

_AT_ONCE = 500
"""Events that are forgotten together: some milliseconds."""


@frozen(eq=False, kw_only=True)
class Bookkeeper:
    """Keeps the overview and the event log; events are forgotten after ``max_age`` seconds."""

    _log: ClassVar[Logger] = Logger()

    overview: IOverview
    history: IHistory
    slices: Slices
    clock: IReactorTime
    max_age: float

    async def recount(self) -> None:
        """Count anew; if that cannot be done now, the numbers grow older."""
        try:
            await self.slices.begin()
            await self.overview.recount()
        except StoreUnavailable as e:
            self._log.debug("Tasks are counted another time: {trouble}", trouble=str(e))

    async def forget(self) -> None:
        """Forget what is too old, some at a time."""
        before = self.clock.seconds() - self.max_age
        gone, some = 0, 1
        try:
            while some:
                await self.slices.begin()
                some = await self.history.forget(before, _AT_ONCE)
                gone += some
        except StoreUnavailable as e:
            self._log.info("Old events are forgotten another time: {trouble}", trouble=str(e))
        if gone:
            self._log.info("{count} events were old, and are forgotten", count=gone)
