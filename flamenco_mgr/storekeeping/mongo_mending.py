"""What is wrong in a database on MongoDB is put right; each step is safe beside Managers that are at work."""

from collections.abc import Iterable, Iterator
from typing import Any

from attrs import frozen
from bson import ObjectId
from pymongo.database import Database

from flamenco_mgr.domain.assigning import taken_back
from flamenco_mgr.domain.tasks import TaskStatus
from flamenco_mgr.store.mongo import documents, update_documents
from flamenco_mgr.store.mongo.changes import Change
from flamenco_mgr.store.mongo.documents import TASKS
from flamenco_mgr.store.mongo.encoding import ABSENT
from flamenco_mgr.store.mongo.indexes import INDEXES
from flamenco_mgr.store.mongo.queries import OURS
from flamenco_mgr.store.mongo.worker_documents import WORKERS
from flamenco_mgr.storekeeping import mongo
from flamenco_mgr.storekeeping.embedded_mending import REASON
from flamenco_mgr.storekeeping.mongo_checks import MongoChecks, latest_receipts

Document = mongo.Document

_MICROSECONDS = 1_000_000


@frozen(eq=False, kw_only=True)
class MongoMending:
    """
    Puts right what was found.

    Tasks are changed on the condition that nobody else has changed them since they were read; whether they may run is
    found out anew by the Manager, at once or at its next start.
    """

    database: Database[Document]
    now: float

    def mend(self, found: MongoChecks) -> None:
        """Put right what an examination has found."""
        for collection, wanted in INDEXES.items():
            specifications = [index.specification for index in wanted]
            self.database.command({"createIndexes": collection, "indexes": specifications})
        told, counted = latest_receipts(self.database)
        if told > counted:
            settings = self.database[mongo.SETTINGS]
            settings.update_one({"_id": "receipts"}, {"$max": {"number": told}}, upsert=True)
        for task_id in found.disordered:
            self._settle(task_id)
        free_orphans(self.database, found.orphans, self.now)

    def _settle(self, task_id: Any) -> None:
        document = self.database[TASKS].find_one({"_id": task_id, "mgr.rev": {"$exists": True}})
        if document is None:
            return
        task = documents.task(document)
        token = ObjectId()
        change = Change()
        change.put({"mgr.op": token, "mgr.ready": ABSENT, "mgr.due": token, "mgr.rev": task.revision + 1})
        change.put({**documents.derived(task), **documents.unseen_family(task)})
        self.database[TASKS].update_one({"_id": task_id, "mgr.rev": task.revision}, change.document)


def free_orphans(database: Database[Document], ids: Iterable[Any], now: float) -> int:
    """Let others have tasks that are active of no worker that is here; return of how many that was done."""
    return sum(_free(database, task_id, now) for task_id in ids)


def orphans(database: Database[Document]) -> Iterator[Any]:
    """Yield the tasks that are active of no worker that is here, by their ids in the database."""
    workers = {one["_id"] for one in database[WORKERS].find({}, {"_id": 1})}
    for one in database[TASKS].find({"status": TaskStatus.ACTIVE.value, **OURS}, {"worker_id": 1}):
        if one.get("worker_id") not in workers:
            yield one["_id"]


def _free(database: Database[Document], task_id: Any, now: float) -> bool:
    document = database[TASKS].find_one({"_id": task_id, "mgr.rev": {"$exists": True}})
    if document is None:
        return False
    task = documents.task(document)
    holder = f"worker {task.worker or task.worker_id or 'nobody'}"
    transition = taken_back(task, holder, REASON, now=now, update_id=str(ObjectId()))
    if transition is None:
        return False
    change = documents.changed(task, transition.after, ObjectId())
    change.put({"mgr.rev": task.revision + 1})
    if transition.update is not None:
        order = max(round(now * _MICROSECONDS), int(document["mgr"].get("order", 0)) + 1)
        change.append("mgr.outbox", update_documents.new(transition.update, order))
        change.put({"mgr.order": order})
    return database[TASKS].update_one({"_id": task_id, "mgr.rev": task.revision}, change.document).matched_count == 1
