"""Counts and lists, in SQLite."""

import sqlite3
from collections import Counter
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred
from zope.interface import implementer

from flamenco_mgr.domain.tasks import Task
from flamenco_mgr.store import places
from flamenco_mgr.store.interfaces import IOverview, JobCounts, Page, Place, StatusCounts, TasksAsked
from flamenco_mgr.store.sqlite import counts, task_pages
from flamenco_mgr.store.sqlite.database import Database

_MOST_JOBS = 1000
_MOST_COUNTS = 5000
"""Rows of counts that are looked at for one page."""

_LAST = "\U0010ffff"
_JOBS = "SELECT job, status, tasks FROM counts WHERE job < ? ORDER BY job DESC"
_JOB = "SELECT job, status, tasks FROM counts WHERE job = ?"
_OF_ONE_TASK = "SELECT job_type, job_priority FROM tasks INDEXED BY tasks_of_job WHERE job = ? LIMIT 1"


@implementer(IOverview)
@frozen(eq=False)
class SQLiteOverview:
    """Provides `IOverview`; everything is counted with each change."""

    _database: Database

    def counts(self) -> "Deferred[StatusCounts]":
        """See `IOverview.counts`."""
        return self._database.read(_counts)

    def jobs(self, after: Place | None, limit: int) -> "Deferred[Page[JobCounts]]":
        """See `IOverview.jobs`."""
        return self._database.read(_jobs, after, limit)

    def job(self, job_id: str) -> "Deferred[JobCounts | None]":
        """See `IOverview.job`."""
        return self._database.read(_job, job_id)

    def tasks(self, asked: TasksAsked, after: Place | None, limit: int) -> "Deferred[Page[Task]]":
        """See `IOverview.tasks`."""
        return self._database.read(task_pages.page, asked, after, limit)

    async def recount(self) -> None:
        """See `IOverview.recount`; there is nothing to do."""


def _counts(connection: sqlite3.Connection) -> StatusCounts:
    return StatusCounts(by_status=counts.totals(connection))


def _jobs(connection: sqlite3.Connection, after: Place | None, limit: int) -> Page[JobCounts]:
    limit = max(1, min(limit, _MOST_JOBS))
    position = places.position("jobs", after, 1) or (_LAST,)
    found: dict[str, Counter[str]] = {}
    job = position[0]
    for looked_at, (here, status, tasks) in enumerate(connection.execute(_JOBS, position)):
        if here != job:
            if len(found) == limit or looked_at >= _MOST_COUNTS:
                return Page(items=_described(connection, found), next=places.place("jobs", job))
            job = here
        if tasks > 0:
            found.setdefault(job, Counter())[status] += tasks
    return Page(items=_described(connection, found))


def _job(connection: sqlite3.Connection, job_id: str) -> JobCounts | None:
    by_status: Counter[str] = Counter()
    for _, status, tasks in connection.execute(_JOB, (job_id,)):
        by_status[status] += max(tasks, 0)
    return next(iter(_described(connection, {job_id: +by_status})), None) if +by_status else None


def _described(connection: sqlite3.Connection, found: dict[str, Counter[str]]) -> tuple[JobCounts, ...]:
    return tuple(_with_kind(connection, job, by_status) for job, by_status in found.items())


def _with_kind(connection: sqlite3.Connection, job: str, by_status: Counter[str]) -> JobCounts:
    row: Any = connection.execute(_OF_ONE_TASK, (job,)).fetchone()
    job_type, priority = row or ("", 0)
    return JobCounts(job=job, by_status=dict(by_status), job_type=job_type, job_priority=priority)
