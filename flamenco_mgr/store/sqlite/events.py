"""The history, as operations on the connection."""

import sqlite3

from flamenco_mgr.domain.events import Event

_RECORD = """
    INSERT INTO events (at, kind, before, after, task, job, worker, text) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""


def record(connection: sqlite3.Connection, event: Event) -> None:
    """Append an event; it is durable with what else is done in the transaction."""
    connection.execute(
        _RECORD, (event.at, event.kind, event.before, event.after, event.task, event.job, event.worker, event.text)
    )
