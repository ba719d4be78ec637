"""The store on MongoDB: opened, kept in order, closed."""

from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from flamenco_mgr.durations import Durations
from flamenco_mgr.periodic import Periodic
from flamenco_mgr.store.interfaces import IStore, StoreUnavailable
from flamenco_mgr.store.mongo import indexes
from flamenco_mgr.store.mongo.applying import Applying
from flamenco_mgr.store.mongo.arrivals import Arrivals
from flamenco_mgr.store.mongo.bans import BLACKLIST, Bans
from flamenco_mgr.store.mongo.blacklist import MongoBlacklist
from flamenco_mgr.store.mongo.claims import Claims
from flamenco_mgr.store.mongo.collection import Collection
from flamenco_mgr.store.mongo.counting import COUNTS, Counting
from flamenco_mgr.store.mongo.documents import TASKS
from flamenco_mgr.store.mongo.event_documents import EVENTS
from flamenco_mgr.store.mongo.farm_mark import MongoFarmMark
from flamenco_mgr.store.mongo.history import MongoHistory
from flamenco_mgr.store.mongo.lease import MongoLease
from flamenco_mgr.store.mongo.link import MongoLink
from flamenco_mgr.store.mongo.marks import SETTINGS, MongoDownloadMark, Receipts
from flamenco_mgr.store.mongo.opening import open_database
from flamenco_mgr.store.mongo.orders import Orders
from flamenco_mgr.store.mongo.outboxes import Outboxes
from flamenco_mgr.store.mongo.overview import MongoOverview
from flamenco_mgr.store.mongo.recording import Recording
from flamenco_mgr.store.mongo.removing import Removing
from flamenco_mgr.store.mongo.set_aside import SET_ASIDE
from flamenco_mgr.store.mongo.settling import Settling
from flamenco_mgr.store.mongo.task_pages import TaskPages
from flamenco_mgr.store.mongo.task_store import MongoTaskStore
from flamenco_mgr.store.mongo.update_documents import PARKED, QUEUE
from flamenco_mgr.store.mongo.update_queue import MongoUpdateQueue
from flamenco_mgr.store.mongo.upgrade import Upgrade
from flamenco_mgr.store.mongo.uri import MongoAddress
from flamenco_mgr.store.mongo.worker_copies import COMPARE_EVERY, WorkerCopies
from flamenco_mgr.store.mongo.worker_documents import WORKERS
from flamenco_mgr.store.mongo.worker_store import MongoWorkerStore

COLLECTIONS = (TASKS, WORKERS, QUEUE, PARKED, SET_ASIDE, SETTINGS, BLACKLIST, EVENTS, COUNTS)


@implementer(IStore)
@define(eq=False, kw_only=True)
class MongoStore:
    """Provides `IStore` on a database that several Managers may share."""

    tasks: MongoTaskStore
    workers: MongoWorkerStore
    updates: MongoUpdateQueue
    blacklist: MongoBlacklist
    history: MongoHistory
    overview: MongoOverview
    mark: MongoDownloadMark
    lease: MongoLease
    farm_mark: MongoFarmMark
    commits: Durations
    _link: MongoLink
    _settling: Settling
    _upgrade: Upgrade
    _comparing: Periodic
    _opened: bool = field(init=False, default=False)

    @classmethod
    def connect(
        cls, address: MongoAddress, clock: IReactorTime, reactor: Any, name: str, steady: Callable[[], float]
    ) -> "MongoStore":
        """
        Begin to connect to a database; `repair` opens it. `StoreRefused` if the address cannot be used.

        ``reactor`` is what the driver runs on, ``clock`` what tells the time; ``steady`` is one that nobody sets.
        ``name`` is this Manager's, for people.
        """
        return cls.over(MongoLink.connect(address, clock, reactor), clock, name, steady)

    @classmethod
    def over(cls, link: MongoLink, clock: IReactorTime, name: str, steady: Callable[[], float]) -> "MongoStore":
        """Return the store that a link leads to, and that closes it."""
        tasks, queue, settings = (Collection(link, collection) for collection in (TASKS, QUEUE, SETTINGS))
        workers, aside = Collection(link, WORKERS), Collection(link, SET_ASIDE)
        orders = Orders(clock)
        settling = Settling(tasks, aside, clock)
        outboxes = Outboxes(tasks, queue)
        lease = MongoLease(settings=settings, name=name, steady=steady)
        mark = MongoDownloadMark(settings, lambda: lease.fence)
        copies = WorkerCopies(workers, clock)
        lines = Collection(link, BLACKLIST)
        bans = Bans(lines, settings, clock)
        events, counts = Collection(link, EVENTS), Collection(link, COUNTS)
        recording = Recording((tasks, workers, lines), events, settings, orders)
        history = MongoHistory(log=events, recording=recording, collects=lambda: lease.held)

        async def compare() -> None:
            await copies.compare()
            await bans.compare()
            await lease.presence.look()

        return cls(
            tasks=MongoTaskStore(
                tasks=tasks,
                queue=queue,
                set_aside_tasks=aside,
                orders=orders,
                settling=settling,
                applying=Applying(tasks, orders, settling),
                arrivals=Arrivals(tasks, aside, orders, settling),
                claims=Claims(tasks, bans),
                outboxes=outboxes,
                recording=recording,
                removing=Removing(tasks, queue, recording),
                mark=mark,
            ),
            workers=MongoWorkerStore(
                workers=workers, tasks=tasks, copies=copies, recording=recording, orders=orders, clock=clock
            ),
            updates=MongoUpdateQueue(
                queue=queue,
                parked_updates=Collection(link, PARKED),
                tasks=tasks,
                outboxes=outboxes,
                receipt_numbers=Receipts(settings, clock),
                orders=orders,
                record=recording.record,
            ),
            blacklist=MongoBlacklist(kept=lines, bans=bans, record=recording.record),
            history=history,
            overview=MongoOverview(
                counted=counts,
                settings=settings,
                counting=Counting(tasks, counts, settings, clock, lambda: lease.fence),
                pages=TaskPages(tasks),
                clock=clock,
            ),
            mark=mark,
            lease=lease,
            farm_mark=MongoFarmMark(settings),
            commits=link.commits,
            link=link,
            settling=settling,
            upgrade=Upgrade(
                database=link.address.database, settings=settings, tasks=tasks, updates=queue, workers=workers
            ),
            comparing=Periodic(action=_quietly(compare), interval=COMPARE_EVERY, first=COMPARE_EVERY, clock=clock),
        )

    async def check(self) -> None:
        """See `IStore.check`; a server whose primary answers is one that can be written to."""
        await self.mark.get()

    async def repair(self) -> int:
        """
        See `IStore.repair`; the first time, the database is looked at, taken over, and given its indexes.

        Tasks were wrong that a process has left half done; the documents say so themselves.
        """
        if not self._opened:
            await open_database(self._link, COLLECTIONS, self._prepare)
            self._opened = True
            await self.blacklist.bans.compare()
            self._comparing.startService()
        return await self._settling.settle_left()

    async def checkpoint(self) -> None:
        """See `IStore.checkpoint`; what processes have left half done is done by the one that has the lease."""
        await _quietly(self.overview.watch)()
        if self.lease.held:
            await _quietly(self._finish)()

    async def close(self) -> None:
        """See `IStore.close`."""
        if self._opened:
            await self._comparing.stopService()
        await self._settling.settled()
        await self.lease.presence.leave()
        await self.lease.release()
        await self._link.close()

    async def _prepare(self, link: MongoLink) -> None:
        await self._upgrade.check()
        await indexes.prepare(link)
        await self._upgrade.run()

    async def _finish(self) -> None:
        await self._settling.settle_left()
        await self.tasks.outboxes.collect()
        await self.history.recording.collect()


def _quietly(action: Callable[[], Any]) -> Callable[[], Any]:
    """Return the same action for a loop: that the store cannot be used is told by the link, and once."""

    async def quiet() -> None:
        try:
            await action()
        except StoreUnavailable:
            return

    return quiet
