"""Which Managers share a database, for people."""

from datetime import datetime, timedelta, timezone

from twisted.internet import reactor
from twisted.internet.task import Clock

from flamenco_mgr.store.mongo import MongoStore
from flamenco_mgr.store.mongo.collection import Query
from flamenco_mgr.store.mongo.presence import LOOK_EVERY
from flamenco_mgr.store.mongo.uri import MongoAddress
from tests.mongo.pump import pump
from tests.mongo.server import a_database, server
from tests.store.mongo_case import OnMongoDB


class PresenceTests(OnMongoDB):
    def setUp(self) -> None:
        self.mongo = server()
        self.database = a_database()
        self.addCleanup(self.mongo.drop, self.database)
        self.clock = Clock()

    def manager(self, name: str) -> MongoStore:
        """Return the store of another Manager, that has looked once."""
        address = MongoAddress.from_text(self.mongo.url(self.database))
        store = MongoStore.connect(address, self.clock, reactor, name, self.clock.seconds)
        self.addCleanup(lambda: self.successResultOf(pump(store.close())))
        self.successResultOf(pump(store.repair()))
        self.look(store)
        return store

    def look(self, store: MongoStore) -> tuple[str, ...]:
        """Return who is there after a look of a Manager's."""
        self.successResultOf(pump(store.lease.presence.look()))
        return store.lease.managers

    def test_alone(self) -> None:
        """A Manager knows itself, before and after its first look."""
        address = MongoAddress.from_text(self.mongo.url(self.database))
        store = MongoStore.connect(address, self.clock, reactor, "one", self.clock.seconds)
        self.addCleanup(lambda: self.successResultOf(pump(store.close())))
        self.assertEqual(store.lease.managers, ("one",))
        self.assertEqual(self.look(store), ("one",))

    def test_silent(self) -> None:
        """One that has given no sign for half a minute does not count; after an hour its trace is removed."""
        one = self.manager("one")
        settings, now = one.lease.presence.settings, datetime.now(timezone.utc)
        for name, age in (("fresh", 20), ("silent", 40), ("old", 4000)):
            sign = {"name": name, "seen": now - timedelta(seconds=age)}
            change = {"$set": {f"here.{name}": sign}}
            self.successResultOf(pump(settings.update({"_id": "managers"}, change)))
        self.clock.advance(LOOK_EVERY)
        self.assertEqual(self.look(one), ("fresh", "one"))
        document = self.successResultOf(pump(settings.one(Query(filter={"_id": "managers"}))))
        assert document is not None
        names = {sign["name"] for sign in document["here"].values()}
        self.assertEqual(names, {"one", "fresh", "silent"})

    def test_several(self) -> None:
        """Each knows of the others ten seconds later at most; one that ends is gone at once."""
        two, one = self.manager("two"), self.manager("one")
        self.assertEqual(one.lease.managers, ("one", "two"))
        self.assertEqual(self.look(two), ("two",))
        self.clock.advance(LOOK_EVERY)
        self.assertEqual(self.look(two), ("one", "two"))
        self.successResultOf(pump(one.close()))
        self.clock.advance(LOOK_EVERY)
        self.assertEqual(self.look(two), ("two",))
