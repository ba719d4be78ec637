"""The link to the database: what is tried again, within which time, and what is told when it is in vain."""

import time
from collections.abc import Mapping
from typing import Any

from bson import ObjectId
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError, DocumentTooLarge, DuplicateKeyError
from twisted.internet.defer import Deferred

from flamenco_mgr.store.interfaces import StoreUnavailable
from flamenco_mgr.store.mongo.collection import Collection, Query
from flamenco_mgr.store.mongo.link import MongoLink
from tests.mongo.linked import LinkTestCase, url_of
from tests.mongo.scripted import ScriptedServer
from tests.mongo.server import StandIn, a_database

# How a command may fail although it is done, or can be done at once: the data of a fail point.
PASSING: dict[str, dict[str, Any]] = {
    "not primary": {"errorCode": 10107},
    "no longer primary": {"errorCode": 189},
    "no primary for reads": {"errorCode": 13435},
    "stopping": {"errorCode": 91},
    "interrupted by the stop": {"errorCode": 11600},
    "interrupted by a new primary": {"errorCode": 11602},
    "another host not reached": {"errorCode": 6},
    "another host not found": {"errorCode": 7},
    "another host too slow": {"errorCode": 89},
    "conflict": {"errorCode": 112},
    "time exceeded": {"errorCode": 262},
    "cut before": {"closeConnection": True},
    "cut after": {"closeAfter": True},
    "late": {"blockConnection": True, "blockTimeMS": 1500},
    "not replicated": {"writeConcernError": {"code": 64, "errmsg": "waiting for replication timed out"}},
}

# What stays as it is for longer than a request has time, and what is told about it.
LASTING: dict[str, tuple[dict[str, Any], str]] = {
    "not primary": ({"errorCode": 10107}, "no primary"),
    "no permission": ({"errorCode": 13}, "does not permit"),
    "disk full": ({"errorCode": 14031}, "the disk of MongoDB is full"),
    "writes blocked": ({"errorCode": 420}, "stopped all writing"),
    "unknown": ({"errorCode": 4711}, "failing command as the test asked"),
    "cut": ({"closeConnection": True}, "lost"),
    "not replicated": ({"writeConcernError": {"code": 64, "errmsg": "late"}}, "too few members"),
    "too few members": ({"writeConcernError": {"code": 100, "errmsg": "not enough"}}, "too few members"),
}


class CallTests(LinkTestCase):
    """Calls on a server whose commands fail as told."""

    async def test_done_in_spite(self) -> None:
        """A change that fails in passing is tried again, and has been done once when it is reported as done."""
        server, name, link = self.on_stand_in()
        for number, (kind, fault) in enumerate(PASSING.items()):
            await self.insert(link, number)
            server.fail("update", database=name, **fault)
            seconds = await self.seconds_of(self.changed(link, number))
            self.assertLess(seconds, 2.0, kind)
            self.assertEqual(await self.revision(link, number), 1, kind)

    async def insert(self, link: MongoLink, number: int) -> None:
        await link.call(lambda db, timeout: db.tasks.insert_one({"_id": number, "rev": 0}, timeout=timeout))

    async def revision(self, link: MongoLink, number: int) -> Any:
        found = await link.call(lambda db, timeout: db.tasks.find_one({"_id": number}, timeout=timeout))
        return found["rev"]

    async def changed(self, link: MongoLink, number: int) -> None:
        """Move a document's revision, as the store does: conditional on the one before."""
        await Collection(link, "tasks").update({"_id": number, "rev": 0}, {"$set": {"rev": 1}})

    async def test_read_in_spite(self) -> None:
        """A read that fails in passing is tried again, be it one of few documents or of many."""
        server, name, link = self.on_stand_in()
        tasks = Collection(link, "tasks")
        for kind, fault in PASSING.items():
            server.fail("find", database=name, **fault)
            self.assertIsNone(await tasks.one(Query(filter={})), kind)
            server.fail("find", database=name, **fault)
            self.assertEqual(await tasks.find(Query(filter={})), [], kind)

    async def test_duplicate(self) -> None:
        """An insert whose answer was lost ends as a duplicate, which is for the caller to understand."""
        server, name, link = self.on_stand_in()
        server.fail("insert", database=name, closeAfter=True)
        task = {"_id": ObjectId()}
        inserting = link.call(lambda db, timeout: db.tasks.insert_one(task, timeout=timeout))
        await self.assertFailure(Deferred.fromCoroutine(inserting), DuplicateKeyError)

    async def test_in_words(self) -> None:
        """What does not pass is told in words for people, in time."""
        server, name, link = self.on_stand_in()
        await self.changed(link, 0)
        for kind, (fault, words) in LASTING.items():
            server.fail("update", database=name, times=None, **fault)
            begun = time.monotonic()
            self.assertIn(words, await self.unavailable(self.changed(link, 0)), kind)
            self.assertLess(time.monotonic() - begun, 2.5, kind)

    async def test_codes_of_the_caller(self) -> None:
        """A failure that the caller has asked for comes to it as the driver's error."""
        server, name, link = self.on_stand_in()
        server.fail("ping", database=name, errorCode=86)
        failed: Any = await self.assertFailure(Deferred.fromCoroutine(link.call(a_ping, theirs={86})), Exception)
        self.assertEqual(failed.code, 86)

    async def test_own_mistake(self) -> None:
        """What is the program's own mistake is no trouble of the database's."""
        _, _, link = self.on_stand_in()
        wrong = link.call(lambda db, timeout: db.tasks.find_one({"_id": object()}, timeout=timeout))
        failed = await self.assertFailure(Deferred.fromCoroutine(wrong), Exception)
        self.assertNotIsInstance(failed, StoreUnavailable)

    async def test_in_flight(self) -> None:
        """What is on its way is counted."""
        _, _, link = self.on_stand_in()
        both = [Deferred.fromCoroutine(link.call(a_ping)) for _ in range(2)]
        self.assertEqual(link.in_flight, 2)
        for one in both:
            await one
        self.assertEqual(link.in_flight, 0)

    async def test_new_primary(self) -> None:
        """A change is done when the primary steps down, and when it ends."""
        server, name = StandIn.start(0, 0), a_database()
        self.addCleanup(server.stop)
        link = self.linked(server.url(name))
        await self.changed(link, 0)
        server.step_down()
        self.assertLess(await self.seconds_of(self.changed(link, 0)), 2.0)
        server.shut_down(1)
        self.assertLess(await self.seconds_of(self.changed(link, 0)), 2.0)


class UpdateTests(LinkTestCase):
    """One change of one document."""

    def tasks(self, *answers: Mapping[str, Any]) -> tuple[ScriptedServer, Collection]:
        """Return a server that answers updates so, one after the other, and a collection on it."""
        script = iter(answers)
        server = self.scripted(update=lambda _: next(script))
        return server, Collection(self.linked(url_of(server)), "tasks")

    async def test_found(self) -> None:
        """It tells how many documents were found, of which one that was made is none."""
        _, tasks = self.tasks({"n": 1}, {"n": 0}, {"n": 1, "upserted": [{"index": 0, "_id": 1}]})
        found = [await tasks.update({"_id": 1}, {"$set": {"a": 1}}, upsert=True) for _ in range(3)]
        self.assertEqual(found, [1, 0, 0])

    async def test_durable(self) -> None:
        """It is acknowledged when most members of the replica set have it on their disks."""
        server, tasks = self.tasks({"n": 1})
        await tasks.update({"_id": 1}, {"$set": {"a": 1}})
        (command,) = server.sent("update")
        concern = command["writeConcern"]
        self.assertEqual((concern["w"], concern["j"]), ("majority", True))
        self.assertLess(concern["wtimeout"], 2000)

    async def test_tried_again(self) -> None:
        """If it failed in passing, or is not confirmed, it is tried again, and done once it is."""
        late = {"code": 64, "errmsg": "waiting for replication timed out"}
        server, tasks = self.tasks(
            {"n": 0, "writeErrors": [refusal(0, 112)]}, {"n": 1, "writeConcernError": late}, {"n": 1}
        )
        self.assertEqual(await tasks.update({"_id": 1}, {"$set": {"a": 1}}), 1)
        self.assertEqual(len(server.sent("update")), 3)

    async def test_full_disk(self) -> None:
        """If it failed for a reason that lasts, that is told."""
        _, tasks = self.tasks({"n": 0, "writeErrors": [refusal(0, 14031)]})
        self.assertIn("disk of MongoDB is full", await self.unavailable(tasks.update({"_id": 1}, {"$set": {"a": 1}})))


class BulkTests(LinkTestCase):
    """Several statements in one command, of which some fail."""

    def answered(self, *answers: Mapping[str, Any]) -> ScriptedServer:
        """Return a server that answers updates and inserts so, one after the other."""
        script = iter(answers)
        return self.scripted(insert=lambda _: next(script), update=lambda _: next(script))

    async def inserted(self, server: ScriptedServer) -> Any:
        tasks = [{"_id": 1}, {"_id": 2}]
        link = self.linked(url_of(server))
        return await link.call(lambda db, timeout: db.tasks.insert_many(tasks, ordered=False, timeout=timeout))

    async def failed(self, server: ScriptedServer, kind: type[Exception]) -> Any:
        return await self.assertFailure(Deferred.fromCoroutine(self.inserted(server)), kind)

    async def test_duplicates(self) -> None:
        """If some were there already, the caller is told which."""
        error = await self.failed(self.answered({"n": 1, "writeErrors": [refusal(1, 11000)]}), BulkWriteError)
        self.assertEqual([one["index"] for one in error.details["writeErrors"]], [1])

    async def test_tried_again(self) -> None:
        """If one failed in passing, or they are not confirmed, all are tried again."""
        late = {"code": 64, "errmsg": "waiting for replication timed out"}
        server = self.answered(
            {"n": 1, "writeErrors": [refusal(1, 112)]}, {"n": 2, "writeConcernError": late}, {"n": 2}
        )
        await self.inserted(server)
        self.assertEqual(len(server.sent("insert")), 3)

    async def test_full_disk(self) -> None:
        """If one failed for a reason that lasts, that is told."""
        server = self.answered({"n": 1, "writeErrors": [refusal(1, 14031)]})
        self.assertIn("disk of MongoDB is full", await self.unavailable(self.inserted(server)))

    async def test_unknown_reason(self) -> None:
        """A reason that has no words of ours has the server's, and no document in it."""
        words = await self.unavailable(self.inserted(self.answered({"n": 1, "writeErrors": [refusal(1, 4711)]})))
        self.assertIn("it does not like this", words)
        self.assertNotIn("_id", words)

    async def test_too_large(self) -> None:
        """A document that the server finds too large is the caller's affair, however it says so."""
        for code in (10334, 17419):
            await self.failed(self.answered({"n": 1, "writeErrors": [refusal(1, code)]}), DocumentTooLarge)
            await self.failed(self.answered({"ok": 0, "code": code, "errmsg": "too large"}), DocumentTooLarge)

    async def test_unexpected_duplicate(self) -> None:
        """A duplicate where nobody reckons with one, as when two Managers make the same document, is no crash."""
        refused = refusal(0, 11000)
        script = {
            "update": {"n": 0, "nModified": 0, "writeErrors": [refused]},
            "find": {"ok": 0, "code": 11000, "errmsg": "duplicate"},
        }
        tasks = Collection(self.linked(url_of(self.scripted(**script))), "flamenco_tasks")
        for asking in (
            tasks.update({"_id": 1}, {"$set": {"x": 1}}, upsert=True),
            tasks.write([UpdateOne({"_id": 1}, {"$set": {"x": 1}}, upsert=True)]),
            tasks.one(Query(filter={"_id": 1})),
        ):
            self.assertIn("already", await self.unavailable(asking))


class WireTests(LinkTestCase):
    """What a server is asked."""

    async def test_majority(self) -> None:
        """A change asks for the majority and the journal, and waits for them a limited time, whatever the URI says."""
        server = self.scripted(update={"n": 1, "nModified": 1})
        link = self.linked(url_of(server, options="?w=1&journal=false"))
        await link.call(lambda db, timeout: db.tasks.update_one({"_id": 1}, {"$set": {"x": 1}}, timeout=timeout))
        (update,) = server.sent("update")
        self.assertEqual(update["writeConcern"], {"w": "majority", "j": True, "wtimeout": 1000})

    async def test_primary(self) -> None:
        """A read asks for no other member than the primary, and for nothing that is read there to be old."""
        server = self.scripted(find={"cursor": {"id": 0, "ns": "flamenco.tasks", "firstBatch": []}})
        await self.linked(url_of(server)).call(lambda db, timeout: db.tasks.find_one({}, timeout=timeout))
        (find,) = server.sent("find")
        self.assertNotIn("$readPreference", find)
        self.assertNotIn("readConcern", find)

    async def test_lost_cursor(self) -> None:
        """A cursor that the server has forgotten is begun anew."""
        lost = [True]

        def find(_command: dict[str, Any]) -> dict[str, Any]:
            number = 7 if lost else 0
            return {"cursor": {"id": number, "ns": "flamenco.tasks", "firstBatch": [{"_id": 1}]}}

        def more(_command: dict[str, Any]) -> dict[str, Any]:
            lost.clear()
            return {"ok": 0, "code": 43, "errmsg": "cursor id 7 not found"}

        link = self.linked(url_of(self.scripted(find=find, getmore=more)))
        found = await link.call(lambda db, timeout: db.tasks.find({}, timeout=timeout))
        self.assertEqual(found, [{"_id": 1}])


def refusal(index: int, code: int) -> dict[str, Any]:
    """Return how a server says that one of several statements failed."""
    return {"index": index, "code": code, "errmsg": "it does not like this"}


def a_ping(db: Any, timeout: float) -> Any:
    """Ping, as an operation."""
    return db.command({"ping": 1}, timeout=timeout)
