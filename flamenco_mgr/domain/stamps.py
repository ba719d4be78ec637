"""Instants as texts; an instant is a float of seconds since 1970, UTC."""

from datetime import datetime, timezone
from functools import lru_cache


def log_stamp(now: float) -> str:
    """Return the stamp that begins a line which the Manager writes into a task's log: ``2019-11-12T13:57:12+0000``."""
    return _log_stamp(int(now))


@lru_cache(maxsize=2)  # many lines are of the same second
def _log_stamp(second: int) -> str:
    return datetime.fromtimestamp(second, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S%z")


@lru_cache(maxsize=4096)  # a list of a thousand workers has two each, and is asked for again and again
def iso_milliseconds(now: float) -> str:
    """Return an instant as the Server is told it: UTC, milliseconds, ``Z`` (server-api.md 5.2)."""
    return datetime.fromtimestamp(now, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_seconds(now: float) -> str:
    """Return an instant as people and scripts are told it: UTC, seconds, ``Z`` (RFC 3339)."""
    return datetime.fromtimestamp(now, timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
