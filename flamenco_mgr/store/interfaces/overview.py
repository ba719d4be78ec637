"""What people and scripts ask about the farm as a whole, answered from indexes however many tasks there are."""

from collections.abc import Awaitable, Mapping
from typing import Generic, TypeVar

from attrs import field, frozen
from zope.interface import Interface

from flamenco_mgr.domain.tasks import Task

T = TypeVar("T")

Place = tuple[str, ...]
"""Where the next page of a list begins; its texts mean something to the list that they come from only."""


@frozen(kw_only=True)
class Page(Generic[T]):
    """
    Some items of a list, and where it goes on; ``next`` is None when that was all.

    ``reached`` is how far the page came in a list that grows at its end (the event log, oldest first): whoever follows
    it goes on there when ``next`` is None. It is None for other lists, and as long as nothing was ever there.
    """

    items: tuple[T, ...] = ()
    next: Place | None = None
    reached: Place | None = None


@frozen(kw_only=True)
class StatusCounts:
    """How many tasks there are by status, without zeros; ``age``: how many seconds ago they were counted, 0 for now."""

    by_status: Mapping[str, int] = field(factory=dict)
    age: float = 0.0


@frozen(kw_only=True)
class JobCounts:
    """A job with the numbers of its tasks by status; type and priority are those of one of its tasks."""

    job: str
    by_status: Mapping[str, int]
    job_type: str = ""
    job_priority: int = 0
    age: float = 0.0


@frozen(kw_only=True)
class TasksAsked:
    """Which tasks somebody wants; those conditions that are given hold together. ``begins``: of the name or the id."""

    job: str | None = None
    status: str | None = None
    worker_id: str | None = None
    begins: str | None = None


class IOverview(Interface):
    """Counts and lists."""

    def counts() -> Awaitable[StatusCounts]:
        """Return how many tasks there are by status."""

    def jobs(after: Place | None, limit: int) -> Awaitable[Page[JobCounts]]:
        """Return a page of `JobCounts`, the newest job first (by id); ValueError if ``after`` is no place of it."""

    def job(job_id: str) -> Awaitable[JobCounts | None]:
        """Return a job, None if no task of it is here."""

    def tasks(asked: TasksAsked, after: Place | None, limit: int) -> Awaitable[Page[Task]]:
        """
        Return a page of tasks, in an order that depends on what is asked, at most so many.

        A page may be shorter than ``limit``, even empty, though there are more: the work for one page is bounded.
        Raises ValueError if ``after`` is no place of this list.
        """

    def recount() -> Awaitable[None]:
        """Count anew what is not counted with each change; called now and then where the lease is."""
