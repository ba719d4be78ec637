"""Which worker is not given which kind of task any more."""

from collections.abc import Awaitable

from zope.interface import Interface

from flamenco_mgr.domain.blacklist import BlacklistLine
from flamenco_mgr.domain.events import Event


class IBlacklist(Interface):
    """
    The lines of the blacklist; there is at most one for a worker, a job and a task type (task-lifecycle.md 8).

    What another process has changed of it may be unknown here for up to a second.
    """

    def add(line: BlacklistLine, event: Event | None = None) -> Awaitable[bool]:
        """Add a line, and record that; False if there is one, which stays as it is, unless that has expired."""

    def remove(worker_id: str, job: str, task_type: str, event: Event | None = None) -> Awaitable[bool]:
        """Remove a line, and record that; False if there is none."""

    def lines(since: float) -> Awaitable[tuple[BlacklistLine, ...]]:
        """Return the lines that were added at or after ``since`` (seconds since 1970, UTC), the oldest first."""

    def expire(before: float) -> Awaitable[int]:
        """Forget the lines that were added before that instant; return how many there were."""
