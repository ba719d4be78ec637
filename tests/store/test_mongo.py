"""The store on MongoDB keeps to the contract."""

from tests.store.contract import candidates, machine, store, tasks, updates, workers
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


class MongoMachineTests(OnMongoDB, machine.MachineContract):
    examples = 12  # each step is a hundred commands
