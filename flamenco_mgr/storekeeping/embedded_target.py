"""An embedded store that is filled from records: a file that nobody uses yet."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import singledispatchmethod
from pathlib import Path
from typing import Any, Final

from attrs import define
from twisted.internet.task import Clock

from flamenco_mgr.domain.blacklist import BlacklistLine
from flamenco_mgr.domain.workers import Worker
from flamenco_mgr.store.sqlite import SQLiteStore, counts, failures, marks, schema, task_rows, update_rows
from flamenco_mgr.store.sqlite.encoding import from_commands
from flamenco_mgr.store.sqlite.families import OPEN_PARENTS
from flamenco_mgr.storekeeping.progress import IProgress
from flamenco_mgr.storekeeping.records import (
    AsideTask,
    Mark,
    Numbers,
    PastEvent,
    RefusedUpdate,
    Source,
    StoredTask,
    WaitingUpdate,
)
from flamenco_mgr.storekeeping.trouble import BadBackup
from flamenco_mgr.storekeeping.waiting import result_of


def _insert(table: str, columns: str) -> str:
    return f"INSERT INTO {table} ({columns}) VALUES ({', '.join('?' for _ in columns.split(', '))})"  # noqa: S608


_TASK: Final = _insert("tasks", ", ".join((*task_rows.FIELDS, "revision", "held", "acked", "open_parents")))
_COMMANDS: Final = _insert("commands", "task, json")
_PARENT: Final = "INSERT OR IGNORE INTO parents (task, parent) VALUES (?, ?)"
_ASIDE: Final = _insert("set_aside", "task_id, reason, document, since")
_UPDATE: Final = _insert("updates", f"seq, version, unhandled, bytes, {update_rows.COLUMNS}")
_PARKED: Final = _insert("parked_updates", f"seq, reason, since, {update_rows.COLUMNS}")
_BLACKLIST: Final = _insert("blacklist", "worker_id, job, task_type, created")
_EVENT: Final = _insert("events", "place, at, kind, before, after, task, job, worker, text")
_FORGET_GIVEN: Final = "DELETE FROM sqlite_sequence WHERE name = ?"
_GIVEN: Final = _insert("sqlite_sequence", "name, seq")
_COUNT_PARENTS: Final = f"""
    UPDATE tasks SET open_parents = {OPEN_PARENTS} WHERE number IN (SELECT task FROM parents)
"""  # noqa: S608


def fill(path: Path, source: Source, progress: IProgress) -> None:
    """
    Make a store in an empty file, with everything of a source, and derive what follows from it.

    The file is not synced. Raises `BadBackup` if the records contradict each other, and `sqlite3.Error`.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for setting in ("synchronous = OFF", "journal_mode = OFF", "foreign_keys = ON", "cache_size = -64000"):
            connection.execute(f"PRAGMA {setting}")
        schema.upgrade(connection, schema.steps())
        clock = Clock()
        filling = _Filling(connection, SQLiteStore.on(connection, clock), clock)
        progress.begin("filling the embedded store", sum(source.expected().values()))
        try:
            filling.fill(source, progress)
        except sqlite3.IntegrityError as e:
            raise BadBackup(f"{source.about()} contradicts itself: {e}") from e


@define(eq=False)
class _Filling:
    _connection: sqlite3.Connection
    _store: SQLiteStore
    _clock: Clock

    def fill(self, source: Source, progress: IProgress) -> None:
        workers: list[Worker] = []
        with self._transaction():
            for record in source.records():
                if isinstance(record, Worker):
                    workers.append(record)
                else:
                    self._add(record)
                progress.advance()
        for worker in workers:
            result_of(self._clock, self._store.workers.add(worker))
        with self._transaction():
            self._connection.execute(_COUNT_PARENTS)
            for job in list(counts.jobs(self._connection)):
                counts.book(self._connection, counts.wrong(self._connection, job))
        result_of(self._clock, self._store.repair())

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN")
        yield
        self._connection.execute("COMMIT")

    @singledispatchmethod
    def _add(self, record: Any) -> None:
        raise TypeError(f"{record!r} is no record")

    @_add.register
    def _(self, record: Mark) -> None:
        marks.set_mark(self._connection, record.value)

    @_add.register
    def _(self, record: StoredTask) -> None:
        task = record.task
        values = (*task_rows.row(task), task.revision, int(record.held), record.acked, 0)
        number = self._connection.execute(_TASK, values).lastrowid
        self._connection.execute(_COMMANDS, (number, from_commands(record.commands)))
        self._connection.executemany(_PARENT, [(number, parent) for parent in task.parents])
        failures.added(self._connection, task)

    @_add.register
    def _(self, record: AsideTask) -> None:
        self._connection.execute(_ASIDE, (record.task_id, record.reason, record.document, record.since))

    @_add.register
    def _(self, record: WaitingUpdate) -> None:
        row = update_rows.row(record.update)
        values = (record.place, record.version, record.unhandled, update_rows.size(row), *row)
        self._connection.execute(_UPDATE, values)

    @_add.register
    def _(self, record: RefusedUpdate) -> None:
        row = update_rows.row(record.update)
        self._connection.execute(_PARKED, (record.place, record.reason, record.since, *row))

    @_add.register
    def _(self, record: BlacklistLine) -> None:
        values = (record.worker_id, record.job, record.task_type, record.created)
        self._connection.execute(_BLACKLIST, values)

    @_add.register
    def _(self, record: PastEvent) -> None:
        event = record.event
        values = (event.at, event.kind, event.before, event.after, event.task, event.job, event.worker, event.text)
        self._connection.execute(_EVENT, (record.place, *values))

    @_add.register
    def _(self, record: Numbers) -> None:
        marks.set_receipts(self._connection, record.receipts)
        given: Mapping[str, int] = {"updates": record.updates, "events": record.events}
        for table, number in given.items():
            used = self._connection.execute(f"SELECT coalesce(max(rowid), 0) FROM {table}").fetchone()[0]  # noqa: S608
            self._connection.execute(_FORGET_GIVEN, (table,))
            self._connection.execute(_GIVEN, (table, max(number, used)))
