"""The contract of `IStore` as a whole."""

from zope.interface.verify import verifyObject

from flamenco_mgr.store.interfaces import (
    IDownloadMark,
    IHistory,
    ILease,
    IOverview,
    IStore,
    ITaskStore,
    IUpdateQueue,
    IWorkerStore,
    StoreUnavailable,
)
from tests.builders import TASK, a_task, a_worker, an_update
from tests.store.contract.case import StoreCase


class StoreContract(StoreCase):
    def test_interfaces(self) -> None:
        """The store and its parts provide the interfaces, method by method."""
        verifyObject(IStore, self.store)
        verifyObject(ITaskStore, self.store.tasks)
        verifyObject(IWorkerStore, self.store.workers)
        verifyObject(IUpdateQueue, self.store.updates)
        verifyObject(IDownloadMark, self.store.mark)
        verifyObject(IHistory, self.store.history)
        verifyObject(IOverview, self.store.overview)
        verifyObject(ILease, self.store.lease)

    def test_checkpoint(self) -> None:
        """Keeping the store short changes nothing of what is in it."""
        self.add(a_task())
        self.result_of(self.store.checkpoint())
        self.result_of(self.store.checkpoint())
        self.assertEqual(self.task(TASK).id, TASK)

    def test_check(self) -> None:
        """A store that is open is of use, each time it is asked; one that is closed is not."""
        self.result_of(self.store.check())
        self.result_of(self.store.check())
        self.result_of(self.store.close())
        self.failure_of(self.store.check(), StoreUnavailable)

    def test_close(self) -> None:
        """Closing finishes what was begun; whatever comes later cannot be answered."""
        begun = self.pumped(self.store.workers.add(a_worker()))
        self.result_of(self.store.close())
        self.successResultOf(begun)
        late = (
            self.store.tasks.get(TASK),
            self.store.workers.add(a_worker()),
            self.store.updates.waiting(),
            self.store.updates.add(an_update()),
            self.store.mark.get(),
            self.store.repair(),
        )
        for question in late:
            self.failure_of(question, StoreUnavailable)
        self.assertEqual(self.clock.getDelayedCalls(), [])
