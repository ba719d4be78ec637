"""Everything in a database on MongoDB, as records."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from attrs import Factory, define, field
from pymongo.database import Database

from flamenco_mgr.domain.blacklist import BlacklistLine
from flamenco_mgr.store.mongo import documents, schema, update_documents, worker_documents
from flamenco_mgr.store.mongo.bans import BLACKLIST, line
from flamenco_mgr.store.mongo.encoding import to_commands, to_time
from flamenco_mgr.store.mongo.event_documents import EVENTS
from flamenco_mgr.store.mongo.marks import MARK
from flamenco_mgr.store.mongo.outbox_plans import is_live
from flamenco_mgr.store.mongo.queries import OURS
from flamenco_mgr.store.mongo.set_aside import SET_ASIDE
from flamenco_mgr.store.mongo.update_documents import PARKED, QUEUE, Waiting
from flamenco_mgr.storekeeping import mongo
from flamenco_mgr.storekeeping.mongo_events import MongoEvents
from flamenco_mgr.storekeeping.records import (
    AsideTask,
    Mark,
    Numbers,
    Record,
    RefusedUpdate,
    StoredTask,
    WaitingUpdate,
)
from flamenco_mgr.storekeeping.stores import OnMongoDB
from flamenco_mgr.storekeeping.trouble import NotDone

Document = mongo.Document

_COUNTS: Final[Mapping[str, str]] = {
    "worker": worker_documents.WORKERS,
    "task": documents.TASKS,
    "aside": SET_ASIDE,
    "update": QUEUE,
    "parked": PARKED,
    "blacklist": BLACKLIST,
    "event": EVENTS,
}
"""The collection of each kind."""

_ORDER: Final = [("mgr.order", 1), ("_id", 1)]
_BY_ID: Final = [("_id", 1)]
_LIVE: Final = {"mgr.queued": 1, "mgr.outbox.mgr.order": 1}


@define(eq=False, kw_only=True)
class MongoSource:
    """
    Provides `Source`.

    Of a database that is in use this is no snapshot, but nothing is missed that is needed: a task is read with the
    updates that are in its document still, and the queue after all tasks. What was read twice is told once.
    """

    database: Database[Document]
    shown: str
    began: mongo.Term | None = None
    _left_out: int = field(init=False, default=0)
    _acked: int = field(init=False, default=0)
    _place: int = field(init=False, default=0)
    _under_way: list[Waiting] = field(init=False, factory=list)
    _events: MongoEvents = field(init=False, default=Factory(lambda self: MongoEvents(self.database), takes_self=True))

    @classmethod
    @contextmanager
    def connected(cls, store: OnMongoDB) -> "Iterator[MongoSource]":
        """Give the source; `NotDone` if no Manager of today has brought the database up to date."""
        with mongo.connected(store) as database:
            if mongo.form_of(database, store.shown) != schema.SCHEMA:
                raise NotDone(f"{store.shown} is not in the form of this Manager; start it there once")
            yield cls(database=database, shown=store.shown)

    @property
    def left_out(self) -> int:
        """See `Source`: the original's documents that the Manager left alone."""
        return self._left_out

    def about(self) -> str:
        """See `Source.about`."""
        return self.shown

    def expected(self) -> Mapping[str, int]:
        """See `Source.expected`."""
        return {kind: self.database[name].estimated_document_count() for kind, name in _COUNTS.items()}

    def records(self) -> Iterator[Record]:
        """See `Source.records`."""
        self._left_out, self._acked, self._place, self._under_way = 0, 0, 0, []
        self._events = MongoEvents(self.database)
        yield Mark(value=self._mark())
        workers = [one for one in self._all(worker_documents.WORKERS, {}) if worker_documents.is_usable(one)]
        for document in sorted(workers, key=worker_documents.place):
            self._events.seen_in(document)
            yield worker_documents.worker(document)
        yield from self._tasks()
        yield from self._aside()
        yield from self._queue()
        yield from self._parked()
        yield from self._blacklist()
        yield from self._events.read()
        receipts = max(self._receipts(), self._acked)
        yield Numbers(receipts=receipts, updates=self._place, events=self._events.latest)

    def _mark(self) -> str | None:
        found = self.database[mongo.SETTINGS].find_one({"_id": {"$type": "objectId"}})
        mark = None if found is None else found.get(MARK)
        return mark if isinstance(mark, str) and mark else None

    def _receipts(self) -> int:
        found = self.database[mongo.SETTINGS].find_one({"_id": "receipts"})
        return 0 if found is None else int(found["number"])

    def _tasks(self) -> Iterator[Record]:
        self._left_out += self.database[documents.TASKS].count_documents(schema.FRESH)
        for document in self._all(documents.TASKS, OURS):
            ours = document["mgr"]
            self._events.seen_in(document)
            self._under_way += [update_documents.waiting(one) for one in ours.get("outbox", ())]
            acked = int(ours.get("acked", 0))
            self._acked = max(self._acked, acked)
            yield StoredTask(
                task=documents.task(document),
                commands=to_commands(document.get("commands"), ours.get("commands")),
                held="held" in ours,
                acked=acked,
            )

    def _aside(self) -> Iterator[Record]:
        for document in self._all(SET_ASIDE, {}):
            yield AsideTask(
                task_id=str(document["_id"]),
                reason=document["reason"],
                document=document["document"],
                since=to_time(document["since"]) or 0.0,
            )

    def _queue(self) -> Iterator[Record]:
        """Yield the queue in order, with what was still on its way into it when its task was read."""
        wanted = {one.update.task_id for one in self._under_way}
        waiting = deque(sorted(self._under_way, key=lambda one: (one.order, one.update.id)))
        told: set[str] = set()
        upto: dict[str, int] = {}

        def news(before: int | None) -> Iterator[Waiting]:
            while waiting and (before is None or waiting[0].order <= before):
                one = waiting.popleft()
                if one.update.id not in told and one.order > upto.get(one.update.task_id, 0):
                    yield one

        for document in self._live():
            one = update_documents.waiting(document)
            yield from map(self._waiting, news(one.order - 1))
            if one.update.task_id in wanted:
                told.add(one.update.id)
                if not one.loose:
                    upto[one.update.task_id] = max(one.upto, upto.get(one.update.task_id, 0))
            yield self._waiting(one)
        yield from map(self._waiting, news(None))

    def _live(self) -> Iterator[Document]:
        """Yield what is in the queue and still to be told, as its tasks' documents say."""
        some: list[Document] = []
        for document in self.database[QUEUE].find({"mgr.order": {"$gte": 0}}).sort(_ORDER).batch_size(mongo.AT_ONCE):
            some.append(document)
            if len(some) == mongo.AT_ONCE:
                yield from self._those_alive(some)
                some = []
        yield from self._those_alive(some)

    def _those_alive(self, some: Sequence[Document]) -> Iterator[Document]:
        ids = list({document["task_id"] for document in some})
        found = self.database[documents.TASKS].find({"_id": {"$in": ids}}, _LIVE) if ids else ()
        tasks = {task["_id"]: task.get("mgr", {}) for task in found}
        for document in some:
            ours = tasks.get(document["task_id"])
            if ours is None or is_live(document, ours):
                yield document

    def _waiting(self, one: Waiting) -> WaitingUpdate:
        return WaitingUpdate(
            place=self._next_place(one.order), version=one.version, unhandled=one.unhandled, update=one.update
        )

    def _next_place(self, order: int) -> int:
        """Return an update's order, or a place beyond: two Managers may have given the same one."""
        self._place = max(order, self._place + 1)
        return self._place

    def _parked(self) -> Iterator[Record]:
        latest = 0
        for document in self.database[PARKED].find().sort(_ORDER):
            ours = document["mgr"]
            latest = max(int(ours.get("order", 0)), latest + 1)
            yield RefusedUpdate(
                place=latest,
                reason=ours["reason"],
                since=to_time(ours["since"]) or 0.0,
                update=update_documents.update(document),
            )
        self._place = max(self._place, latest)

    def _blacklist(self) -> Iterator[Record]:
        newest: dict[tuple[str, str, str], BlacklistLine] = {}
        for document in self._all(BLACKLIST, {}):
            self._events.seen_in(document)
            there = line(document)
            if there is None:
                self._left_out += 1
                continue
            of_what = (there.worker_id, there.job, there.task_type)
            if of_what not in newest or newest[of_what].created < there.created:
                newest[of_what] = there
        yield from newest.values()

    def _all(self, collection: str, query: Mapping[str, Any]) -> Iterator[Document]:
        """Yield documents in the order of their ids, so that what is written meanwhile comes at most once."""
        yield from self.database[collection].find(dict(query)).sort(_BY_ID).batch_size(mongo.AT_ONCE)
