"""The servers that tests use."""

import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.mongo.server import NamedServer, a_database, stand_in

CHECKOUT = Path(__file__).resolve().parents[2]


class NamedServerTests(SynchronousTestCase):
    def test_database(self) -> None:
        """A database takes the place of the one that is named; the options stay."""
        named = NamedServer("mongodb://db1,db2/?replicaSet=farm")
        self.assertEqual(named.url("x"), "mongodb://db1,db2/x?replicaSet=farm")
        self.assertEqual(named.url("x", tls="true"), "mongodb://db1,db2/x?replicaSet=farm&tls=true")

    def test_user(self) -> None:
        """The user is looked for where the named URI says, whatever the database is."""
        self.assertEqual(NamedServer("mongodb://u:p@db1").url("x"), "mongodb://u:p@db1/x?authSource=admin")
        self.assertEqual(NamedServer("mongodb://u:p@db1/y").url("x"), "mongodb://u:p@db1/x?authSource=y")
        named = NamedServer("mongodb://u:p@db1/y?authSource=z")
        self.assertEqual(named.url("x"), "mongodb://u:p@db1/x?authSource=z")


class StandInTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.standing, self.name = stand_in(), a_database()
        self.addCleanup(self.standing.drop, self.name)
        self.addCleanup(self.standing.work)

    def insert(self, number: int) -> None:
        self.standing.command({"insert": "things", "documents": [{"_id": number}]}, self.name)

    def ids(self) -> list[int]:
        found = self.standing.command({"find": "things", "filter": {}, "sort": {"_id": 1}}, self.name)
        return [document["_id"] for document in found["cursor"]["firstBatch"]]

    def test_log(self) -> None:
        """The commands for a database are remembered as they came, from when they are asked for."""
        self.insert(1)
        self.assertEqual(self.standing.log(self.name), [])
        self.insert(2)
        (command,) = self.standing.log(self.name)
        self.assertEqual((command["insert"], command["documents"]), ("things", [{"_id": 2}]))
        self.assertEqual(self.standing.log(self.name), [])

    def test_later_command(self) -> None:
        """A failure can be ordered for the command after so many, of any kind, for one database alone."""
        self.standing.fail(database=self.name, skip=1, errorCode=6)
        self.standing.command({"ping": 1})
        self.insert(1)
        self.assertRaises(AssertionError, self.insert, 2)
        self.insert(3)
        self.assertEqual(self.ids(), [1, 3])

    def test_no_more(self) -> None:
        """What fails for ever fails until it may work again."""
        self.standing.fail("insert", database=self.name, times=None, errorCode=6)
        for _ in range(2):
            self.assertRaises(AssertionError, self.insert, 1)
        self.standing.work()
        self.insert(1)

    def test_lost_answer(self) -> None:
        """A command whose answer is lost has been carried out; one whose connection is cut has not."""
        self.standing.fail("insert", database=self.name, closeAfter=True)
        self.assertRaises(OSError, self.insert, 1)
        self.standing.fail("insert", database=self.name, closeConnection=True)
        self.assertRaises(OSError, self.insert, 2)
        self.assertEqual(self.ids(), [1])

    def test_for_a_command(self) -> None:
        """A command may be run beside a server of its own, which it is told the URL of; its status comes back."""
        script = "import sys; sys.exit(3 if sys.argv[1].startswith('mongodb://127.0.0.1:') else 1)"
        words = [sys.executable, "-m", "tests.mongo", sys.executable, "-c", script, "{}"]
        self.assertEqual(subprocess.run(words, cwd=CHECKOUT, check=False).returncode, 3)
