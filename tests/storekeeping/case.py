"""Tests with stores of both kinds, real ones, each with a farm in it."""

import gzip
import json
import sqlite3
from collections.abc import Awaitable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from attrs import evolve
from bson import ObjectId
from pymongo import MongoClient
from pymongo.database import Database
from twisted.internet import reactor
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.tasks import Task
from flamenco_mgr.domain.updates import Transition
from flamenco_mgr.store.mongo import MongoStore
from flamenco_mgr.store.mongo.uri import MongoAddress
from flamenco_mgr.store.sqlite import SQLiteStore
from flamenco_mgr.storekeeping.backup import back_up, source_of
from flamenco_mgr.storekeeping.progress import Silent
from flamenco_mgr.storekeeping.records import Record
from flamenco_mgr.storekeeping.stores import Embedded, OnMongoDB, Store
from flamenco_mgr.storekeeping.trouble import NotDone
from flamenco_mgr.storekeeping.waiting import result_of
from tests.builders import an_update
from tests.mongo.pump import pump
from tests.mongo.server import a_database, server
from tests.storekeeping.farms import TASKS, fill
from tests.threads import at_once

T = TypeVar("T")

NOW = 1_795_000_000.0


class StorekeepingCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir()

    def embedded(self, name: str = "db") -> Embedded:
        """Return the embedded store of a directory, which may not be there yet."""
        return Embedded(directory=self.directory / name)

    def open_embedded(self, store: Embedded, clock: Clock | None = None) -> SQLiteStore:
        """Use a store, as a Manager does."""
        return SQLiteStore.open(store.directory, clock or Clock(), at_once)

    def embedded_farm(self, name: str = "db", tasks: int = TASKS) -> Embedded:
        """Return an embedded store with a farm in it, which nobody uses."""
        found, clock = self.embedded(name), Clock()
        store = self.open_embedded(found, clock)
        fill(store, lambda awaitable: result_of(clock, awaitable), tasks)
        result_of(clock, store.close())
        return found

    def database(self) -> OnMongoDB:
        """Return a new database on MongoDB; skipped where there is no MongoDB."""
        mongo, name = server(), a_database()
        self.addCleanup(mongo.drop, name)
        url = mongo.url(name)
        return OnMongoDB(url=url, address=MongoAddress.from_text(url))

    def open_database(self, store: OnMongoDB, clock: Clock) -> MongoStore:
        """Use a database, as a Manager does."""
        found = MongoStore.connect(store.address, clock, reactor, "a test", clock.seconds)
        self.pumped(found.repair())
        return found

    def database_farm(self, tasks: int = TASKS) -> OnMongoDB:
        """Return a database with a farm in it, which nobody uses."""
        found, clock = self.database(), Clock()
        store = self.open_database(found, clock)
        self.pumped(store.lease.look())
        fill(store, self.pumped, tasks)
        self.pumped(store.close())
        return found

    def pumped(self, awaitable: Awaitable[T]) -> T:
        """Return what a store on MongoDB gives."""
        return self.successResultOf(pump(awaitable))

    def within(self, store: OnMongoDB) -> Database[dict[str, Any]]:
        """Return a connection of the test's own to a database."""
        client: MongoClient[dict[str, Any]] = MongoClient(store.url)
        self.addCleanup(client.close)
        return client.get_default_database()

    def sql(self, store: Embedded, statement: str, *values: Any) -> list[Any]:
        """Carry a statement out behind a store's back, and return what it gives."""
        with closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
            return connection.execute(statement, values).fetchall()

    def content(self, store: Store) -> dict[str, list[Record]]:
        """Return all records of a store by their kinds, each kind in an order that does not depend on the store."""
        found: dict[str, list[Record]] = {}
        with source_of(store, self.directory, Silent()) as source:
            for record in source.records():
                found.setdefault(type(record).__name__, []).append(record)
        return {name: sorted(records, key=repr) for name, records in found.items()}

    def told(self, task: Task, **changes: Any) -> Transition:
        """Return a change of a task of which the Server hears."""
        update = an_update(id=str(ObjectId()), task_id=task.id, status=changes.get("status"))
        return Transition(before=task, after=evolve(task, **changes), update=update)

    def backup(self, store: Store, name: str = "farm.jsonl.gz", **how: Any) -> Path:
        """Make a backup."""
        path = self.directory / name
        back_up(store, path, now=NOW, progress=Silent(), **how)
        return path

    def refused(self, words: str, work: Any, *arguments: Any, **named: Any) -> None:
        """See that something is refused, in one line with these words."""
        error = self.assertRaises(NotDone, work, *arguments, **named)
        self.assertIn(words, str(error))
        self.assertNotIn("\n", str(error))


def lines_of(path: Path) -> list[Any]:
    """Return what the lines of a neutral backup say."""
    with gzip.open(path, "rt", encoding="ascii") as file:
        return [json.loads(line) for line in file]


def write_lines(path: Path, lines: list[Any]) -> None:
    """Make a file of lines as those of a neutral backup."""
    with gzip.open(path, "wt", encoding="ascii") as file:
        file.writelines(f"{json.dumps(line)}\n" for line in lines)
