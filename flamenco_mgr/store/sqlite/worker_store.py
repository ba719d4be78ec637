"""The workers, in SQLite."""

import sqlite3
from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred
from zope.interface import implementer

from flamenco_mgr.domain.events import Event
from flamenco_mgr.domain.workers import Worker
from flamenco_mgr.store.interfaces import IWorkerStore, WorkerBeat, WorkerCounts
from flamenco_mgr.store.sqlite import events
from flamenco_mgr.store.sqlite.database import Database
from flamenco_mgr.store.sqlite.encoding import from_sleep_schedule, from_texts, to_sleep_schedule, to_texts

_FIELDS = (
    "id",
    "hashed_secret",
    "nickname",
    "address",
    "platform",
    "software",
    "supported_task_types",
    "status",
    "status_requested",
    "lazy_status_request",
    "last_activity",
    "current_task",
    "current_task_status",
    "current_task_updated",
    "sleep_schedule",
    "failed_jobs",
    "sick",
)
_COLUMNS = ", ".join((*_FIELDS, "revision"))

_WORKER = f"SELECT {_COLUMNS} FROM workers WHERE id = ?"  # noqa: S608 from our own constants
_ALL = f"SELECT {_COLUMNS} FROM workers ORDER BY number"  # noqa: S608
_ADD = f"""
    INSERT INTO workers ({_COLUMNS}) VALUES ({", ".join("?" for _ in _FIELDS)}, ?) ON CONFLICT DO NOTHING
"""  # noqa: S608
_REVISION = "SELECT revision FROM workers WHERE id = ?"
_UNHEARD = "SELECT 1 FROM workers WHERE id = ? AND last_activity IS ?"
_REMOVE = "DELETE FROM workers WHERE id = ? AND revision = ?"
_COUNT = "SELECT count(*) FROM workers"
_COUNTS = "SELECT status, count(*), total(sick <> '') FROM workers GROUP BY status"
_TASK_TYPES = "SELECT DISTINCT supported_task_types FROM workers"
_BEAT = """
    UPDATE workers SET
        last_activity = CASE WHEN ?1 > coalesce(last_activity, -1e999) THEN ?1 ELSE last_activity END,
        address = coalesce(nullif(?2, ''), address),
        software = coalesce(nullif(?3, ''), software),
        current_task = coalesce(?4, current_task),
        current_task_status = coalesce(nullif(?5, ''), current_task_status),
        current_task_updated =
            CASE WHEN ?6 > coalesce(current_task_updated, -1e999) THEN ?6 ELSE current_task_updated END
    WHERE id = ?7
"""
_PING = """
    UPDATE tasks SET last_worker_ping = ?3
    WHERE id = ?1 AND worker_id = ?2 AND coalesce(last_worker_ping, -1e999) < ?3
"""
_BEATS_AT_ONCE = 200

_TYPES = "task types"
"""The name under which the farm's task types are seen and touched."""


_values = attrgetter(*_FIELDS)

# All workers are read together again and again, and many of them have the same of these.
_types = lru_cache(maxsize=256)(to_texts)
_schedule = lru_cache(maxsize=256)(to_sleep_schedule)


@implementer(IWorkerStore)
@frozen(eq=False)
class SQLiteWorkerStore:
    """Provides `IWorkerStore`."""

    _database: Database

    def add(self, worker: Worker) -> "Deferred[None]":
        """See `IWorkerStore.add`."""
        return self._database.write_some((worker.id, _TYPES), _add, worker)

    def get(self, worker_id: str) -> "Deferred[Worker | None]":
        """See `IWorkerStore.get`."""
        return self._database.read_one(worker_id, _get, worker_id)

    def all(self) -> "Deferred[tuple[Worker, ...]]":
        """See `IWorkerStore.all`."""
        return self._database.read(_all)

    def change(
        self, before: Worker, after: Worker, event: Event | None = None, *, unheard: bool = False
    ) -> "Deferred[bool]":
        """See `IWorkerStore.change`."""
        same_types = before.supported_task_types == after.supported_task_types
        touches = (before.id,) if same_types else (before.id, _TYPES)
        return self._database.write_some(touches, _change, before, after, event, unheard=unheard)

    def remove(self, before: Worker, event: Event | None = None, *, unheard: bool = False) -> "Deferred[bool]":
        """See `IWorkerStore.remove`."""
        return self._database.write_some((before.id, _TYPES), _remove, before, event, unheard=unheard)

    def count(self) -> "Deferred[int]":
        """See `IWorkerStore.count`."""
        return self._database.read(_count)

    def counts(self) -> "Deferred[WorkerCounts]":
        """See `IWorkerStore.counts`."""
        return self._database.read(_counts)

    def task_types(self) -> "Deferred[frozenset[str]]":
        """See `IWorkerStore.task_types`."""
        return self._database.read_one(_TYPES, _task_types)

    async def beat(self, workers: Mapping[str, WorkerBeat], pings: Mapping[str, tuple[str, float]]) -> None:
        """See `IWorkerStore.beat`; done in slices, between which requests are served."""
        beats = list(workers.items())
        for begin in range(0, len(beats), _BEATS_AT_ONCE):
            some = beats[begin : begin + _BEATS_AT_ONCE]
            await self._database.write_some([worker_id for worker_id, _ in some], _beat, some)
        pinged = [(task, worker, time) for task, (worker, time) in pings.items()]
        for begin in range(0, len(pinged), _BEATS_AT_ONCE):
            these = pinged[begin : begin + _BEATS_AT_ONCE]
            await self._database.write_some([task_id for task_id, _, _ in these], _ping, these)


def _row(worker: Worker) -> dict[str, Any]:
    values = dict(zip(_FIELDS, _values(worker), strict=True))
    return values | {
        "supported_task_types": from_texts(worker.supported_task_types),
        "lazy_status_request": int(worker.lazy_status_request),
        "sleep_schedule": from_sleep_schedule(worker.sleep_schedule),
        "failed_jobs": from_texts(worker.failed_jobs),
    }


def _worker(row: tuple[Any, ...]) -> Worker:
    return Worker(
        id=row[0],
        hashed_secret=row[1],
        nickname=row[2],
        address=row[3],
        platform=row[4],
        software=row[5],
        supported_task_types=_types(row[6]),
        status=row[7],
        status_requested=row[8],
        lazy_status_request=bool(row[9]),
        last_activity=row[10],
        current_task=row[11],
        current_task_status=row[12],
        current_task_updated=row[13],
        sleep_schedule=_schedule(row[14]),
        failed_jobs=to_texts(row[15]),
        sick=row[16],
        revision=row[17],
    )


@lru_cache(maxsize=64)
def _change_query(names: tuple[str, ...]) -> str:
    assignments = "".join(f"{name} = ?, " for name in names)
    return f"UPDATE workers SET {assignments}revision = revision + 1 WHERE id = ? AND revision = ?"  # noqa: S608


def _add(connection: sqlite3.Connection, worker: Worker) -> None:
    connection.execute(_ADD, (*_row(worker).values(), worker.revision))


def _get(connection: sqlite3.Connection, worker_id: str) -> Worker | None:
    row = connection.execute(_WORKER, (worker_id,)).fetchone()
    return None if row is None else _worker(row)


def _all(connection: sqlite3.Connection) -> tuple[Worker, ...]:
    return tuple(_worker(row) for row in connection.execute(_ALL))


def _change(
    connection: sqlite3.Connection, before: Worker, after: Worker, event: Event | None, *, unheard: bool
) -> bool:
    if (unheard and _heard_since(connection, before)) or not _changed(connection, before, after):
        return False
    if event is not None:
        events.record(connection, event)
    return True


def _remove(connection: sqlite3.Connection, before: Worker, event: Event | None, *, unheard: bool) -> bool:
    if unheard and _heard_since(connection, before):
        return False
    if connection.execute(_REMOVE, (before.id, before.revision)).rowcount != 1:
        return False
    if event is not None:
        events.record(connection, event)
    return True


def _heard_since(connection: sqlite3.Connection, before: Worker) -> bool:
    return connection.execute(_UNHEARD, (before.id, before.last_activity)).fetchone() is None


def _changed(connection: sqlite3.Connection, before: Worker, after: Worker) -> bool:
    old = _row(before)
    changed = {name: value for name, value in _row(after).items() if value != old[name]}
    if not changed:
        found = connection.execute(_REVISION, (before.id,)).fetchone()
        return found is not None and found[0] == before.revision
    query = _change_query(tuple(changed))
    return connection.execute(query, (*changed.values(), before.id, before.revision)).rowcount == 1


def _count(connection: sqlite3.Connection) -> int:
    return int(connection.execute(_COUNT).fetchone()[0])


def _counts(connection: sqlite3.Connection) -> WorkerCounts:
    rows = connection.execute(_COUNTS).fetchall()
    by_status = {status: count for status, count, _ in rows}
    return WorkerCounts(by_status=by_status, sick=int(sum(sick for *_, sick in rows)))


def _task_types(connection: sqlite3.Connection) -> frozenset[str]:
    return frozenset(name for (types,) in connection.execute(_TASK_TYPES) for name in to_texts(types))


def _beat(connection: sqlite3.Connection, beats: Sequence[tuple[str, WorkerBeat]]) -> None:
    connection.executemany(
        _BEAT,
        [
            (
                beat.last_activity,
                beat.address,
                beat.software,
                beat.current_task,
                beat.current_task_status,
                beat.current_task_updated,
                worker_id,
            )
            for worker_id, beat in beats
        ],
    )


def _ping(connection: sqlite3.Connection, pings: Sequence[tuple[str, str, float]]) -> None:
    connection.executemany(_PING, pings)
