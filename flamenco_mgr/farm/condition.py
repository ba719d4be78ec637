"""How the farm is, in a few numbers: what is asked for again and again, and answered from memory mostly."""

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime

from flamenco_mgr.farm.single_flight import SingleFlight
from flamenco_mgr.server.interfaces import IServerHealth, ServerHealth
from flamenco_mgr.store.interfaces import Backlog, IStore, StatusCounts, StoreUnavailable, WorkerCounts

CHECKED_FOR = 1.0
"""Seconds for which a store that was of use is believed to be so: everybody may ask, and it costs a write."""


@frozen(kw_only=True)
class Duties:
    """What one Manager does for all that share a store: whether we do, who does, and which Managers there are."""

    here: bool
    holder: str
    managers: tuple[str, ...]


@frozen(kw_only=True)
class Condition:
    """What the store says of the farm, ``at`` an instant."""

    at: float
    tasks: StatusCounts
    workers: WorkerCounts
    backlog: Backlog


@define(eq=False, kw_only=True)
class FarmCondition:
    """Knows how the farm is; the store is asked once for all who want to know at the same time."""

    store: IStore
    server: IServerHealth
    clock: IReactorTime
    started: float = field(init=False)
    _latest: Condition | None = field(init=False, default=None)
    _looking: SingleFlight[str, Condition] = field(init=False, factory=SingleFlight)
    _checked: float = field(init=False, default=float("-inf"))
    _checking: SingleFlight[str, None] = field(init=False, factory=SingleFlight)

    def __attrs_post_init__(self) -> None:
        """Note when we began."""
        self.started = self.clock.seconds()

    async def look(self, max_age: float = 0.0) -> Condition:
        """Return how the farm is, or was at most so many seconds ago; raises `StoreUnavailable`."""
        latest = self._latest
        if latest is not None and 0 <= self.clock.seconds() - latest.at < max_age:
            return latest
        return await self._looking.run("", self._look)

    async def latest(self, max_age: float) -> tuple[Condition | None, bool]:
        """Return the same, and whether the store is of use; what was known last if it is not."""
        try:
            condition = await self.look(max_age)
            await self.check()
        except StoreUnavailable:
            return self._latest, False
        return condition, True

    async def check(self) -> None:
        """Return if the store is of use, or was a second ago; raises `StoreUnavailable`."""
        if not 0 <= self.clock.seconds() - self._checked < CHECKED_FOR:
            await self._checking.run("", self.store.check)
            self._checked = self.clock.seconds()

    @property
    def duties(self) -> Duties:
        """Who does what one Manager does for all."""
        lease = self.store.lease
        return Duties(here=lease.held, holder=lease.holder, managers=lease.managers)

    @property
    def server_health(self) -> ServerHealth | None:
        """How it stands with the Server; None if we are linked to none."""
        return self.server.health()

    async def _look(self) -> Condition:
        condition = Condition(
            at=self.clock.seconds(),
            tasks=await self.store.overview.counts(),
            workers=await self.store.workers.counts(),
            backlog=await self.store.updates.backlog(),
        )
        self._latest = condition
        return condition
