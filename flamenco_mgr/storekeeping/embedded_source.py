"""Everything in an embedded store, as records."""

import sqlite3
from collections.abc import Iterator, Mapping
from typing import Final

from attrs import frozen
from twisted.internet.task import Clock

from flamenco_mgr.domain.blacklist import BlacklistLine
from flamenco_mgr.domain.events import Event
from flamenco_mgr.domain.workers import Worker
from flamenco_mgr.store.sqlite import SQLiteStore, marks, schema, task_rows, update_rows
from flamenco_mgr.store.sqlite.encoding import to_commands
from flamenco_mgr.storekeeping.records import (
    AsideTask,
    Mark,
    Numbers,
    PastEvent,
    Record,
    RefusedUpdate,
    StoredTask,
    WaitingUpdate,
)
from flamenco_mgr.storekeeping.trouble import BadBackup, NotDone
from flamenco_mgr.storekeeping.waiting import result_of

UNREADABLE: Final = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What reading a column raises that somebody else has written; SQLite itself finds nothing wrong with it."""

_COUNTS: Final[Mapping[str, str]] = {
    "worker": "workers",
    "task": "tasks",
    "aside": "set_aside",
    "update": "updates",
    "parked": "parked_updates",
    "blacklist": "blacklist",
    "event": "events",
}
"""The table of each kind."""

_TASKS: Final = f"""
    SELECT {task_rows.COLUMNS}, json, held, acked FROM tasks LEFT JOIN commands ON commands.task = tasks.number
    ORDER BY number
"""  # noqa: S608 from our own constants
_ASIDE: Final = "SELECT task_id, reason, document, since FROM set_aside ORDER BY since, task_id"
_UPDATES: Final = f"SELECT {update_rows.COLUMNS}, seq, version, unhandled FROM updates ORDER BY seq"  # noqa: S608
_PARKED: Final = f"SELECT {update_rows.COLUMNS}, seq, reason, since FROM parked_updates ORDER BY seq"  # noqa: S608
_BLACKLIST: Final = "SELECT worker_id, job, task_type, created FROM blacklist ORDER BY created"
_EVENTS: Final = "SELECT place, at, kind, before, after, task, job, worker, text FROM events ORDER BY place"
_GIVEN: Final = "SELECT max(seq) FROM (SELECT seq FROM sqlite_sequence WHERE name = ? UNION ALL SELECT 0)"
_GIVEN_PARKED: Final = "SELECT coalesce(max(seq), 0) FROM parked_updates"


@frozen(eq=False)
class EmbeddedSource:
    """Provides `Source` on a connection to a store that is up to date, and that nobody changes meanwhile."""

    _shown: str
    _connection: sqlite3.Connection

    @classmethod
    def of(cls, connection: sqlite3.Connection, shown: str) -> "EmbeddedSource":
        """Return the source, as people call it; `NotDone` if the store is not of today's version."""
        found, known = schema.version(connection), len(schema.steps())
        if found != known:
            older = "an older" if found < known else "a newer"
            raise NotDone(f"{shown} was made by {older} Manager; start this Manager, or that one, on it once")
        return cls(shown, connection)

    @property
    def left_out(self) -> int:
        """See `Source`: the embedded store takes in nothing that makes no sense."""
        return 0

    def about(self) -> str:
        """See `Source.about`."""
        return self._shown

    def expected(self) -> Mapping[str, int]:
        """See `Source.expected`."""
        return {
            kind: self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
            for kind, table in _COUNTS.items()
        }

    def records(self) -> Iterator[Record]:
        """See `Source.records`; raises `BadBackup` for a column that no Manager has written so."""
        try:
            yield from self._all()
        except UNREADABLE as e:
            raise BadBackup(f"{self._shown} holds what no Manager has written: {e}") from e

    def _all(self) -> Iterator[Record]:
        yield Mark(value=marks.mark(self._connection))
        yield from self._workers()
        yield from self._tasks()
        yield from self._queue()
        for worker_id, job, task_type, created in self._connection.execute(_BLACKLIST):
            yield BlacklistLine(worker_id=worker_id, job=job, task_type=task_type, created=created)
        for place, at, kind, before, after, task, job, worker, text in self._connection.execute(_EVENTS):
            event = Event(at=at, kind=kind, before=before, after=after, task=task, job=job, worker=worker, text=text)
            yield PastEvent(place=place, event=event)
        yield Numbers(
            receipts=marks.receipts(self._connection),
            updates=max(self._given("updates"), self._connection.execute(_GIVEN_PARKED).fetchone()[0]),
            events=self._given("events"),
        )

    def _workers(self) -> tuple[Worker, ...]:
        clock = Clock()
        return result_of(clock, SQLiteStore.on(self._connection, clock).workers.all())

    def _tasks(self) -> Iterator[Record]:
        for row in self._connection.execute(_TASKS):
            commands, held, acked = row[task_rows.LAST :]
            yield StoredTask(
                task=task_rows.task(row),
                commands=to_commands(commands) if commands else (),
                held=bool(held),
                acked=acked,
            )
        for task_id, reason, document, since in self._connection.execute(_ASIDE):
            yield AsideTask(task_id=task_id, reason=reason, document=document, since=since)

    def _queue(self) -> Iterator[Record]:
        width = update_rows.WIDTH
        for row in self._connection.execute(_UPDATES):
            place, version, unhandled = row[width:]
            yield WaitingUpdate(place=place, version=version, unhandled=unhandled, update=update_rows.update(row))
        for row in self._connection.execute(_PARKED):
            place, reason, since = row[width:]
            yield RefusedUpdate(place=place, reason=reason, since=since, update=update_rows.update(row))

    def _given(self, table: str) -> int:
        return int(self._connection.execute(_GIVEN, (table,)).fetchone()[0])
