"""Pages of the queue that two Managers have filled at the same instants."""

from twisted.internet.task import Clock

from flamenco_mgr.store.interfaces import Place
from tests.builders import an_update
from tests.mongo.pump import pump
from tests.store.contract.case import an_id
from tests.store.mongo_case import OnMongoDB


class SameOrderTests(OnMongoDB):
    def test_pages(self) -> None:
        """Updates that have the same place in the order are told once each, by whichever size of pages."""
        clock = Clock()
        store = self.make_store(clock)
        others = [self.another_store(store._link.address.database, clock) for _ in range(3)]
        for number in range(4):
            for manager, each in enumerate([store, *others]):
                update_id = an_id(16 * number + 3 - manager)
                self.successResultOf(pump(each.updates.add(an_update(id=update_id, task_id=update_id))))
            clock.advance(1)
        for limit in (1, 2, 3, 5, 16):
            found: list[str] = []
            after: Place | None = None
            while not found or after is not None:
                page = self.successResultOf(pump(store.updates.waiting_page(None, after, limit)))
                found += [queued.update.id for queued in page.items]
                after = page.next
            self.assertEqual(found, [an_id(16 * number + one) for number in range(4) for one in range(4)], limit)
