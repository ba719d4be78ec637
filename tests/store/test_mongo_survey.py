"""``--check-config`` tells of a MongoDB what a start would do, and writes nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bson import ObjectId
from pymongo import MongoClient
from pymongo.database import Database
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.store.mongo.bundled import left_behind
from flamenco_mgr.store.mongo.survey import Survey, survey
from tests.mongo.server import a_database, server
from tests.store import original_database
from tests.test_options import OptionsCase


class SurveyCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.server = server()
        name = a_database()
        self.url = self.server.url(name)
        self.addCleanup(self.server.drop, name)

    def with_database(self, work: Callable[[Database[dict[str, Any]]], Any]) -> Any:
        """Do something with the database on a connection of its own."""
        client: MongoClient[dict[str, Any]] = MongoClient(self.url)
        with client:
            return work(client.get_default_database())

    def insert(self, collection: str, *documents: dict[str, Any]) -> None:
        self.with_database(lambda database: database[collection].insert_many(documents))


class SurveyTests(SurveyCase):
    def test_original(self) -> None:
        """Of the original's database it says how many workers, updates and tasks are taken over; nothing is written."""
        self.with_database(original_database.fill)
        before = self.with_database(original_database.content)
        self.assertEqual(
            survey(self.url),
            Survey(
                lines=(
                    "5 of 5 workers will be taken over",
                    "11 of 11 waiting updates will be taken over",
                    "16 of 16 tasks will be taken over",
                )
            ),
        )
        self.assertEqual(self.with_database(original_database.content), before)

    def test_empty(self) -> None:
        """Of a new database it says that there is nothing to take over."""
        self.assertEqual(survey(self.url), Survey(lines=("Nothing has to be taken over",)))

    def test_odd(self) -> None:
        """Odd documents are counted, ten of them named, with the reason."""
        good = {"job": ObjectId(), "name": 5}
        self.insert("flamenco_tasks", good, *({"_id": ObjectId(), "status": "queued"} for _ in range(12)))
        taken, mended, odd = survey(self.url).lines
        self.assertEqual(taken, "1 of 13 tasks will be taken over")
        self.assertEqual(mended, "1 task: fields that make no sense are put aside, in mgr.aside")
        self.assertTrue(odd.startswith("12 tasks cannot be used, left alone: "), odd)
        self.assertEqual(odd.count(": job is missing; "), 10)
        self.assertTrue(odd.endswith("; and 2 more"), odd)

    def test_newer(self) -> None:
        """A database of a newer Manager is what a start would refuse."""
        self.insert("settings", {"_id": "schema", "version": 99})
        refused = survey(self.url).refused
        assert refused is not None
        self.assertIn("newer Manager (form 99", refused)

    def test_damaged(self) -> None:
        """So is one whose facts of our own are damaged."""
        self.insert("settings", {"_id": "schema", "version": float("nan")})
        refused = survey(self.url).refused
        assert refused is not None
        self.assertIn("the document 'schema' of settings", refused)

    def test_ours(self) -> None:
        """Of a database that was taken over it says what is odd in it still."""
        self.insert("settings", {"_id": "schema", "version": 1})
        self.insert("flamenco_tasks", {"_id": 5})
        self.assertEqual(survey(self.url).lines, ("1 task cannot be used, left alone: 5: its _id is no ObjectId",))

    def test_original_since(self) -> None:
        """One that the original has used since would be refused, too."""
        self.insert("settings", {"_id": "schema", "version": 1}, {"depsgraph_last_modified": "2026-11-25T00:00:00"})
        refused = survey(self.url).refused
        assert refused is not None
        self.assertIn("the original Manager has used", refused)

    def test_unreachable(self) -> None:
        """A server that is not there is trouble, in one line, after three seconds at most."""
        found = survey("mongodb://127.0.0.1:1/farm")
        self.assertEqual(found.lines, ())
        assert found.trouble is not None
        self.assertIn("127.0.0.1:1", found.trouble)
        self.assertNotIn("\n", found.trouble)


class CheckConfigTests(OptionsCase):
    def checked(self, url: str) -> Any:
        """Return how ``--check-config`` ends with this database."""
        return self.ending("--check-config", f"--database-url={url}")

    def test_told(self) -> None:
        """``--check-config`` says on standard error what would be taken over; its status is 0."""
        mongo, name = server(), a_database()
        self.addCleanup(mongo.drop, name)
        client: MongoClient[dict[str, Any]] = MongoClient(mongo.url(name))
        with client:
            original_database.fill(client.get_default_database())
        self.assertEqual(self.checked(mongo.url(name)), 0)
        self.assertIn("Database: 16 of 16 tasks will be taken over\n", self.stderr.getvalue())
        self.assertNotIn("Database", self.stdout.getvalue())

    def test_newer(self) -> None:
        """A database that a start would refuse is a mistake: status 1, and why."""
        mongo, name = server(), a_database()
        self.addCleanup(mongo.drop, name)
        client: MongoClient[dict[str, Any]] = MongoClient(mongo.url(name))
        with client:
            client.get_default_database().settings.insert_one({"_id": "schema", "version": 99})
        self.assertIn("newer Manager", self.checked(mongo.url(name)))

    def test_unreachable(self) -> None:
        """A database that cannot be reached is a warning."""
        self.assertEqual(self.checked("mongodb://127.0.0.1:1/farm"), 0)
        self.assertIn("Warning: The database cannot be looked at: 127.0.0.1:1", self.stderr.getvalue())

    def test_left_behind(self) -> None:
        """So is a database of the original's own that an empty ``database_url`` would leave aside; a start logs it."""
        (self.rundir / "store").mkdir()
        (self.rundir / "store/WiredTiger").touch()
        self.assertEqual(self.ending("--check-config"), 0)
        self.assertIn("holds a MongoDB of the original Manager", self.stderr.getvalue())
        (warning,) = self.options()["warnings"]
        self.assertIn("holds a MongoDB of the original Manager", warning)


class BundledTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()

    def test_left_behind(self) -> None:
        """A directory with the files of the original's own MongoDB is warned of, until there is an embedded store."""
        self.assertEqual(list(left_behind(self.directory)), [])
        (self.directory / "WiredTiger").touch()
        (warning,) = left_behind(self.directory)
        self.assertIn(str(self.directory), warning)
        (self.directory / "flamenco.sqlite3").touch()
        self.assertEqual(list(left_behind(self.directory)), [])
