"""How the farm is, in one look (dashboard.md 3)."""

from attrs import frozen
from twisted.internet.interfaces import IReactorTime

from flamenco_mgr.domain.local_time import Offset, zone_name
from flamenco_mgr.farm.listing import ListedWorker, WorkerListing
from flamenco_mgr.store.interfaces import IStore, Page, Place


@frozen(kw_only=True)
class FarmReport:
    """
    What there is, and which Managers share it.

    ``workers`` are all of them or a page, while ``worker_count`` is the number of all. ``holder`` is the Manager that
    does what one does for all, empty if nobody is known to; ``is_holder`` says whether that is this one.
    """

    worker_count: int
    task_count: int
    waiting_updates: int
    workers: Page[ListedWorker]
    managers: tuple[str, ...]
    holder: str
    is_holder: bool
    time_zone: str


@frozen(eq=False, kw_only=True)
class FarmReporter:
    """Reports of a farm; costs the same few questions however many tasks there are."""

    store: IStore
    listing: WorkerListing
    clock: IReactorTime
    offset: Offset

    async def report(self, after: Place | None, limit: int | None) -> FarmReport:
        """Return how the farm is, with a page of its workers, or all of them without a limit."""
        counts = await self.store.overview.counts()
        backlog = await self.store.updates.backlog()
        lease = self.store.lease
        return FarmReport(
            worker_count=await self.store.workers.count(),
            task_count=sum(counts.by_status.values()),
            waiting_updates=backlog.waiting,
            workers=await self.listing.page(after, limit),
            managers=lease.managers,
            holder=lease.holder,
            is_holder=lease.held,
            time_zone=zone_name(self.clock.seconds(), self.offset),
        )
