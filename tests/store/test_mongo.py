"""The store on MongoDB keeps to the contract."""

from twisted.internet.interfaces import IReactorTime

from flamenco_mgr.store.mongo import MongoStore
from tests.mongo.pump import pump
from tests.store.contract import blacklist, candidates, ends, history, machine, overview, store, tasks, updates, workers
from tests.store.mongo_case import OnMongoDB


class MongoStoreTests(OnMongoDB, store.StoreContract):
    pass


class MongoTaskTests(OnMongoDB, tasks.TaskContract):
    pass


class MongoActiveTests(OnMongoDB, ends.ActiveContract):
    pass


class MongoOverTests(OnMongoDB, ends.OverContract):
    pass


class MongoRemoveTests(OnMongoDB, ends.RemoveContract):
    pass


class MongoCandidateTests(OnMongoDB, candidates.CandidateContract):
    pass


class MongoFailuresTests(OnMongoDB, blacklist.FailuresContract):
    pass


class MongoWorkerTests(OnMongoDB, workers.WorkerContract):
    pass


class MongoUpdateTests(OnMongoDB, updates.UpdateContract):
    pass


class WithLease(OnMongoDB):
    """A store that does the duties of one for all, as a single Manager's does."""

    def make_store(self, clock: IReactorTime) -> MongoStore:
        made = super().make_store(clock)
        self.successResultOf(pump(made.lease.look()))
        return made


class MongoBlacklistTests(WithLease, blacklist.BlacklistContract):
    pass


class MongoHistoryTests(WithLease, history.HistoryContract):
    pass


class MongoCountsTests(WithLease, overview.CountsContract):
    pass


class MongoTaskPagesTests(WithLease, overview.TaskPagesContract):
    pass


class MongoMarkTests(OnMongoDB, updates.MarkContract):
    pass


class MongoMachineTests(OnMongoDB, machine.MachineContract):
    examples = 12  # each step is a hundred commands
