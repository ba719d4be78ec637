"""
Pages of tasks, as operations on the connection.

Each list is walked along one index; what else is asked is looked for in so many rows a page. Its order is that of the
index: the newest first of all tasks and of a worker's, in a job by id, by status the newest job first, and of those
whose name or id begins with something first by id, then by name.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

from flamenco_mgr.domain.tasks import Task
from flamenco_mgr.store import places
from flamenco_mgr.store.interfaces import Page, Place, TasksAsked
from flamenco_mgr.store.sqlite import task_reads

MOST_LOOKED_AT = 1000
"""Rows of tasks for one page."""

_MOST_COUNTS = 5000
"""Rows of counts for one page: they are small."""

_NAME_TOLD = 200
"""Characters of a name in a place, which goes through URLs; the rest of a longer one is read again."""

_LAST = "\U0010ffff"
"""What is after every text that goes on."""

_NAME = "SELECT name FROM tasks WHERE id = ?"
_FACTS = "id, job, status, worker_id, name"
_LIMIT = MOST_LOOKED_AT + 1

_ALL = f"SELECT {_FACTS} FROM tasks WHERE id < ? ORDER BY id DESC LIMIT {_LIMIT}"  # noqa: S608 from our own constants
_OF_WORKER = f"""
    SELECT {_FACTS} FROM tasks INDEXED BY tasks_touched_by
    WHERE worker_id = ? AND id < ? ORDER BY id DESC LIMIT {_LIMIT}
"""  # noqa: S608
_OF_JOB = f"""
    SELECT {_FACTS} FROM tasks INDEXED BY tasks_of_job
    WHERE job = ? AND status = ? AND id > ? ORDER BY id LIMIT ?
"""  # noqa: S608
_STATUSES = "SELECT DISTINCT status FROM counts WHERE job = ?"
_JOBS = f"SELECT job, status, tasks FROM counts WHERE job <= ? ORDER BY job DESC LIMIT {_MOST_COUNTS + 1}"  # noqa: S608
_BY_ID = f"SELECT {_FACTS} FROM tasks WHERE id > ? AND id < ? ORDER BY id LIMIT {_LIMIT}"  # noqa: S608
_IS = f"SELECT {_FACTS} FROM tasks WHERE id = ?"  # noqa: S608
_NAMED = f"""
    SELECT {_FACTS} FROM tasks INDEXED BY tasks_by_name
    WHERE name COLLATE NOCASE = ? AND id > ? ORDER BY id LIMIT {_LIMIT}
"""  # noqa: S608
_NAMED_AFTER = f"""
    SELECT {_FACTS} FROM tasks INDEXED BY tasks_by_name
    WHERE name COLLATE NOCASE > ? AND name COLLATE NOCASE < ? ORDER BY name COLLATE NOCASE, id LIMIT {_LIMIT}
"""  # noqa: S608

_Row = Sequence[Any]


def page(connection: sqlite3.Connection, asked: TasksAsked, after: Place | None, limit: int) -> Page[Task]:
    """Return a page of tasks; ValueError if ``after`` is no place of this list."""
    limit = max(1, min(limit, MOST_LOOKED_AT))
    if asked.begins:
        return _beginning(connection, asked, asked.begins, after, limit)
    if asked.worker_id is not None:
        before = (places.position(asked, after, 1) or (_LAST,))[0]
        rows: Iterable[_Row] = connection.execute(_OF_WORKER, (asked.worker_id, before))
    elif asked.job is not None:
        rows = _of_job(connection, asked.job, asked.status, (places.position(asked, after, 1) or ("",))[0], limit)
    elif asked.status is not None:
        return _of_status(connection, asked, asked.status, after, limit)
    else:
        rows = connection.execute(_ALL, places.position(asked, after, 1) or (_LAST,))
    return _page(connection, asked, rows, limit, place_of=lambda row: places.place(asked, row[0]))


def _of_job(connection: sqlite3.Connection, job: str, status: str | None, after: str, limit: int) -> Iterable[_Row]:
    if status is not None:
        return connection.execute(_OF_JOB, (job, status, after, _LIMIT))
    # In the index they are by status, which changes while somebody turns the pages.
    found: list[_Row] = []
    for (one,) in connection.execute(_STATUSES, (job,)).fetchall():
        found += connection.execute(_OF_JOB, (job, one, after, limit + 1))
    return sorted(found, key=itemgetter(0))[: limit + 1]


def _of_status(
    connection: sqlite3.Connection, asked: TasksAsked, status: str, after: Place | None, limit: int
) -> Page[Task]:
    job, last = places.position(asked, after, 2) or (_LAST, "")
    items: list[Task] = []
    for looked_at, (here, counted, tasks) in enumerate(connection.execute(_JOBS, (job,))):
        if looked_at == _MOST_COUNTS:
            return Page(items=tuple(items), next=places.place(asked, here, ""))
        if counted != status or tasks == 0:
            continue
        beyond = last if here == job else ""
        wanted = limit - len(items)
        rows = connection.execute(_OF_JOB, (here, status, beyond, wanted + 1)).fetchall()
        for row in rows[:wanted]:
            if row[0] > beyond:
                beyond = row[0]
                items += _task(connection, row)
        if len(rows) > wanted:
            return Page(items=tuple(items), next=places.place(asked, here, beyond))
        job, last = here, beyond  # of another type there are none left
    return Page(items=tuple(items))


def _beginning(
    connection: sqlite3.Connection, asked: TasksAsked, begins: str, after: Place | None, limit: int
) -> Page[Task]:
    by_id = begins.lower()
    name, last = places.position(asked, after, 2) or ("", "")
    items: list[Task] = []
    if not name:
        rows = [*(connection.execute(_IS, (by_id,)) if not last else ())]
        rows += connection.execute(_BY_ID, (last or by_id, by_id + _LAST)).fetchall()
        first = _page(connection, asked, rows, limit, place_of=lambda row: places.place(asked, "", row[0]))
        if first.next is not None:
            return first
        items += first.items
        if len(items) == limit:
            return Page(items=tuple(items), next=places.place(asked, begins, ""))
        name, last = begins, ""
    name = _whole_name(connection, name, last)
    of_this_name = connection.execute(_NAMED, (name, last))
    of_later_names = connection.execute(_NAMED_AFTER, (name, begins + _LAST))
    others = _page(
        connection,
        asked,
        chain(of_this_name, of_later_names),
        limit - len(items),
        place_of=lambda row: places.place(asked, row[4][:_NAME_TOLD], row[0]),
        but=lambda row: row[0].startswith(by_id),
    )
    return Page(items=(*items, *others.items), next=others.next)


def _whole_name(connection: sqlite3.Connection, told: str, task: str) -> str:
    """Return the name that a place tells the beginning of; what comes after that, if the task is gone."""
    (name,) = connection.execute(_NAME, (task,)).fetchone() or (told,)
    return str(name) if str(name).startswith(told) else told


def _page(
    connection: sqlite3.Connection,
    asked: TasksAsked,
    rows: Iterable[_Row],
    limit: int,
    *,
    place_of: Callable[[_Row], Place],
    but: Callable[[_Row], bool] = lambda _: False,
) -> Page[Task]:
    items: list[Task] = []
    last: _Row | None = None
    for looked_at, row in enumerate(rows):
        if last is not None and (len(items) == limit or looked_at == MOST_LOOKED_AT):
            return Page(items=tuple(items), next=place_of(last))
        if _is_asked(asked, row) and not but(row):
            items += _task(connection, row)
        last = row
    return Page(items=tuple(items))


def _is_asked(asked: TasksAsked, row: _Row) -> bool:
    _, job, status, worker_id, *_ = row
    return (
        (asked.job is None or job == asked.job)
        and (asked.status is None or status == asked.status)
        and (asked.worker_id is None or worker_id == asked.worker_id)
    )


def _task(connection: sqlite3.Connection, row: _Row) -> Iterable[Task]:
    task = task_reads.get(connection, row[0])
    return () if task is None else (task,)
