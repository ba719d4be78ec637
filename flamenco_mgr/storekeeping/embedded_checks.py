"""An embedded store is examined: what it derives is compared with what it follows from."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Final

from flamenco_mgr.store.sqlite import counts, lanes, schema
from flamenco_mgr.store.sqlite.encoding import to_failed_by
from flamenco_mgr.store.sqlite.families import OPEN_PARENTS
from flamenco_mgr.storekeeping import embedded
from flamenco_mgr.storekeeping.findings import Finding, Topic, counted, damage, some, warning
from flamenco_mgr.storekeeping.stores import Embedded
from flamenco_mgr.storekeeping.trouble import BadBackup

_MISCOUNTED: Final = f"SELECT id FROM tasks WHERE open_parents <> {OPEN_PARENTS}"  # noqa: S608 from our own constants
_PLACED: Final = f"""
    SELECT {lanes.WAITING_COLUMNS} FROM tasks WHERE lane IS NOT NULL OR (open_parents = 0 AND NOT held)
"""  # noqa: S608
_HEADS: Final = """
    SELECT lane FROM lanes
    WHERE head IS NOT (SELECT min(id) FROM tasks INDEXED BY tasks_in_lane WHERE tasks.lane = lanes.lane)
"""
_TOTALS: Final = """
    SELECT count(*) FROM totals
    WHERE tasks <> (SELECT coalesce(sum(tasks), 0) FROM counts WHERE counts.status = totals.status)
"""
_FAILED: Final = "SELECT id, job, task_type, failed_by FROM tasks WHERE failed_by <> ''"
_FAILURES: Final = "SELECT worker_id, job, task_type, task FROM failures"
_ORPHANS: Final = """
    SELECT id FROM tasks INDEXED BY tasks_active
    WHERE status = 'active' AND (worker_id IS NULL OR NOT EXISTS (SELECT 1 FROM workers WHERE id = tasks.worker_id))
    ORDER BY id
"""
_STRAYS: Final = """
    SELECT DISTINCT task_id FROM updates WHERE NOT EXISTS (SELECT 1 FROM tasks WHERE id = updates.task_id)
"""

_REPAIR: Final = "stop the Manager, and say doctor --repair; its next start puts it right as well"


def examine(store: Embedded) -> Iterator[Finding]:
    """Yield what is wrong with a store, in use or not; it is only read."""
    if not _is_there(store):
        yield warning(
            Topic.STORE,
            "missing",
            f"There is no store in {store.directory} yet.",
            "The first start of the Manager makes one; if there was one, see whether database_path is right.",
        )
        return
    try:
        embedded.recognise(store.path)
        with closing(embedded.reading(store.path)) as connection:
            connection.execute("BEGIN")
            yield from _looked_at(store, connection)
    except BadBackup as e:
        yield damage(Topic.STORE, "unreadable", f"{e}.", _RESTORE)
    except (sqlite3.Error, OSError) as e:
        yield damage(Topic.STORE, "unreadable", f"{store.path} cannot be read: {e}.", _RESTORE)


def _is_there(store: Embedded) -> bool:
    try:
        return store.path.exists()
    except OSError:  # whoever opens it is told why that cannot be
        return True


_RESTORE: Final = "Restore a backup of it (flamenco-manager restore), which keeps what is there now."


def _looked_at(store: Embedded, connection: sqlite3.Connection) -> Iterator[Finding]:
    wrong = embedded.integrity(connection)
    if wrong != embedded.WHOLE:
        yield damage(Topic.STORE, "integrity", f"{store.path} is damaged: {wrong}.", _RESTORE)
        return
    if schema.version(connection) < len(schema.steps()):
        yield warning(
            Topic.STORE,
            "version",
            "The store is of an older Manager's, and was only looked at whether it is whole.",
            "The next start brings it up to date; make a backup before.",
        )
        return
    yield from _counted(connection)
    yield from _ordered(connection)
    yield from _claimed(connection)


def _counted(connection: sqlite3.Connection) -> Iterator[Finding]:
    jobs = [job for job in counts.jobs(connection) if counts.wrong(connection, job)]
    totals = connection.execute(_TOTALS).fetchone()[0]
    if jobs or totals:
        of = f"jobs {some(jobs)}" if jobs else "all jobs together"
        text = f"The numbers of tasks that are kept of {of} are wrong."
        yield damage(Topic.COUNTS, "tasks", text, f"Pages show wrong numbers: {_REPAIR}.", mendable=True)
    true = {
        (failed.id, job, task_type, task)
        for task, job, task_type, failed_by in connection.execute(_FAILED)
        for failed in to_failed_by(failed_by)
    }
    if true != set(connection.execute(_FAILURES)):
        text = "The table of who failed at what does not say what the tasks say."
        advice = "Workers may be blacklisted too early or too late: stop the Manager, and say doctor --repair."
        yield damage(Topic.COUNTS, "failures", text, advice, mendable=True)


def _ordered(connection: sqlite3.Connection) -> Iterator[Finding]:
    miscounted = [row[0] for row in connection.execute(_MISCOUNTED)]
    if miscounted:
        many = counted(len(miscounted), "task")
        text = f"{many} wait for another number of parents than they should: {some(miscounted)}."
        yield damage(Topic.ORDER, "parents", text, f"They run too early or never: {_REPAIR}.", mendable=True)
    misplaced = lanes.misplaced(connection, connection.execute(_PLACED))
    heads = connection.execute(_HEADS).fetchall()
    if misplaced or heads:
        text = f"Wrong places in the order of tasks that may run: {len(misplaced) + len(heads)}."
        yield damage(Topic.ORDER, "lanes", text, f"Tasks run too late or never: {_REPAIR}.", mendable=True)


def _claimed(connection: sqlite3.Connection) -> Iterator[Finding]:
    orphans = [row[0] for row in connection.execute(_ORPHANS)]
    if orphans:
        yield orphaned(orphans)
    strays = [row[0] for row in connection.execute(_STRAYS)]
    if strays:
        yield stray(strays)


def orphaned(ids: list[str]) -> Finding:
    """Return the finding of active tasks that no worker has."""
    text = f"Active, but of no worker that is here: {counted(len(ids), 'task')}, {some(ids)}."
    advice = "Nobody does them before they time out: doctor --repair lets others have them."
    return damage(Topic.CLAIMS, "orphans", text, advice, mendable=True)


def stray(ids: list[str]) -> Finding:
    """Return the finding of updates whose tasks are not here."""
    text = f"Updates wait for the Server of {counted(len(ids), 'task')} not here any more: {some(ids)}."
    return warning(Topic.UPDATES, "strays", text, "Nothing has to be done: the Server is told all the same.")
