"""How the Manager starts with a MongoDB, under a real twistd, and how it says that it cannot."""

from typing import Any

from twisted.internet import reactor
from twisted.internet.interfaces import IReactorTCP
from twisted.internet.protocol import Factory, Protocol

from tests.mongo.server import StandIn, a_database
from tests.process.twistd import ProcessTestCase, a_free_port


class Greeter(Protocol):
    """What speaks first, and another language."""

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(b"SSH-2.0-OpenSSH_9.2p1\r\n")


class MongoDBStartTests(ProcessTestCase):
    def use(self, url: str) -> None:
        """Configure a database."""
        self.configure(f"listen: 127.0.0.1:{self.port}\ndatabase_url: {url}\n")

    async def test_database_comes_later(self) -> None:
        """
        While its database cannot be reached a Manager answers 503 with the reason, and serves within a second after.

        A daemon counts as started.
        """
        database_port = a_free_port()
        self.use(f"mongodb://127.0.0.1:{database_port}/{a_database()}")
        ending = await self.run_to_the_end(twistd=())
        self.assertEqual((ending.status, ending.err), (0, ""))
        code, answer = await self.ask("POST", "/task")
        self.assertEqual(code, 503)
        self.assertIn(b"the store is not ready: ", answer)
        stand_in = StandIn.start(database_port)
        self.addCleanup(stand_in.stop)
        await self.serving()

    async def test_not_mongodb(self) -> None:
        """A server that is no MongoDB is one line and status 1, for a daemon as well."""
        speaking: Any = Factory.forProtocol(Greeter)
        port: Any = IReactorTCP(reactor).listenTCP(0, speaking, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.use(f"mongodb://127.0.0.1:{port.getHost().port}/farm")
        await self.refused("MongoDB")

    async def test_bad_url(self) -> None:
        """A URL of options that cannot be used is one line and status 1, before anything is forked."""
        self.use("mongodb://user:hush-hush@127.0.0.1/farm?authMechanism=SCRAM-SHA-256")
        await self.refused("SCRAM-SHA-256")

    async def refused(self, *words: str) -> None:
        """See that the Manager says in one line why it does not start."""
        for twistd in (("-n",), ()):
            ending = await self.run_to_the_end(twistd=twistd)
            self.assertEqual(ending.status, 1, ending)
            self.assertEqual(ending.err.count("\n"), 1, ending.err)
            for word in words:
                self.assertIn(word, ending.err)
            self.assertNotIn("hush-hush", ending.err + ending.out)
            self.assertNotIn("Traceback", ending.err + ending.out)
            self.assertFalse(self.pidfile.exists())
