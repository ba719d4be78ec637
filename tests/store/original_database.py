"""
A database as the original Manager 2.7 leaves it, for tests to take over.

It was written by the running original (two jobs, five workers, one day's events in small), then dumped collection by
collection as canonical extended JSON, so that the kinds of numbers, dates, binaries and ids stay apart. In it are

- 16 tasks: completed, active (one with a worker that failed at it, which another took over), soft-failed, canceled,
  claimed and returned; whole numbers in settings are doubles;
- five workers: awake with a schedule and a pending request, awake with a lazy ``shutdown``, asleep, offline, and one
  that only registered; their secrets, as bcrypt hashes of cost 4, are in `SECRETS` in plain text;
- 11 updates that the Server had not taken when the process was killed; one entry of the blacklist; one setting.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bson import json_util
from pymongo.database import Database

DIRECTORY = Path(__file__).parents[1] / "data/original-database"

COLLECTIONS = ("flamenco_tasks", "flamenco_workers", "task_update_queue", "worker_blacklist", "settings")

SECRETS: Mapping[str, str] = json.loads((DIRECTORY / "workers-secrets.json").read_text())
"""The secrets of the workers by their ids."""

Documents = list[dict[str, Any]]


def documents(collection: str) -> Documents:
    """Return the documents of a collection as the original left them."""
    found: Documents = json_util.loads((DIRECTORY / f"{collection}.json").read_text())
    return found


def fill(database: Database[dict[str, Any]]) -> None:
    """Put all of it into a database, with the indexes that the original made."""
    for name in COLLECTIONS:
        database[name].insert_many(documents(name))
    database.flamenco_tasks.create_index([("status", 1), ("priority", 1)])
    database.task_update_queue.create_index([("task_id", 1), ("received_on_manager", 1)])
    blacklist = database.worker_blacklist
    blacklist.create_index([("worker_id", 1)], name="worker-id")
    blacklist.create_index([("worker_id", 1), ("job_id", 1), ("task_type", 1)], name="unique", unique=True)
    blacklist.create_index([("_created", 1)], name="cleanup", expireAfterSeconds=7 * 24 * 3600)


def content(database: Database[dict[str, Any]]) -> dict[str, Documents]:
    """Return all documents of a database, by collection, in the order of their ids."""
    return {name: list(database[name].find().sort("_id")) for name in sorted(database.list_collection_names())}
