"""A backup becomes a database on MongoDB; what was there is kept, and nobody opens what is half done."""

import signal
import threading

from bson import ObjectId
from twisted.internet import reactor
from twisted.internet.task import Clock

from flamenco_mgr.domain.tasks import TaskStatus
from flamenco_mgr.store.interfaces import StoreRefused
from flamenco_mgr.store.mongo import MongoStore
from flamenco_mgr.storekeeping.progress import Silent
from flamenco_mgr.storekeeping.restore import restore
from flamenco_mgr.storekeeping.stores import OnMongoDB
from flamenco_mgr.storekeeping.waiting import result_of
from tests.mongo.pump import pump
from tests.store.contract.case import TYPES, an_id
from tests.storekeeping.case import NOW
from tests.storekeeping.restoring import RestoreCase, renew


class IntoMongoTests(RestoreCase):
    def test_every_form(self) -> None:
        """Both forms give on MongoDB what was backed up; what was there before is kept under other names."""
        farm, target = self.embedded_farm(), self.database()
        self.assertEqual(self.restore(target, self.backup(farm)).kept, "")
        self.assertEqual(self.content(target), self.content(farm))
        before = self.within(target).flamenco_tasks.count_documents({})
        for _ in range(2):
            kept = self.restore(target, self.backup(farm, "copy.sqlite3", overwrite=True)).kept
            self.assertIn("the collections before_", kept)
            name = kept.removeprefix("the collections ").removesuffix("*") + "flamenco_tasks"
            self.assertEqual(self.within(target)[name].count_documents({}), before)
        self.assertEqual(self.content(target), self.content(farm))

    def test_derived(self) -> None:
        """What tasks wait for is derived: a Manager finds nothing to settle, and gives out the same tasks in order."""
        farm, target, orders = self.embedded_farm(), self.database(), list[list[str]]()
        self.restore(target, self.backup(farm))
        self.assertEqual(self.within(target).flamenco_tasks.count_documents({"mgr.due": {"$exists": True}}), 0)
        clock, mongo_clock = Clock(), Clock()
        embedded, mongo = self.open_embedded(farm, clock), self.open_database(target, mongo_clock)
        for ask, store in ((lambda one: result_of(clock, one), embedded), (self.pumped, mongo)):
            found: list[str] = []
            while (task := ask(store.tasks.candidate(an_id(5), TYPES, found, 0.0))) is not None:
                found.append(task.id)
            orders.append(found)
        self.assertEqual(orders[0], orders[1])
        result_of(clock, embedded.close())
        self.pumped(mongo.close())

    def test_lives_on(self) -> None:
        """On the restored database a task's end lets its children go, and the Server hears of all in order."""
        target = self.database()
        self.restore(target, self.backup(self.embedded_farm()))
        clock = Clock()
        store = self.open_database(target, clock)
        self.pumped(store.lease.look())
        places = [queued.sequence for queued in self.pumped(store.updates.oldest(0, 1 << 30))]
        self.assertEqual(places, sorted(places))
        self.assertEqual(self.pumped(store.updates.waiting()), 7)
        self.pumped(store.updates.handled(self.pumped(store.updates.oldest(0, 1 << 30))))
        self.assertEqual(self.pumped(store.updates.waiting()), 0)
        self.pumped(store.close())

    def test_while_manager_runs(self) -> None:
        """While somebody renews the lease, nothing is restored; a holder that was killed is no hindrance."""
        path, target = self.backup(self.embedded_farm()), self.database_farm()
        before = self.content(target)
        settings = self.within(target).settings
        settings.update_one({"_id": "lease"}, {"$set": {"holder": ObjectId(), "name": "render-manager"}})
        done = threading.Event()
        renewing = threading.Thread(target=renew, args=(settings, done))
        renewing.start()
        try:
            self.refused("a Manager runs on", self.restore, target, path)
        finally:
            done.set()
            renewing.join()
        self.assertEqual(self.content(target), before)
        self.restore(target, path)

    def test_killed(self) -> None:
        """Killed midway, no Manager opens what is half done; the same again succeeds, and keeps what was there."""
        path, target = self.backup(self.embedded_farm()), self.database_farm()
        for steps in (100, 170, 200):
            self.assertEqual(self.killed_after(steps, "restore", str(path), target.url), -signal.SIGKILL)
        error = self.assertRaises(StoreRefused, self.open_database_refused, target)
        self.assertIn("has not come to its end", str(error))
        kept = self.restore(target, path).kept
        self.assertEqual(self.content(target), self.content(self.embedded()))
        name = kept.removeprefix("the collections ").removesuffix("*") + "flamenco_tasks"
        self.assertGreater(self.within(target)[name].count_documents({"mgr.queued": {"$exists": True}}), 0)
        self.pumped(self.open_database(target, Clock()).close())

    def open_database_refused(self, target: OnMongoDB) -> None:
        """Open a database, and let its refusal through."""
        clock = Clock()
        store = MongoStore.connect(target.address, clock, reactor, "a test", clock.seconds)
        try:
            raise self.failureResultOf(pump(store.repair()), StoreRefused).value
        finally:
            self.pumped(store.close())

    def test_orphans(self) -> None:
        """Tasks that are active, of Workers that the backup does not know, may be had by others."""
        farm, target = self.embedded_farm(), self.database()
        self.sql(farm, "UPDATE tasks SET worker_id = ? WHERE id = ?", an_id(0xBAD), an_id(7))
        self.assertEqual(self.restore(target, self.backup(farm)).freed, 1)
        store = self.open_database(target, Clock())
        task = self.pumped(store.tasks.get(an_id(7)))
        self.assertEqual(task and task.status, TaskStatus.CLAIMED)
        self.assertTrue(self.pumped(store.tasks.standing([an_id(7)]))[an_id(7)].waiting)
        self.pumped(store.close())

    def test_damaged_database(self) -> None:
        """A database that no Manager opens any more, as its own facts are damaged, can be restored; a newer one not."""
        farm, target = self.embedded_farm(), self.database_farm()
        settings, path = self.within(target).settings, self.backup(farm)
        settings.update_one({"_id": "schema"}, {"$set": {"version": 99}})
        self.refused("newer Manager", self.restore, target, path)
        for damaged in ("schema", "receipts", "farm", "lease"):
            settings.replace_one({"_id": damaged}, {"nonsense": True}, upsert=True)
        self.restore(target, path)
        self.assertEqual(self.content(target), self.content(farm))
        self.pumped(self.open_database(target, Clock()).close())

    def test_manager_meanwhile(self) -> None:
        """If a Manager that was there before anybody looked takes the lease meanwhile, what was filled is not used."""
        farm, target = self.embedded_farm(), self.database_farm()
        settings, path = self.within(target).settings, self.backup(farm)

        class Meddling(Silent):
            def begin(self, what: str, _total: int) -> None:
                if what == "checking what was written":
                    settings.update_one({"_id": "lease"}, {"$set": {"holder": ObjectId()}, "$inc": {"fence": 1}})

        self.refused("started on", restore, target, path, now=NOW, progress=Meddling())
        self.assertIsNotNone(settings.find_one({"_id": "filling"}))

    def test_too_large(self) -> None:
        """What MongoDB cannot hold is named, and nothing is there for a Manager to open."""
        farm, target = self.embedded_farm(), self.database()
        self.sql(farm, "UPDATE tasks SET activity = hex(zeroblob(8388608)) WHERE id = ?", an_id(9))
        self.refused("MongoDB cannot hold", self.restore, target, self.backup(farm))
        self.assertIsNotNone(self.within(target).settings.find_one({"_id": "filling"}))
