"""A database on MongoDB that is filled from records; nobody uses it meanwhile."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import define, field
from bson import ObjectId
from pymongo.database import Database

from flamenco_mgr.domain.blacklist import BlacklistLine
from flamenco_mgr.domain.workers import Worker
from flamenco_mgr.store.mongo import blacklist, documents, event_documents, schema, update_documents, worker_documents
from flamenco_mgr.store.mongo.bans import BLACKLIST
from flamenco_mgr.store.mongo.changes import nested
from flamenco_mgr.store.mongo.encoding import ABSENT, from_id, from_time, misfit
from flamenco_mgr.store.mongo.indexes import INDEXES
from flamenco_mgr.store.mongo.marks import first_mark
from flamenco_mgr.store.mongo.set_aside import SET_ASIDE
from flamenco_mgr.store.mongo.store import COLLECTIONS
from flamenco_mgr.store.mongo.update_documents import Waiting
from flamenco_mgr.storekeeping import mongo
from flamenco_mgr.storekeeping.looking import Looked
from flamenco_mgr.storekeeping.progress import IProgress
from flamenco_mgr.storekeeping.records import (
    AsideTask,
    Mark,
    Numbers,
    PastEvent,
    Record,
    RefusedUpdate,
    Source,
    StoredTask,
    WaitingUpdate,
)
from flamenco_mgr.storekeeping.trouble import NotDone

Document = mongo.Document

CONTENT: Final = tuple(name for name in COLLECTIONS if name != mongo.SETTINGS)
"""The collections that hold what a farm remembers."""

_STAYS: Final = ("lease", "farm")
"""Documents of ``settings`` that are no part of what a farm remembers."""

_FIRST: Final = 1
"""The turn of all tasks that come in, as of which their children know them (`documents`)."""

_NOT_HERE: Final = 0
"""As of when a parent is known that is not here: all that is heard of it is news."""


def is_empty(database: Database[Document]) -> bool:
    """Whether nothing of a farm is in a database; a Manager may have been started on it."""
    return not any(database[name].find_one({}, {"_id": 1}) for name in CONTENT)


def filling(database: Database[Document]) -> Document | None:
    """Return what is noted of a work of filling that has not come to its end; None if there is none."""
    return database[mongo.SETTINGS].find_one({"_id": schema.FILLING})


def begin(database: Database[Document], source: str, **noted: str) -> None:
    """Note that the database is about to be filled: from now on no Manager opens it, before `end`."""
    database[mongo.SETTINGS].replace_one({"_id": schema.FILLING}, {"source": source, **noted}, upsert=True)


def end(database: Database[Document]) -> None:
    """Let Managers open the database."""
    database[mongo.SETTINGS].delete_one({"_id": schema.FILLING})


def clear(database: Database[Document]) -> None:
    """Remove what was filled in, or what is not wanted any more; who has the lease, and the farm's mark, stay."""
    for name in CONTENT:
        database[name].drop()
    settings = database[mongo.SETTINGS]
    damaged = [one["_id"] for one in settings.find({"_id": {"$in": _STAYS}}) if schema.damage([one], database.name)]
    settings.delete_many({"_id": {"$nin": [schema.FILLING, *(name for name in _STAYS if name not in damaged)]}})


def keep(database: Database[Document], prefix: str) -> None:
    """Let what is in a database be under other names, as it is; what was kept before it was interrupted stays."""
    there = set(database.list_collection_names())
    for name in CONTENT:
        if name in there and prefix + name not in there:
            database[name].rename(prefix + name)
    facts = list(database[mongo.SETTINGS].find({"_id": {"$ne": schema.FILLING}}))
    if facts and prefix + mongo.SETTINGS not in there:
        database[prefix + mongo.SETTINGS].insert_many(facts)


@define(eq=False, kw_only=True)
class MongoTarget:
    """Fills an empty database."""

    database: Database[Document]
    looked: Looked
    progress: IProgress
    _ready: dict[str, list[Document]] = field(init=False, factory=dict)
    _number: int = field(init=False, default=0)
    _token: ObjectId = field(init=False, factory=ObjectId)

    def fill(self, source: Source) -> None:
        """Write everything of a source, with what follows from it; `NotDone` if MongoDB cannot hold something of it."""
        self.progress.begin("filling the database", sum(source.expected().values()))
        for record in source.records():
            self._number += 1
            self._add(record)
            self.progress.advance()
        for name in list(self._ready):
            self._write(name)
        self._index()
        settings = self.database[mongo.SETTINGS]
        settings.update_one({"_id": schema.DOCUMENT}, {"$set": {schema.VERSION: schema.SCHEMA}}, upsert=True)

    def _add(self, record: Record) -> None:
        for kind, (collection, document_of) in _WRITERS.items():
            if isinstance(record, kind):
                document = document_of(self, record)
                reason = misfit(document)
                if reason:
                    raise NotDone(f"MongoDB cannot hold {collection} {document['_id']}: {reason}")
                self._ready.setdefault(collection, []).append(document)
                if len(self._ready[collection]) == mongo.AT_ONCE:
                    self._write(collection)
                return
        if isinstance(record, Mark):
            self._set_mark(record)
        elif isinstance(record, Numbers):
            settings = self.database[mongo.SETTINGS]
            settings.replace_one({"_id": "receipts"}, {"number": record.receipts}, upsert=True)
            settings.replace_one({"_id": "events"}, {"last": record.events, "batch": []}, upsert=True)

    def _write(self, collection: str) -> None:
        some = self._ready.pop(collection, [])
        if some:
            self.database[collection].insert_many(some, ordered=False)

    def _set_mark(self, mark: Mark) -> None:
        settings = self.database[mongo.SETTINGS]
        lease = settings.find_one({"_id": "lease"}) or {}
        settings.insert_one(first_mark(mark.value, int(lease.get("fence", 0))))

    def _index(self) -> None:
        for collection, wanted in INDEXES.items():
            specifications = [index.specification for index in wanted]
            self.database.command({"createIndexes": collection, "indexes": specifications})

    def _task(self, record: StoredTask) -> Document:
        task = record.task
        document = documents.new_document(
            task, record.commands, place=self._number, token=self._token, held=record.held
        )
        knows = documents.family({from_id(parent): self._of_parent(parent) for parent in task.parents})
        ours: dict[str, Any] = document["mgr"]
        for name in ("due", "known", "open"):
            ours.pop(name, None)
        ready = documents.derived(task)["mgr.startable"] is not ABSENT and not record.held
        extra = {
            **knows,
            "mgr.turn": _FIRST,
            "mgr.heard": _FIRST,
            "mgr.ready": True if ready and knows["mgr.open"] is ABSENT else ABSENT,
            "mgr.acked": record.acked or ABSENT,
            "mgr.order": self.looked.latest.get(task.id, ABSENT),
            "mgr.set_aside": True if task.id in self.looked.aside else ABSENT,
        }
        ours.update(nested(extra)["mgr"])
        return document

    def _of_parent(self, parent: str) -> tuple[int, bool]:
        turn = _FIRST if self.looked.knows(parent) else _NOT_HERE
        return turn, self.looked.waits_for(parent)

    def _worker(self, worker: Worker) -> Document:
        return worker_documents.new_document(worker, self._number)

    def _aside(self, record: AsideTask) -> Document:
        fields = {"reason": record.reason, "document": record.document, "since": from_time(record.since)}
        return {"_id": from_id(record.task_id), **fields, "turn": _FIRST}

    def _update(self, record: WaitingUpdate) -> Document:
        # The tasks' documents do not know of it, as nobody can be late with it.
        return update_documents.document(
            Waiting(
                update=record.update,
                order=record.place,
                upto=record.place,
                version=record.version,
                unhandled=record.unhandled,
                loose=True,
            )
        )

    def _parked(self, record: RefusedUpdate) -> Document:
        document = update_documents.new(record.update, record.place)
        document["mgr"] |= {"reason": record.reason, "since": from_time(record.since)}
        return document

    def _event(self, record: PastEvent) -> Document:
        return {**event_documents.document(record.event), "place": record.place}

    def _line(self, line: BlacklistLine) -> Document:
        return blacklist.new_document(line, self._token)


_WRITERS: Final[Mapping[type, tuple[str, Callable[[MongoTarget, Any], Document]]]] = {
    StoredTask: (documents.TASKS, MongoTarget._task),  # noqa: SLF001 its own table
    WaitingUpdate: (update_documents.QUEUE, MongoTarget._update),  # noqa: SLF001
    Worker: (worker_documents.WORKERS, MongoTarget._worker),  # noqa: SLF001
    AsideTask: (SET_ASIDE, MongoTarget._aside),  # noqa: SLF001
    RefusedUpdate: (update_documents.PARKED, MongoTarget._parked),  # noqa: SLF001
    PastEvent: (event_documents.EVENTS, MongoTarget._event),  # noqa: SLF001
    BlacklistLine: (BLACKLIST, MongoTarget._line),  # noqa: SLF001
}
"""Into which collection each kind of record goes, and as what."""
