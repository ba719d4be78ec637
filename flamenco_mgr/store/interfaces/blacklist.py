"""Which worker is not given which kind of task any more."""

from collections.abc import Awaitable, Collection

from zope.interface import Interface

from flamenco_mgr.domain.blacklist import BlacklistLine
from flamenco_mgr.domain.events import Event
from flamenco_mgr.store.interfaces.overview import Page, Place


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

    def page(since: float, after: Place | None, limit: int) -> Awaitable[Page[BlacklistLine]]:
        """
        Return a page of these lines; of one instant they are in the order of worker, job and task type.

        If the line is gone behind which it begins, lines of the same instant, worker and job may come once more. Raises
        ValueError if ``after`` is a place of another list.
        """

    def of_workers(worker_ids: Collection[str], since: float) -> Awaitable[tuple[BlacklistLine, ...]]:
        """Return the lines of some workers that were added at or after ``since``, in the same order."""

    def expire(before: float) -> Awaitable[int]:
        """Forget the lines that were added before that instant; return how many there were."""
