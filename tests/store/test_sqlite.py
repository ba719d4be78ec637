"""The embedded store keeps to the contract."""

from twisted.internet.interfaces import IReactorTime

from flamenco_mgr.store.interfaces import IStore
from flamenco_mgr.store.sqlite import SQLiteStore
from tests.store.contract import candidates, machine, store, tasks, updates, workers


class InMemory:
    def make_store(self, clock: IReactorTime) -> IStore:
        return SQLiteStore.in_memory(clock)


class SQLiteStoreTests(InMemory, store.StoreContract):
    pass


class SQLiteTaskTests(InMemory, tasks.TaskContract):
    pass


class SQLiteCandidateTests(InMemory, candidates.CandidateContract):
    pass


class SQLiteWorkerTests(InMemory, workers.WorkerContract):
    pass


class SQLiteUpdateTests(InMemory, updates.UpdateContract):
    pass


class SQLiteMarkTests(InMemory, updates.MarkContract):
    pass


class SQLiteMachineTests(InMemory, machine.MachineContract):
    pass
