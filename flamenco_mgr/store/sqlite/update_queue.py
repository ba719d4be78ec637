"""What the Server has yet to hear, in SQLite."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

from attrs import field, frozen
from twisted.internet.defer import Deferred
from zope.interface import implementer

from flamenco_mgr.domain.events import Event
from flamenco_mgr.domain.updates import QueuedUpdate, TaskUpdate
from flamenco_mgr.store.interfaces import TAKEN_FOR, Backlog, IUpdateQueue, Page, ParkedUpdate, Place
from flamenco_mgr.store.sqlite import marks, queue, update_lists
from flamenco_mgr.store.sqlite.database import Database
from flamenco_mgr.store.sqlite.tally import Tally
from flamenco_mgr.store.sqlite.task_reads import FINAL
from flamenco_mgr.store.sqlite.update_rows import COLUMNS, WIDTH, update

_OLDEST = f"""
    SELECT {COLUMNS}, seq, version, unhandled, bytes,
        (SELECT status FROM tasks WHERE id = updates.task_id),
        EXISTS (
            SELECT 1 FROM updates AS other INDEXED BY updates_of_task
            WHERE other.task_id = updates.task_id AND other.status IN ({FINAL})
        )
    FROM updates WHERE seq > ? ORDER BY seq LIMIT ?
"""  # noqa: S608 from our own constants
_HANDLED = "DELETE FROM updates WHERE id = ? AND version = ?"
_ACKNOWLEDGED = "UPDATE tasks SET acked = ? WHERE id = ?"
_UNHANDLED = "UPDATE updates SET unhandled = unhandled + 1 WHERE id = ?"
_PARK = f"""
    INSERT INTO parked_updates (seq, reason, since, {COLUMNS}) SELECT seq, ?, ?, {COLUMNS} FROM updates WHERE id = ?
"""  # noqa: S608
_REMOVE = "DELETE FROM updates WHERE id = ?"
_PARKED = f"SELECT {COLUMNS}, reason, since FROM parked_updates ORDER BY seq"  # noqa: S608
_COUNT = "SELECT count(*) FROM updates"
_ALL = f"SELECT {COLUMNS} FROM updates ORDER BY seq"  # noqa: S608

_AT_ONCE = 200

_RECEIPTS = "receipts"
"""The name under which the number of the latest receipt is seen and touched."""


@implementer(IUpdateQueue)
@frozen(eq=False)
class SQLiteUpdateQueue:
    """
    Provides `IUpdateQueue`; how many wait is the database's tally.

    Who has taken a parked update, and when, is kept in memory: there is one Manager, and what was begun ends with it.
    """

    _database: Database
    _taken: dict[str, tuple[str, float]] = field(init=False, factory=dict)

    def waiting(self) -> "Deferred[int]":
        """See `IUpdateQueue.waiting`."""
        return self._database.read(lambda _: self._database.tally.value)

    async def oldest(self, max_count: int, max_bytes: int) -> tuple[QueuedUpdate, ...]:
        """See `IUpdateQueue.oldest`; done in slices, between which requests are served."""
        found: list[QueuedUpdate] = []
        total = 0
        while True:
            wanted = min(_AT_ONCE, max_count - len(found)) if max_count else _AT_ONCE
            after = found[-1].sequence if found else 0
            for queued, size in await self._database.read(_oldest, after, wanted):
                total += size
                if found and total > max_bytes:
                    return tuple(found)
                found.append(queued)
                wanted -= 1
            if wanted or len(found) == max_count:
                return tuple(found)
            await self._database.breathe()

    def add(self, update: TaskUpdate, event: Event | None = None) -> "Deferred[None]":
        """See `IUpdateQueue.add`."""
        return self._database.write_some((), queue.append, self._database.tally, update, event)

    async def handled(self, updates: Sequence[QueuedUpdate]) -> None:
        """See `IUpdateQueue.handled`; done in slices, each of which is a receipt of its own."""
        for begin in range(0, len(updates), _AT_ONCE):
            await self._database.write_some(
                (_RECEIPTS,), _handled, self._database.tally, updates[begin : begin + _AT_ONCE]
            )

    def unhandled(self, updates: Sequence[QueuedUpdate]) -> "Deferred[None]":
        """See `IUpdateQueue.unhandled`."""
        return self._database.write_some((), _unhandled, updates)

    def park(self, update: QueuedUpdate, reason: str, now: float) -> "Deferred[None]":
        """See `IUpdateQueue.park`; later words that were merged into the update go with it."""
        return self._database.write_some((), _park, self._database.tally, update, reason, now)

    def parked(self) -> "Deferred[tuple[ParkedUpdate, ...]]":
        """See `IUpdateQueue.parked`."""
        return self._database.read(_parked)

    def backlog(self) -> "Deferred[Backlog]":
        """See `IUpdateQueue.backlog`."""
        return self._database.read(lambda connection: update_lists.backlog(connection, self._database.tally.value))

    def waiting_page(self, task_id: str | None, after: Place | None, limit: int) -> "Deferred[Page[QueuedUpdate]]":
        """See `IUpdateQueue.waiting_page`."""
        return self._database.read(update_lists.waiting_page, task_id, after, limit)

    def parked_page(self, after: Place | None, limit: int) -> "Deferred[Page[ParkedUpdate]]":
        """See `IUpdateQueue.parked_page`."""
        return self._database.read(update_lists.parked_page, after, limit)

    def parked_one(self, update_id: str) -> "Deferred[ParkedUpdate | None]":
        """See `IUpdateQueue.parked_one`."""
        return self._database.read(update_lists.parked_one, update_id)

    async def take_parked(self, update_id: str, taker: str, now: float) -> bool:
        """See `IUpdateQueue.take_parked`."""
        if await self.parked_one(update_id) is None:
            return False
        for other, (_, since) in list(self._taken.items()):
            if now - since >= TAKEN_FOR:
                del self._taken[other]
        if self._taken.get(update_id, (taker, now))[0] != taker:
            return False
        self._taken[update_id] = taker, now
        return True

    def drop_parked(self, update_id: str, event: Event | None = None) -> "Deferred[bool]":
        """See `IUpdateQueue.drop_parked`."""
        return self._database.write_some((), update_lists.drop_parked, update_id, event)

    def receipts(self) -> "Deferred[int]":
        """See `IUpdateQueue.receipts`."""
        return self._database.read_one(_RECEIPTS, marks.receipts)

    def purge(self, export: Callable[[TaskUpdate | None], None] | None) -> "Deferred[int]":
        """See `IUpdateQueue.purge`."""
        return self._database.write(_purge, self._database.tally, export)


def count(connection: sqlite3.Connection) -> int:
    """Return how many updates wait: where the tally begins."""
    return int(connection.execute(_COUNT).fetchone()[0])


def _oldest(connection: sqlite3.Connection, after: int, limit: int) -> list[tuple[QueuedUpdate, int]]:
    return [_queued(row) for row in connection.execute(_OLDEST, (after, limit))]


def _queued(row: tuple[Any, ...]) -> tuple[QueuedUpdate, int]:
    sequence, version, unhandled, size, local_status, final_waits = row[WIDTH:]
    queued = QueuedUpdate(
        sequence=sequence,
        version=version,
        update=update(row),
        unhandled=unhandled,
        local_status=local_status,
        final_waits=bool(final_waits),
    )
    return queued, size


def _handled(connection: sqlite3.Connection, tally: Tally, updates: Sequence[QueuedUpdate]) -> None:
    receipt = marks.new_receipt(connection)
    gone = connection.executemany(_HANDLED, [(queued.update.id, queued.version) for queued in updates])
    tally.value -= gone.rowcount
    tasks = {queued.update.task_id for queued in updates}
    connection.executemany(_ACKNOWLEDGED, [(receipt, task_id) for task_id in tasks])


def _unhandled(connection: sqlite3.Connection, updates: Sequence[QueuedUpdate]) -> None:
    connection.executemany(_UNHANDLED, [(queued.update.id,) for queued in updates])


def _park(connection: sqlite3.Connection, tally: Tally, update: QueuedUpdate, reason: str, now: float) -> None:
    connection.execute(_PARK, (reason, now, update.update.id))
    tally.value -= connection.execute(_REMOVE, (update.update.id,)).rowcount


def _parked(connection: sqlite3.Connection) -> tuple[ParkedUpdate, ...]:
    return tuple(map(update_lists.parked, connection.execute(_PARKED)))


def _purge(connection: sqlite3.Connection, tally: Tally, export: Callable[[TaskUpdate | None], None] | None) -> int:
    if export is not None:
        for row in connection.execute(_ALL):
            export(update(row))
        export(None)
    removed = connection.execute("DELETE FROM updates").rowcount
    tally.value -= removed
    return removed
