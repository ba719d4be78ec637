"""A farm moves from one kind of store to the other, and back, and nothing is different afterwards."""

import os
import signal
import threading
from typing import Any

from attrs import evolve
from bson import ObjectId
from twisted.internet.task import Clock

from flamenco_mgr.storekeeping.digests import differences
from flamenco_mgr.storekeeping.migrate import Migrated, migrate
from flamenco_mgr.storekeeping.progress import Silent
from flamenco_mgr.storekeeping.stores import Store
from flamenco_mgr.storekeeping.waiting import result_of
from tests.storekeeping.case import NOW
from tests.storekeeping.restoring import RestoreCase, renew

MANY = 1200
"""Tasks for tests with slices."""

MOVED = int(os.environ.get("MIGRATE_TASKS", MANY))
"""Tasks of the farm that moves both ways; ``MIGRATE_TASKS=100000`` moves a large one."""


class MigrateCase(RestoreCase):
    def migrate(self, source: Store, target: Store) -> Migrated:
        done = migrate(source, target, now=NOW, progress=Silent())
        self.assertEqual(differences(done.source, done.target), [])
        return done


class MigrateTests(MigrateCase):
    def test_both_ways(self) -> None:
        """From the embedded store to MongoDB and back: every record, compared one by one, is as it was."""
        farm, database, back = self.embedded_farm(tasks=MOVED), self.database(), self.embedded("back")
        before = self.content(farm)
        done = self.migrate(farm, database)
        self.assertEqual(done.source.counts["task"], MOVED + 1)
        self.assertEqual(self.content(database), before)
        self.migrate(database, back)
        self.assertEqual(self.content(back), before)
        self.assertEqual(self.content(farm), before)

    def test_from_mongo(self) -> None:
        """From MongoDB to the embedded store and back, likewise."""
        farm, embedded, back = self.database_farm(), self.embedded(), self.database()
        before = self.content(farm)
        self.migrate(farm, embedded)
        self.assertEqual(self.content(embedded), before)
        self.migrate(embedded, back)
        self.assertEqual(self.content(back), before)

    def test_same_kind(self) -> None:
        """Between two stores of one kind it goes as well."""
        farm = self.embedded_farm()
        self.migrate(farm, self.embedded("other"))
        self.assertEqual(self.content(self.embedded("other")), self.content(farm))
        one, two = self.database(), self.database()
        self.migrate(farm, one)
        self.migrate(one, two)
        self.assertEqual(self.content(two), self.content(farm))

    def test_half_done_requests(self) -> None:
        """What a Manager that was killed has left in tasks' documents moves as what it was about to become."""
        farm, clock = self.database_farm(), Clock()
        manager = self.open_database(farm, clock)
        for number in range(30, 40):
            task = self.pumped(manager.tasks.get(f"{number:024x}"))
            assert task is not None
            change = self.told(task, status="completed")
            self.assertTrue(self.pumped(manager.tasks.apply(change)))
        self.pumped(manager.close())
        self.assertEqual(self.within(farm).flamenco_tasks.count_documents({"mgr.outbox.0": {"$exists": True}}), 10)
        before = self.content(farm)
        self.migrate(farm, self.embedded())
        self.assertEqual(self.content(self.embedded()), before)
        updates: list[Any] = before["WaitingUpdate"]
        self.assertEqual(sum(one.update.status == "completed" for one in updates), 12)


class RefusalTests(MigrateCase):
    def test_not_empty(self) -> None:
        """A target with something in it is refused, and left as it is; one that a Manager was started on is empty."""
        farm, other = self.embedded_farm(), self.embedded_farm("other", tasks=25)
        before = self.content(other)
        self.refused("is not empty", self.migrate, farm, other)
        self.assertEqual(self.content(other), before)
        database = self.database_farm(tasks=25)
        self.refused("is not empty", self.migrate, farm, database)
        started = self.embedded("started")
        clock = Clock()
        result_of(clock, self.open_embedded(started, clock).close())
        self.migrate(farm, started)
        fresh = self.database()
        self.pumped(self.open_database(fresh, Clock()).close())
        self.migrate(farm, fresh)

    def test_the_same(self) -> None:
        """A store is not moved into itself."""
        farm = self.embedded_farm()
        self.refused("the same store", self.migrate, farm, farm)

    def test_nothing_there(self) -> None:
        """A source that is not there is refused, and no target is made."""
        self.refused("no embedded store", self.migrate, self.embedded(), self.embedded("other"))
        self.assertEqual(list(self.directory.iterdir()), [])

    def test_manager_on_embedded(self) -> None:
        """While a Manager uses either of two embedded stores, it is refused."""
        farm, clock = self.embedded_farm(), Clock()
        manager = self.open_embedded(farm, clock)
        self.refused("another Manager", self.migrate, farm, self.embedded("other"))
        result_of(clock, manager.close())
        manager = self.open_embedded(self.embedded("other"), clock)
        self.refused("another Manager", self.migrate, farm, self.embedded("other"))
        result_of(clock, manager.close())
        self.migrate(farm, self.embedded("other"))

    def test_manager_on_mongo(self) -> None:
        """The same on MongoDB, where the lease tells; after the Manager was killed it takes some seconds."""
        farm, target = self.database_farm(), self.embedded()
        settings = self.within(farm).settings
        settings.update_one({"_id": "lease"}, {"$set": {"holder": ObjectId(), "name": "render-manager"}})
        done = threading.Event()
        renewing = threading.Thread(target=renew, args=(settings, done))
        renewing.start()
        try:
            self.refused("a Manager runs on", self.migrate, farm, target)
        finally:
            done.set()
            renewing.join()
        self.assertFalse(target.directory.exists())
        self.migrate(farm, target)

    def test_manager_meanwhile(self) -> None:
        """If a Manager was started on a source on MongoDB meanwhile, what was filled is not let be used."""
        farm, target = self.database_farm(), self.embedded()
        settings = self.within(farm).settings

        class Meddling(Silent):
            def begin(self, what: str, _total: int) -> None:
                if what == "checking what was written":
                    settings.update_one({"_id": "lease"}, {"$set": {"holder": ObjectId()}, "$inc": {"fence": 1}})

        self.refused("started on", migrate, farm, target, now=NOW, progress=Meddling())
        self.assertFalse(target.path.exists())

    def test_changed_meanwhile(self) -> None:
        """A source that changes while it is copied is noticed by the digests."""
        farm, target = self.database_farm(), self.embedded()
        tasks = self.within(farm).flamenco_tasks

        class Meddling(Silent):
            def begin(self, what: str, _total: int) -> None:
                if what == "filling the embedded store":
                    tasks.update_one({}, {"$set": {"name": "another"}})

        self.refused("it differs in task", migrate, farm, target, now=NOW, progress=Meddling())
        self.assertFalse(target.path.exists())

    def test_unreachable(self) -> None:
        """A server that is not there is told in a line."""
        nowhere = evolve(self.database(), url="mongodb://127.0.0.1:1/farm")
        self.refused("cannot be used", self.migrate, self.embedded_farm(), nowhere)


class KilledTests(MigrateCase):
    def test_into_mongo(self) -> None:
        """Killed at any step on its way to MongoDB, it can be begun again, and the target is its own."""
        farm, target = self.embedded_farm(tasks=MANY), self.database()
        for steps in (1, 1300, 2000, 2600, 3000):
            ended = self.killed_after(steps, "migrate", f"sqlite:{farm.directory}", target.url)
            self.assertEqual(ended, -signal.SIGKILL, steps)
        self.migrate(farm, target)
        self.assertEqual(self.content(target), self.content(farm))
        self.pumped(self.open_database(target, Clock()).close())

    def test_into_embedded(self) -> None:
        """On its way to the embedded store likewise; before it is done there is no store."""
        farm, target = self.database_farm(), self.embedded()
        for steps in (1, 70, 120, 150, 180):
            ended = self.killed_after(steps, "migrate", farm.url, str(target.directory))
            self.assertEqual(ended, -signal.SIGKILL, steps)
            self.assertFalse(target.path.exists())
        self.migrate(farm, target)
        self.assertEqual(self.content(target), self.content(farm))
        self.assertEqual(sorted(one.name for one in target.directory.iterdir()), ["flamenco.lock", "flamenco.sqlite3"])

    def test_half_filled_is_anothers(self) -> None:
        """What another work of filling has left half done is not taken for one's own."""
        farm, other, target = self.embedded_farm(), self.embedded_farm("other"), self.database()
        self.killed_after(80, "migrate", str(farm.directory), target.url)
        self.refused("was to be filled from", self.migrate, other, target)
        self.migrate(farm, target)
