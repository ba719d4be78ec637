"""The store on MongoDB keeps to the contract."""

from zope.interface.verify import verifyObject

from flamenco_mgr.store.interfaces import IDownloadMark, IStore, ITaskStore, IUpdateQueue, IWorkerStore
from tests.store.contract import candidates, case, machine, store, tasks, updates, workers
from tests.store.mongo_case import OnMongoDB


class MongoStoreTests(OnMongoDB, store.StoreContract):
    pass


class MongoTaskTests(OnMongoDB, tasks.TaskContract):
    pass


class MongoCandidateTests(OnMongoDB, candidates.CandidateContract):
    pass


class MongoWorkerTests(OnMongoDB, workers.WorkerContract):
    pass


class MongoUpdateTests(OnMongoDB, updates.UpdateContract):
    pass


class MongoMarkTests(OnMongoDB, updates.MarkContract):
    pass


class MongoInterfaceTests(OnMongoDB, case.StoreCase):
    def test_interfaces(self) -> None:
        """The store and its parts provide the interfaces, method by method."""
        verifyObject(IStore, self.store)
        verifyObject(ITaskStore, self.store.tasks)
        verifyObject(IWorkerStore, self.store.workers)
        verifyObject(IUpdateQueue, self.store.updates)
        verifyObject(IDownloadMark, self.store.mark)


class MongoMachineTests(OnMongoDB, machine.MachineContract):
    examples = 12  # each step is a hundred commands
