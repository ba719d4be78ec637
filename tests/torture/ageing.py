"""A store of today becomes one of version 1, as far as that had a place for what is in it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from flamenco_mgr.store.sqlite import schema
from flamenco_mgr.store.sqlite.opening import FILE


def age(directory: Path) -> None:
    """Replace a store, which nobody uses, by one of version 1."""
    path, old = directory / FILE, directory / "old.sqlite3"
    old.unlink(missing_ok=True)
    with closing(sqlite3.connect(old, isolation_level=None)) as connection:
        schema.upgrade(connection, schema.steps()[:1])
        connection.execute("ATTACH ? AS new", (str(path),))
        connection.execute("BEGIN")
        for table in _tables(connection):
            columns = ", ".join(row[1] for row in connection.execute(f"PRAGMA table_info({table})"))
            connection.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM new.{table}")  # noqa: S608
        connection.execute("COMMIT")
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    old.rename(path)


def _tables(connection: sqlite3.Connection) -> list[str]:
    query = "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    return [name for (name,) in connection.execute(query)]
