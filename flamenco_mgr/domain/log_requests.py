"""The Server wants to have a task's log (server-api.md 7)."""

from attrs import frozen

FIRST_RETRY = 60.0
LONGEST_RETRY = 3600.0
"""Seconds from a failed upload of a log to the next try (server-api.md 17.13)."""

SLOWEST = 64 << 10
"""Bytes a second that an upload may be expected to have at the least."""

SHORTEST_TIME = 120.0
"""Seconds for the smallest of uploads."""


@frozen(kw_only=True, order=True)
class LogRequest:
    """Whose log is wanted; both are ids, and the file's place follows from them alone."""

    job: str
    task: str


def retry_after(failures: int) -> float:
    """Return how many seconds after the last of so many failures in a row the log is tried again."""
    if failures <= 0:
        return 0.0
    return float(min(FIRST_RETRY * 2 ** min(failures - 1, 20), LONGEST_RETRY))


def upload_time(size: int) -> float:
    """Return how many seconds an upload of so many bytes is given."""
    return SHORTEST_TIME + size / SLOWEST
