"""The schema, as a series of steps; how far a database has come is its ``user_version``."""

import sqlite3
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

APPLICATION_ID = 0x466C4D67
"""What marks a SQLite file as ours."""


def steps(directory: Path | None = None) -> tuple[str, ...]:
    """Return the scripts ``001.sql``, ``002.sql``, … of a directory (default: the package's own) in order."""
    entries = directory.iterdir() if directory else files(__package__).joinpath("schema").iterdir()
    scripts = {entry.name: entry for entry in entries if entry.name.endswith(".sql")}
    return tuple(scripts[name].read_text(encoding="utf-8") for name in sorted(scripts))


def version(connection: sqlite3.Connection) -> int:
    """Return how many steps a database has taken."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def upgrade(connection: sqlite3.Connection, scripts: Sequence[str]) -> None:
    """Take the steps that a database lacks, each in a transaction of its own."""
    found = version(connection)
    for number, script in enumerate(scripts[found:], found + 1):
        _step(connection, f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;")


def _step(connection: sqlite3.Connection, script: str) -> None:
    try:
        connection.executescript(script)
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
