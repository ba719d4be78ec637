"""The embedded store, on SQLite."""

from flamenco_mgr.store.sqlite.store import SQLiteStore

__all__ = ["SQLiteStore"]
