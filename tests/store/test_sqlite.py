"""The embedded store keeps to the contract."""

from twisted.internet.interfaces import IReactorTime

from flamenco_mgr.store.interfaces import IStore
from flamenco_mgr.store.sqlite import SQLiteStore
from tests.store.contract import blacklist, candidates, ends, history, machine, overview, store, tasks, updates, workers


class InMemory:
    def make_store(self, clock: IReactorTime) -> IStore:
        return SQLiteStore.in_memory(clock)


class SQLiteStoreTests(InMemory, store.StoreContract):
    pass


class SQLiteTaskTests(InMemory, tasks.TaskContract):
    pass


class SQLiteActiveTests(InMemory, ends.ActiveContract):
    pass


class SQLiteOverTests(InMemory, ends.OverContract):
    pass


class SQLiteRemoveTests(InMemory, ends.RemoveContract):
    pass


class SQLiteCandidateTests(InMemory, candidates.CandidateContract):
    pass


class SQLiteBlacklistTests(InMemory, blacklist.BlacklistContract):
    pass


class SQLiteFailuresTests(InMemory, blacklist.FailuresContract):
    pass


class SQLiteWorkerTests(InMemory, workers.WorkerContract):
    pass


class SQLiteHistoryTests(InMemory, history.HistoryContract):
    pass


class SQLiteCountsTests(InMemory, overview.CountsContract):
    pass


class SQLiteTaskPagesTests(InMemory, overview.TaskPagesContract):
    pass


class SQLiteUpdateTests(InMemory, updates.UpdateContract):
    pass


class SQLiteMarkTests(InMemory, updates.MarkContract):
    pass


class SQLiteMachineTests(InMemory, machine.MachineContract):
    pass
