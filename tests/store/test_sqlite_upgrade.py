"""A database of an earlier version becomes what it would be if it had been made new."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.tasks import FailedBy
from flamenco_mgr.store.interfaces import Import, SetAside
from flamenco_mgr.store.sqlite import SQLiteStore, schema
from flamenco_mgr.store.sqlite.opening import FILE
from tests.builders import JOB, TASK, WORKER, a_task, a_worker, an_update
from tests.store.contract.case import an_id, pumped
from tests.threads import at_once

OTHER_JOB, OTHER_WORKER = an_id(0xB1), an_id(0xA1)


class FilledTests(SynchronousTestCase):
    def test_filled(self) -> None:
        """A database of version 1 with all kinds of rows equals one of now that was filled with the same."""
        new, old = Path(self.mktemp()), Path(self.mktemp())
        self.fill(new)
        old.mkdir()
        self.as_version_1(new / FILE, old / FILE)
        self.close(SQLiteStore.open(old, Clock(), at_once))
        found, wanted = content(old / FILE), content(new / FILE)
        self.assertEqual(found, wanted)
        self.assertEqual(len(found["failures"]), 3)
        self.assertEqual(found["totals"], [("active", 1), ("claimed-by-manager", 1), ("completed", 2), ("failed", 1)])
        self.assertEqual(len(found["counts"]), 5)

    def fill(self, directory: Path) -> None:
        """Make a store with tasks of two jobs, of which some were failed at, a worker and an update."""
        clock = Clock()
        store = SQLiteStore.open(directory, clock, at_once)
        failed = (FailedBy(id=WORKER, identifier="one"), FailedBy(id=OTHER_WORKER))
        tasks = [
            a_task(id=TASK, failed_by=failed, worker_id=WORKER),
            a_task(id=an_id(1), status="active", job=OTHER_JOB, parents=(TASK,), task_type="sleep"),
            a_task(id=an_id(2), status="failed", failed_by=failed[1:], last_updated=5.0),
            a_task(id=an_id(3), status="completed", last_updated=6.0),
            a_task(id=an_id(4), status="completed", task_type="sleep", name="Video"),
        ]
        for work in (
            store.tasks.take_in([Import(before=None, after=task, commands=()) for task in tasks]),
            store.tasks.release(3),
            store.tasks.set_aside([SetAside(task_id=an_id(9), reason="no", document="{}", since=1.0)]),
            store.workers.add(a_worker()),
            store.updates.add(an_update(status="completed")),
            store.mark.set("mark"),
        ):
            self.successResultOf(pumped(clock, work))
        self.assertEqual({task.job for task in tasks}, {JOB, OTHER_JOB})
        self.close(store)

    def as_version_1(self, new: Path, old: Path) -> None:
        """Make a database of version 1 with what another one has, as far as that version had a place for it."""
        with closing(sqlite3.connect(old, isolation_level=None)) as connection:
            schema.upgrade(connection, schema.steps()[:1])
            connection.execute("ATTACH ? AS new", (str(new),))
            for table in tables(connection):
                columns = ", ".join(row[1] for row in connection.execute(f"PRAGMA table_info({table})"))
                connection.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM new.{table}")  # noqa: S608

    def close(self, store: SQLiteStore) -> None:
        self.successResultOf(pumped(Clock(), store.close()))


def tables(connection: sqlite3.Connection) -> list[str]:
    """Return the names of all tables."""
    query = "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    return [name for (name,) in connection.execute(query)]


def content(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table."""
    with closing(sqlite3.connect(path)) as connection:
        return {
            table: sorted(connection.execute(f"SELECT * FROM {table}").fetchall(), key=repr)  # noqa: S608
            for table in tables(connection)
        }
