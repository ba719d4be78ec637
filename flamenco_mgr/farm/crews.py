"""Which workers are there to do tasks: those that are registered, and what they may not have any more."""

from collections.abc import Sequence

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from flamenco_mgr.domain.blacklist import EXPIRES_AFTER, BlacklistLine
from flamenco_mgr.domain.failing import Crew, FailureRules, crew
from flamenco_mgr.store.interfaces import IBlacklist, IWorkerStore

GOOD_FOR = 5.0
"""Seconds in which a crew that was gathered may be used again, by who is right if somebody more is left than is."""

ALL_ARE_HEARD = 900.0
"""Seconds after the start in which every worker that lives is heard; one in ``error`` only speaks every ten minutes."""

STOOD_STILL = 300.0
"""Seconds between two looks, of which there is one every minute where the lease is, after which all begins anew."""

_AT_ONCE = 1000
"""Lines of the blacklist that are read between two breaths; some milliseconds of work."""


@define(eq=False, kw_only=True)
class Crews:
    """
    Gathers the farm's workers.

    Who was not heard of for long is not counted out before it could have been heard: after a start, and after the
    process stood still or its clock was set. Where nobody looks every minute nobody is counted out, and tasks are left
    to who does.
    """

    workers: IWorkerStore
    blacklist: IBlacklist
    rules: FailureRules
    clock: IReactorTime
    _gathered: Crew | None = field(init=False, default=None)
    _changes: int = field(init=False, default=0)
    _as_of: float = field(init=False)
    _begun: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Begin to listen."""
        self._begun = self._as_of = self.clock.seconds()

    async def now(self) -> Crew:
        """Return the crew as it is."""
        now, changes = self.clock.seconds(), self._changes
        if not 0 <= now - self._as_of <= STOOD_STILL:
            self._begun = now
        self._as_of = now
        known = now - self._begun >= ALL_ARE_HEARD
        unseen_before = now - self.rules.unseen_after if known else float("-inf")
        lines = await self._lines(now - EXPIRES_AFTER)
        found = crew(await self.workers.all(), lines, unseen_before)
        self._gathered = found if changes == self._changes else None
        return found

    async def lately(self) -> Crew:
        """Return the crew as it was a few seconds ago: where many ask, they need not all be told anew."""
        if self._gathered is None or not 0 <= self.clock.seconds() - self._as_of < GOOD_FOR:
            return await self.now()
        return self._gathered

    def changed(self) -> None:
        """Forget what was gathered, or is being gathered: fewer are left than before."""
        self._changes += 1
        self._gathered = None

    async def _lines(self, since: float) -> Sequence[BlacklistLine]:
        """Return the lines from an instant on; where there are very many, Workers need not wait for all of them."""
        page = await self.blacklist.page(since, None, _AT_ONCE)
        lines = [*page.items]
        while page.next is not None:
            await deferLater(self.clock, 0)
            page = await self.blacklist.page(since, page.next, _AT_ONCE)
            lines += page.items
        return lines
