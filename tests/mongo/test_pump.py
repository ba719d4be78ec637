"""Synchronous tests on real sockets: they get their results, and leave nothing behind."""

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.store.mongo.link import MongoLink
from flamenco_mgr.store.mongo.uri import MongoAddress
from tests.mongo.linked import ping
from tests.mongo.pump import pump, turn
from tests.mongo.server import a_database, server, stand_in


class PumpTests(SynchronousTestCase):
    def linked(self, url: str) -> MongoLink:
        """Return a link whose deadlines are on a clock that stands still."""
        return MongoLink.connect(MongoAddress.from_text(url), Clock(), reactor)

    def test_result(self) -> None:
        """A call on the server of the test run has its result while the reactor does not run."""
        link = self.linked(server().url(a_database()))
        self.addCleanup(lambda: self.successResultOf(pump(link.close())))
        self.assertEqual(self.successResultOf(pump(ping(link)))["ok"], 1)

    def test_by_name(self) -> None:
        """A host's name is looked up without the reactor's threads, which do not run either."""
        link = self.linked(f"mongodb://localhost:{stand_in().ports[0]}/{a_database()}")
        self.addCleanup(lambda: self.successResultOf(pump(link.close())))
        self.assertEqual(self.successResultOf(pump(ping(link)))["ok"], 1)

    def test_faults(self) -> None:
        """What the link tries again needs no clock of the test's."""
        standing, name = stand_in(), a_database()
        link = self.linked(standing.url(name))
        self.addCleanup(lambda: self.successResultOf(pump(link.close())))
        standing.fail("ping", database=name, times=3, closeConnection=True)
        self.assertEqual(self.successResultOf(pump(ping(link)))["ok"], 1)

    def test_nothing_is_left(self) -> None:
        """A closed link leaves neither a socket nor a timer in the reactor."""
        running: Any = reactor
        readers, timers = set(running.getReaders()), set(running.getDelayedCalls())
        link = self.linked(stand_in().url(a_database()))
        self.successResultOf(pump(ping(link)))
        self.successResultOf(pump(link.close()))
        self.assertEqual(set(running.getReaders()) - readers - running._internalReaders, set())
        self.assertEqual(set(running.getDelayedCalls()) - timers, set())

    def test_in_vain(self) -> None:
        """What never comes is given up on; in each turn the test may do something of its own."""
        turns = []
        never: Deferred[None] = Deferred()
        result = pump(never, seconds=0.05, each=lambda: turns.append(1))
        self.assertNoResult(result)
        self.assertTrue(turns)
        turn(lambda: True)
