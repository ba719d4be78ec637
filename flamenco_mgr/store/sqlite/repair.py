"""Derived facts are computed anew: the open parents of each task, and the lanes."""

import sqlite3

from flamenco_mgr.domain.tasks import SCHEDULABLE
from flamenco_mgr.store.sqlite import lanes
from flamenco_mgr.store.sqlite.database import Database
from flamenco_mgr.store.sqlite.families import OPEN_PARENTS

_AT_ONCE = 1000
"""Rows that are looked at in one go; it takes a few milliseconds."""

_STARTABLE = ", ".join(f"'{status}'" for status in sorted(str(status) for status in SCHEDULABLE))

_LAST_TASK = "SELECT coalesce(max(number), 0) FROM tasks"
_LAST_LANE = "SELECT coalesce(max(lane), 0) FROM lanes"
_MISCOUNTED = f"""
    SELECT number, open FROM (
        SELECT number, open_parents, {OPEN_PARENTS} AS open FROM tasks WHERE number > ? AND number <= ?
    ) WHERE open <> open_parents
"""  # noqa: S608 from our own constants
_COUNT = "UPDATE tasks SET open_parents = ?2 WHERE number = ?1"
_WAITING = f"""
    SELECT {lanes.WAITING_COLUMNS} FROM tasks
    WHERE number > ? AND number <= ? AND (
        lane IS NOT NULL OR (status IN ({_STARTABLE}) AND open_parents = 0 AND NOT held))
"""  # noqa: S608
_LANES = "SELECT lane FROM lanes WHERE lane > ? AND lane <= ?"


async def repair(database: Database) -> int:
    """Put everything right in slices, between which requests are served; return how many tasks were wrong."""
    wrong = 0
    for last, put_right in ((_LAST_TASK, _tasks), (_LAST_LANE, _heads)):
        end = await database.read(_number, last)
        for after in range(0, end, _AT_ONCE):
            wrong += await database.write(put_right, after, after + _AT_ONCE)
    return wrong


def _number(connection: sqlite3.Connection, query: str) -> int:
    return int(connection.execute(query).fetchone()[0])


def _tasks(connection: sqlite3.Connection, after: int, upto: int) -> int:
    miscounted = connection.execute(_MISCOUNTED, (after, upto)).fetchall()
    connection.executemany(_COUNT, miscounted)
    misplaced = lanes.misplaced(connection, connection.execute(_WAITING, (after, upto)).fetchall())
    lanes.settle(connection, misplaced)
    return len({task[0] for task in misplaced}.union(number for number, _ in miscounted))


def _heads(connection: sqlite3.Connection, after: int, upto: int) -> int:
    for (lane,) in connection.execute(_LANES, (after, upto)).fetchall():
        lanes.put_head_right(connection, lane)
    return 0
