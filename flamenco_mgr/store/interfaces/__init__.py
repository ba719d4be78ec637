"""
What the farm needs of its memory, in the domain's verbs, each at the size of a transaction.

Every method is atomic and idempotent, and its result comes only when the change is durable. Any of them fails with
`StoreUnavailable` when the store cannot answer now: nothing was acknowledged, and the same call may be made again. No
rule of the farm is in a provider: a duty gathers, the domain decides, and the provider acts only if what the decision
was based on (the revision) still holds.
"""

from flamenco_mgr.store.interfaces.blacklist import IBlacklist
from flamenco_mgr.store.interfaces.history import EventsAsked, IHistory, RecordedEvent, behind_event
from flamenco_mgr.store.interfaces.lease import LOOK_EVERY, ILease, Wish
from flamenco_mgr.store.interfaces.marks import IDownloadMark, IFarmMark
from flamenco_mgr.store.interfaces.overview import IOverview, JobCounts, Page, Place, StatusCounts, TasksAsked
from flamenco_mgr.store.interfaces.store import IStore
from flamenco_mgr.store.interfaces.tasks import FailedBefore, Import, ITaskStore, SetAside, Standing
from flamenco_mgr.store.interfaces.trouble import LeaseLost, StoreRefused, StoreUnavailable
from flamenco_mgr.store.interfaces.updates import TAKEN_FOR, Backlog, IUpdateQueue, ParkedUpdate
from flamenco_mgr.store.interfaces.workers import IWorkerStore, WorkerBeat, WorkerCounts

__all__ = [
    "LOOK_EVERY",
    "TAKEN_FOR",
    "Backlog",
    "EventsAsked",
    "FailedBefore",
    "IBlacklist",
    "IDownloadMark",
    "IFarmMark",
    "IHistory",
    "ILease",
    "IOverview",
    "IStore",
    "ITaskStore",
    "IUpdateQueue",
    "IWorkerStore",
    "Import",
    "JobCounts",
    "LeaseLost",
    "Page",
    "ParkedUpdate",
    "Place",
    "RecordedEvent",
    "SetAside",
    "Standing",
    "StatusCounts",
    "StoreRefused",
    "StoreUnavailable",
    "TasksAsked",
    "Wish",
    "WorkerBeat",
    "WorkerCounts",
    "behind_event",
]
