"""The demonstration on MongoDB: two Managers share a database, and the books agree though one of them is killed."""

import re
import signal
from typing import Any

from pymongo import MongoClient

from tests.demo.demonstrated import QUICK, DemonstrationTestCase
from tests.mongo.server import a_database, server
from tests.process.twistd import a_free_port


class DemonstrationOnMongoDBTests(DemonstrationTestCase):
    def setUp(self) -> None:
        mongo, self.database = server(), a_database()
        super().setUp()
        self.url = mongo.url(self.database)
        self.addCleanup(mongo.drop, self.database)
        self.client: MongoClient[dict[str, Any]] = MongoClient(self.url)
        self.addCleanup(self.client.close)

    def collections(self) -> list[str]:
        """Return what there is in the database."""
        return self.client[self.database].list_collection_names()

    async def test_a_manager_is_killed(self) -> None:
        """The Manager that has the lease is killed, the other takes over, the books agree, and nothing is left."""
        demonstration = self.start("--tasks", "40", "--workers", "4", "--speed", "40", "--database", self.url)
        await self.ended(demonstration)
        self.assertEqual((demonstration.ending.status, demonstration.ending.err), (0, ""), demonstration.out)
        dead, heir = re.findall(r"Manager (\d) (?:is killed|has taken over .*, \d\.\d s later)", demonstration.out)[:2]
        self.assertEqual({dead, heir}, {"1", "2"})
        self.assertIn(f"The tasks were kept in MongoDB ({self.database} on ", demonstration.out)
        self.assertRegex(demonstration.out, r"Workers changed the Manager \d\d+ times")
        self.assertIn("The books agree.", demonstration.out)
        self.assertIn("nobody else tries it, the Server is told", demonstration.out)
        self.assertEqual(demonstration.out.count("✓"), 12)
        self.assertEqual(list(self.temporary.iterdir()), [])
        self.assertEqual(self.collections(), [])

    async def test_interrupted(self) -> None:
        """After Ctrl+C both Managers and what they had in the database are gone."""
        demonstration = self.start(*QUICK, "--database", self.url)
        await self.until(lambda: "Manager 2 serves" in demonstration.out, demonstration)
        (directory,) = self.temporary.iterdir()
        managers = self.managers(directory)
        self.assertEqual(len(managers), 2)
        demonstration.kill(signal.SIGINT)
        await self.ended(demonstration)
        self.assertEqual((demonstration.ending.status, demonstration.ending.err), (1, ""), demonstration.out)
        self.assertIn("Interrupted", demonstration.out)
        self.assertEqual(self.collections(), [])
        self.assertEqual(list(self.temporary.iterdir()), [])

    async def test_used_database(self) -> None:
        """A database that is somebody's is refused in a line, and left alone."""
        self.client[self.database]["render"].insert_one({"_id": 1})
        await self.refused(self.url, f"There is something in the database {self.database} on ")
        self.assertEqual(self.collections(), ["render"])

    async def test_no_database(self) -> None:
        """A server that cannot be reached is a line, and nothing is waited for."""
        await self.refused(f"mongodb://127.0.0.1:{a_free_port()}/farm", "the database cannot be used: ")

    async def refused(self, url: str, words: str) -> None:
        """See that a demonstration does not begin, and says why in one line."""
        demonstration = self.start(*QUICK, "--database", url)
        await self.ended(demonstration)
        self.assertEqual((demonstration.ending.status, demonstration.ending.err), (1, ""), demonstration.out)
        (line,) = demonstration.out.strip().splitlines()
        self.assertTrue(line.startswith(words), line)
        self.assertEqual(list(self.temporary.iterdir()), [])
