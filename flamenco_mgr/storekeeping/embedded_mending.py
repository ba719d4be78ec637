"""What is wrong with an embedded store is put right, while no Manager uses it."""

import sqlite3
from contextlib import closing
from typing import Final

from bson import ObjectId
from twisted.internet.task import Clock

from flamenco_mgr.domain.assigning import taken_back
from flamenco_mgr.domain.tasks import Task
from flamenco_mgr.store.sqlite import SQLiteStore, counts
from flamenco_mgr.store.sqlite.opening import connect
from flamenco_mgr.storekeeping import embedded
from flamenco_mgr.storekeeping.stores import Embedded
from flamenco_mgr.storekeeping.trouble import NotDone
from flamenco_mgr.storekeeping.waiting import result_of

REASON: Final = "no such worker is here"
"""Why a task is taken back that nobody has."""

_AT_ONCE: Final = 200

_FAILURES: Final = """
    INSERT OR IGNORE INTO failures
    SELECT json_extract(failed.value, '$[0]'), tasks.job, tasks.task_type, tasks.id
    FROM tasks, json_each(tasks.failed_by) AS failed WHERE tasks.failed_by <> ''
"""
_TOTALS: Final = "INSERT INTO totals SELECT status, sum(tasks) FROM counts GROUP BY status"


def mend(store: Embedded, now: float) -> None:
    """Derive anew what a store derives, and let others have tasks that nobody has; `NotDone` if a Manager runs."""
    with embedded.without_manager(store.directory):
        try:
            with closing(connect(store.path)) as connection:
                put_right(connection, now)
        except sqlite3.Error as e:
            raise NotDone(f"{store.path} cannot be mended: {e}") from e


def put_right(connection: sqlite3.Connection, now: float) -> None:
    """Do so on a connection; raises `sqlite3.Error`."""
    connection.execute("BEGIN IMMEDIATE")
    for job in list(counts.jobs(connection)):
        counts.book(connection, counts.wrong(connection, job))
    connection.execute("DELETE FROM totals")
    connection.execute(_TOTALS)
    connection.execute("DELETE FROM failures")
    connection.execute(_FAILURES)
    connection.execute("COMMIT")
    clock = Clock()
    store = SQLiteStore.on(connection, clock)
    result_of(clock, store.repair())
    free_orphans(store, clock, now)


def free_orphans(store: SQLiteStore, clock: Clock, now: float) -> int:
    """Let others have the tasks that are active, but of no worker that is here; return how many there were."""
    workers = {worker.id for worker in result_of(clock, store.workers.all())}
    freed, after = 0, ""
    while some := result_of(clock, store.tasks.active(after, _AT_ONCE)):
        for task in some:
            if task.worker_id not in workers:
                freed += _free(store, clock, task, now)
        after = some[-1].id
    return freed


def _free(store: SQLiteStore, clock: Clock, task: Task, now: float) -> bool:
    holder = f"worker {task.worker or task.worker_id or 'nobody'}"
    transition = taken_back(task, holder, REASON, now=now, update_id=str(ObjectId()))
    return transition is not None and result_of(clock, store.tasks.apply(transition))
