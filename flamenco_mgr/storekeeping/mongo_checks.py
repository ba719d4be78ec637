"""A database on MongoDB is examined, in use or not; it is only read."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import define, field
from pymongo.database import Database

from flamenco_mgr.domain.tasks import TaskStatus
from flamenco_mgr.store.mongo import documents, schema
from flamenco_mgr.store.mongo.documents import LETS_GO, TASKS
from flamenco_mgr.store.mongo.encoding import ABSENT
from flamenco_mgr.store.mongo.indexes import INDEXES
from flamenco_mgr.store.mongo.queries import OURS
from flamenco_mgr.store.mongo.set_aside import SET_ASIDE
from flamenco_mgr.store.mongo.update_documents import QUEUE
from flamenco_mgr.store.mongo.worker_documents import WORKERS
from flamenco_mgr.storekeeping import mongo, mongo_target
from flamenco_mgr.storekeeping.embedded_checks import orphaned, stray
from flamenco_mgr.storekeeping.findings import Finding, Topic, counted, damage, some, warning
from flamenco_mgr.storekeeping.trouble import NotDone

Document = mongo.Document

_FIELDS: Final = {"commands": 0, "mgr.commands": 0, "mgr.outbox": 0, "mgr.queued": 0, "log": 0, "activity": 0}


@define(eq=False, kw_only=True)
class MongoChecks:
    """
    Looks for what is wrong in a database.

    ``disordered`` and ``orphans`` are the tasks that were found, by their ids in the database.
    """

    database: Database[Document]
    shown: str
    disordered: list[Any] = field(init=False, factory=list)
    orphans: list[Any] = field(init=False, factory=list)

    def run(self) -> Iterator[Finding]:
        """Yield what is wrong."""
        try:
            form = mongo.form_of(self.database, self.shown)
        except NotDone as e:
            yield damage(Topic.STORE, "refused", f"{e}.", "No Manager opens the database as it is.")
            return
        if form != schema.SCHEMA:
            if not mongo_target.is_empty(self.database):
                whose = "an older Manager's" if form else "the original Manager's"
                text = f"{self.shown} is {whose}, and was not looked at any further."
                yield warning(Topic.STORE, "version", text, "The next start brings it up to date; make a copy before.")
            return
        yield from self._missing_indexes()
        yield from self._left_alone()
        yield from self._receipts()
        yield from self._tasks()
        yield from self._strays()

    def _missing_indexes(self) -> Iterator[Finding]:
        missing = [
            f"{collection}.{index.name}"
            for collection, wanted in INDEXES.items()
            for there in [set(self.database[collection].index_information())]
            for index in wanted
            if index.name not in there
        ]
        if missing:
            text = f"Missing indexes: {some(missing)}."
            advice = "Requests are slow without: doctor --repair makes them, and so does the next start."
            yield warning(Topic.STORE, "indexes", text, advice, mendable=True)

    def _left_alone(self) -> Iterator[Finding]:
        odd = self.database[TASKS].count_documents(schema.FRESH)
        if odd:
            text = f"Left alone, as no Manager can use it as it is: {counted(odd, 'task')}."
            yield warning(Topic.STORE, "odd", text, "twistd flamenco-manager --check-config says which, and why.")

    def _receipts(self) -> Iterator[Finding]:
        told, counted = latest_receipts(self.database)
        if told > counted:
            text = f"The Server's receipts are counted up to {counted}, and tasks have one with the number {told}."
            advice = "Newer states of these tasks could be overwritten by the Server's older ones: doctor --repair."
            yield damage(Topic.COUNTS, "receipts", text, advice, mendable=True)

    def _tasks(self) -> Iterator[Finding]:
        workers = {one["_id"] for one in self.database[WORKERS].find({}, {"_id": 1})}
        slice_: list[Document] = []
        for document in self.database[TASKS].find(OURS, _FIELDS).sort("_id", 1).batch_size(mongo.AT_ONCE):
            slice_.append(document)
            if len(slice_) == mongo.AT_ONCE:
                self._look(slice_, workers)
                slice_ = []
        self._look(slice_, workers)
        self._look_again(workers)
        if self.disordered:
            many = counted(len(self.disordered), "task")
            text = f"What is noted of what they wait for is wrong in {many}: {some(self.disordered)}."
            advice = "They run too early, too late or never: doctor --repair has it found out anew."
            yield damage(Topic.ORDER, "ready", text, advice, mendable=True)
        if self.orphans:
            yield orphaned([str(one) for one in self.orphans])

    def _look_again(self, workers: set[Any]) -> None:
        """Forget what was only under way: tasks are read one after the other, and a farm may be at work."""
        doubtful = {*self.disordered, *self.orphans}
        self.disordered, self.orphans = [], []
        for ids in in_slices(list(doubtful)):
            workers |= {one["_id"] for one in self.database[WORKERS].find({}, {"_id": 1})}
            self._look(list(self.database[TASKS].find({"_id": {"$in": ids}, **OURS}, _FIELDS)), workers)

    def _look(self, tasks: Sequence[Document], workers: set[Any]) -> None:
        parents = self._parents({parent for one in tasks for parent in one.get("parents", ())})
        for one in tasks:
            if one.get("status") == TaskStatus.ACTIVE and one.get("worker_id") not in workers:
                self.orphans.append(one["_id"])
            if "due" not in one["mgr"] and not is_in_order(one, parents):
                self.disordered.append(one["_id"])

    def _parents(self, ids: set[Any]) -> Mapping[Any, bool]:
        """Return of tasks that are here or set aside whether children wait for them, if that is settled."""
        wanted = {"_id": {"$in": list(ids)}}
        if not ids:
            return {}
        aside = {one["_id"]: True for one in self.database[SET_ASIDE].find(wanted, {"_id": 1})}
        here = self.database[TASKS].find(wanted, {"status": 1, "mgr.set_aside": 1, "mgr.rev": 1, "mgr.due": 1})
        return aside | {
            one["_id"]: documents.is_waited_for(one) if "mgr" in one else one.get("status") not in LETS_GO
            for one in here
            if "due" not in one.get("mgr", {})
        }

    def _strays(self) -> Iterator[Finding]:
        ids = self.database[QUEUE].distinct("task_id")
        here: set[Any] = set()
        for slice_ in in_slices(ids):
            here |= {one["_id"] for one in self.database[TASKS].find({"_id": {"$in": slice_}}, {"_id": 1})}
        strays = [str(one) for one in ids if one not in here]
        if strays:
            yield stray(strays)


def is_in_order(document: Document, parents: Mapping[Any, bool]) -> bool:
    """Whether what is derived in a task's document follows from it, and from those of its parents that are settled."""
    ours = document["mgr"]
    for path, value in documents.derived(documents.task(document)).items():
        kept = ours.get(path.removeprefix("mgr."), ABSENT)
        if value != kept and not (value is ABSENT and kept is ABSENT):
            return False
    waits = set(ours.get("open", ()))
    if any(parents[one] is not (one in waits) for one in document.get("parents", ()) if one in parents):
        return False
    may_run = "startable" in ours and "held" not in ours and "unfit" not in ours and not waits
    return may_run is ("ready" in ours)


def latest_receipts(database: Database[Document]) -> tuple[int, int]:
    """Return the greatest number of a receipt in any task, and how far they are counted."""
    greatest = database[TASKS].aggregate([{"$group": {"_id": None, "most": {"$max": "$mgr.acked"}}}])
    told = next(iter(greatest), {}).get("most") or 0
    counted = (database[mongo.SETTINGS].find_one({"_id": "receipts"}) or {}).get("number", 0)
    return int(told), int(counted)


def in_slices(ids: Sequence[Any]) -> Iterator[list[Any]]:
    """Yield some at a time."""
    for begin in range(0, len(ids), mongo.AT_ONCE):
        yield list(ids[begin : begin + mongo.AT_ONCE])
