"""Which tasks a Manager gets when it asks (server-api.md 3.2, 12.3)."""

import heapq
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from flamenco_mgr.demo.standin.books import Books
from flamenco_mgr.demo.standin.statuses import HANDED_OUT_JOBS, ON_CLEAN_SLATE, WHEN_NEWER, TaskStatus


@frozen(kw_only=True)
class HandedOut:
    """Tasks as they were when they were handed out; ``newest`` is the latest ``_updated``, 0 if there are none."""

    documents: Sequence[Mapping[str, Any]]
    newest: int


def depsgraph(books: Books, manager_id: str, since: int | None) -> HandedOut | None:
    """
    Hand out what is runnable and, if ``since`` (microseconds since 1970) is given, newer than that.

    None means that there is no runnable job at all.
    """
    jobs = [job for job in books.jobs() if job.manager == manager_id and job.status in HANDED_OUT_JOBS]
    if not jobs:
        return None
    wanted = ON_CLEAN_SLATE if since is None else WHEN_NEWER
    after = -1 if since is None else since
    found = [
        task
        for job in jobs
        if since is None or job.newest * 1000 > since
        for task in job.tasks.values()
        if task.status in wanted and (since is None or task.updated * 1000 > after)
    ]
    books.claim(found)
    return HandedOut(
        documents=[task.document for task in found], newest=max((task.updated for task in found), default=0)
    )


def chunk(books: Books, manager_id: str, size: int, job_type: str | None) -> Sequence[Mapping[str, Any]]:
    """Hand out up to ``size`` queued tasks, the highest priority first, whatever their parents are."""
    queued = (
        task
        for job in books.jobs()
        if job.manager == manager_id and job.status in HANDED_OUT_JOBS and job.counts[TaskStatus.QUEUED]
        for task in job.tasks.values()
        if task.status == TaskStatus.QUEUED and job_type in (None, task.document["job_type"])
    )
    found = heapq.nsmallest(size, queued, key=lambda task: -task.document["priority"])
    books.claim(found)
    return [task.document for task in found]
