"""A database of the original's in a test, and the upgrade of it."""

from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from bson import ObjectId
from pymongo import MongoClient
from pymongo.database import Database
from twisted.internet import reactor
from twisted.internet.task import Clock
from twisted.logger import LogEvent, LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.store.mongo.collection import Collection
from flamenco_mgr.store.mongo.link import MongoLink
from flamenco_mgr.store.mongo.upgrade import Upgrade
from flamenco_mgr.store.mongo.uri import MongoAddress
from tests.mongo.pump import pump
from tests.mongo.server import a_database, server
from tests.store import original_database

T = TypeVar("T")

JOB = ObjectId("5e6a2b7d9d3b4a0017c0b001")
WORKER = ObjectId("5e6a1f2c9d3b4a0017c0ffee")
THEN = datetime(2026, 11, 24, 13, 19, 9)  # noqa: DTZ001 as the driver gives it

Document = dict[str, Any]


def task_id(number: int) -> ObjectId:
    """Return an id; a greater number's is greater."""
    return ObjectId(f"5e6a2b7d9d3b4a0017c0{number:04x}")


def a_task(number: int, status: Any = "claimed-by-manager", *parents: int, **fields: Any) -> Document:
    """Return a task's document as the original writes it."""
    task: Document = {"_id": task_id(number), "job": JOB, "task_type": "sleep", "priority": 50, "job_priority": 50}
    if status is not None:
        task["status"] = status
    if parents:
        task["parents"] = [task_id(parent) for parent in parents]
    return task | fields


def an_update(number: int, task: int, seconds: float, **fields: Any) -> Document:
    """Return the document of an update that waits, which came so many seconds after `THEN`."""
    return {
        "_id": ObjectId(f"{number:024x}"),
        "task_id": task_id(task),
        "received_on_manager": THEN + timedelta(seconds=seconds),
        "worker": "",
    } | fields


class UpgradeCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.server = self.make_server()
        self.name = a_database()
        self.client: MongoClient[Document] = MongoClient(self.server.url(self.name))
        self.database: Database[Document] = self.client.get_default_database()
        self.links: list[MongoLink] = []
        self.upgrade = self.new_upgrade()
        self.addCleanup(self.tear_down)
        self.logged: list[LogEvent] = []

    def make_server(self) -> Any:
        return server()

    def tear_down(self) -> None:
        for link in self.links:
            self.result_of(link.close())
        self.client.close()
        self.server.drop(self.name)

    def new_upgrade(self) -> Upgrade:
        """Return the upgrade as another process does it."""
        link = MongoLink.connect(MongoAddress.from_text(self.server.url(self.name)), Clock(), reactor)
        self.links.append(link)
        return Upgrade(
            database=self.name,
            settings=Collection(link, "settings"),
            tasks=Collection(link, "flamenco_tasks"),
            updates=Collection(link, "task_update_queue"),
            workers=Collection(link, "flamenco_workers"),
        )

    def result_of(self, awaitable: Awaitable[T]) -> T:
        return self.successResultOf(pump(awaitable))

    def run_upgrade(self) -> None:
        """Do what a start does, and keep what it logs."""
        self.result_of(self.upgrade.check())
        with capturedLogs() as logged:
            self.result_of(self.upgrade.run())
        self.logged += logged

    def fill(self, **collections: list[Document]) -> None:
        """Put documents into collections: tasks, updates, workers or settings."""
        names = {"tasks": "flamenco_tasks", "updates": "task_update_queue", "workers": "flamenco_workers"}
        for name, documents in collections.items():
            self.database[names.get(name, name)].insert_many(documents)

    def task(self, number: int) -> Document:
        """Return a task's document."""
        found = self.database.flamenco_tasks.find_one({"_id": task_id(number)})
        assert found is not None
        return found

    def ready(self) -> set[ObjectId]:
        """Return which tasks a worker may have."""
        return {task["_id"] for task in self.database.flamenco_tasks.find({"mgr.ready": True})}

    def warnings(self) -> list[str]:
        """Return what the log warns of."""
        return [event["line"] for event in self.logged if event["log_level"] is LogLevel.warn and "line" in event]

    def content(self, *, without: tuple[str, ...] = ()) -> dict[str, Any]:
        """Return all of the database, without some of our fields; what is a token is not told from another."""
        found = original_database.content(self.database)
        for documents in found.values():
            for document in documents:
                ours = document.get("mgr", {})
                ours.pop("op", None)
                for name in without:
                    document.pop(name, None)
        return found
