"""What is in a store, as a value that can be compared."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock

from flamenco_mgr.store.sqlite import SQLiteStore
from flamenco_mgr.store.sqlite.opening import FILE
from flamenco_mgr.storekeeping.waiting import result_of
from tests.powercut.disk import Tree, lay_out
from tests.threads import at_once

Content = dict[str, list[tuple[Any, ...]]]
"""Every row of every table."""


def content(path: Path) -> Content:
    """Return what is in a database; nothing for an empty one."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
        return {name: connection.execute(f"SELECT * FROM {name}").fetchall() for (name,) in tables}  # noqa: S608


def left_in(found: Tree, directory: str, scratch: Path) -> Content:
    """Return what is in the store of a directory in a tree; nothing if there is none yet."""
    files = {name.rpartition("/")[2]: data for name, data in found.items() if name.rpartition("/")[0] == directory}
    stored = {name: data for name, data in files.items() if name.startswith(FILE) and ".before-" not in name}
    if not stored.get(FILE):
        return {}
    lay_out(stored, scratch)
    return content(scratch / FILE)


def opened(directory: Path) -> Content:
    """Return what is in the store of a directory after the Manager has started on it and stopped."""
    clock = Clock()
    store = SQLiteStore.open(directory, clock, at_once)
    result_of(clock, store.repair())
    found = content(directory / FILE)
    result_of(clock, store.close())
    return found


def difference(found: Content, wanted: Content) -> str:
    """Say in a line in what two contents differ."""
    tables = [name for name in sorted({*found, *wanted}) if found.get(name) != wanted.get(name)]
    rows = [f"{name} ({len(found.get(name, []))} rows instead of {len(wanted.get(name, []))})" for name in tables]
    return f"it differs in {', '.join(rows)}" if rows else "it does not differ"
