"""Tests with a store on a MongoDB, each on a database of its own."""

from collections.abc import Awaitable
from typing import TypeVar

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.store.mongo import MongoStore
from flamenco_mgr.store.mongo.uri import MongoAddress
from tests.mongo.pump import pump
from tests.mongo.server import IsMongoDB, a_database, server

T = TypeVar("T")


class OnMongoDB(SynchronousTestCase):
    """What makes a test of the contract one of the store on MongoDB."""

    mongo: IsMongoDB

    def make_store(self, clock: IReactorTime) -> MongoStore:
        """Return a new store on a new database."""
        self.mongo = server()
        database = a_database()
        self.addCleanup(self.mongo.drop, database)
        return self.another_store(database, clock)

    def another_store(self, database: str, clock: IReactorTime | None = None) -> MongoStore:
        """Return a store on a database, as another process or a later one has it."""
        address = MongoAddress.from_text(self.mongo.url(database))
        clock = clock or Clock()
        store = MongoStore.connect(address, clock, reactor, "a test", clock.seconds)
        self.addCleanup(lambda: self.successResultOf(pump(store.close())))
        self.successResultOf(pump(store.repair()))
        return store

    def pumped(self, awaitable: Awaitable[T]) -> "Deferred[T]":
        """Let the reactor turn until something has its result."""
        return pump(awaitable)
