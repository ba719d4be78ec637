"""The whole memory of a farm."""

from collections.abc import Awaitable

from zope.interface import Attribute, Interface

from flamenco_mgr.durations import Durations
from flamenco_mgr.store.interfaces.blacklist import IBlacklist
from flamenco_mgr.store.interfaces.history import IHistory
from flamenco_mgr.store.interfaces.lease import ILease
from flamenco_mgr.store.interfaces.marks import IDownloadMark, IFarmMark
from flamenco_mgr.store.interfaces.overview import IOverview
from flamenco_mgr.store.interfaces.tasks import ITaskStore
from flamenco_mgr.store.interfaces.updates import IUpdateQueue
from flamenco_mgr.store.interfaces.workers import IWorkerStore


class IStore(Interface):
    """The whole memory; its parts share one durability."""

    tasks: ITaskStore = Attribute("An `ITaskStore`.")
    workers: IWorkerStore = Attribute("An `IWorkerStore`.")
    updates: IUpdateQueue = Attribute("An `IUpdateQueue`.")
    blacklist: IBlacklist = Attribute("An `IBlacklist`.")
    history: IHistory = Attribute("An `IHistory`.")
    overview: IOverview = Attribute("An `IOverview`.")
    mark: IDownloadMark = Attribute("An `IDownloadMark`.")
    lease: ILease = Attribute("An `ILease`.")
    commits: Durations = Attribute("How long it took until changes were durable.")
    farm_mark: IFarmMark | None = Attribute("An `IFarmMark`; None if only one Manager can use the store.")

    def repair() -> Awaitable[int]:
        """Put derived facts right (how many parents are open, what may run); return how many tasks were wrong."""

    def check() -> Awaitable[None]:
        """
        Return if the store is of use now: it can be asked, and what is in its own files be written to.

        Raises `StoreUnavailable` else.
        """

    def checkpoint() -> Awaitable[None]:
        """Keep bounded what the store needs beside its data; called about once a second."""

    def close() -> Awaitable[None]:
        """Finish what was begun and let go of the database."""
