"""The embedded store keeps to the contract."""

from twisted.internet.interfaces import IReactorTime
from zope.interface.verify import verifyObject

from flamenco_mgr.store.interfaces import IDownloadMark, IStore, ITaskStore, IUpdateQueue, IWorkerStore
from flamenco_mgr.store.sqlite import SQLiteStore
from tests.store.contract import candidates, case, machine, store, tasks, updates, workers


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


class SQLiteInterfaceTests(InMemory, case.StoreCase):
    def test_interfaces(self) -> None:
        """The store and its parts provide the interfaces, method by method."""
        verifyObject(IStore, self.store)
        verifyObject(ITaskStore, self.store.tasks)
        verifyObject(IWorkerStore, self.store.workers)
        verifyObject(IUpdateQueue, self.store.updates)
        verifyObject(IDownloadMark, self.store.mark)


class SQLiteMachineTests(InMemory, machine.MachineContract):
    pass
