"""The blacklist: a worker that failed too often at a kind of task is not given it for a while (task-lifecycle.md 8)."""

from attrs import frozen

EXPIRES_AFTER = 7 * 24 * 3600.0
"""Seconds after which a line of the blacklist is void."""


@frozen(kw_only=True)
class BlacklistLine:
    """One worker is not given tasks of one type of one job; ``created`` is in seconds since 1970, UTC."""

    worker_id: str
    job: str
    task_type: str
    created: float
