"""Counts and lists, in MongoDB."""

from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from flamenco_mgr.domain.tasks import Task
from flamenco_mgr.store import places
from flamenco_mgr.store.interfaces import IOverview, JobCounts, Page, Place, StatusCounts, TasksAsked
from flamenco_mgr.store.mongo import counting, list_queries, queries
from flamenco_mgr.store.mongo.collection import Collection
from flamenco_mgr.store.mongo.counting import Counting
from flamenco_mgr.store.mongo.encoding import Document
from flamenco_mgr.store.mongo.task_pages import TaskPages

_MOST_JOBS = 1000

_LOOK_EVERY = 5.0
"""Seconds after which it is looked whether somebody has counted anew, so that the age of the numbers is known."""


@implementer(IOverview)
@define(eq=False, kw_only=True)
class MongoOverview:
    """
    Provides `IOverview`.

    The age of numbers is how long they have been known here, by our own clock, and how long it took to count them: no
    two machines' clocks are compared.
    """

    counted: Collection
    settings: Collection
    counting: Counting
    pages: TaskPages
    clock: IReactorTime
    _number: int | None = field(init=False, default=None)
    _since: float = field(init=False, default=0.0)
    _looked: float | None = field(init=False, default=None)

    async def counts(self) -> StatusCounts:
        """See `IOverview.counts`."""
        found = await self._look()
        return StatusCounts(by_status=counting.by_status(found.get("totals", ())), age=self._age(found))

    async def jobs(self, after: Place | None, limit: int) -> Page[JobCounts]:
        """See `IOverview.jobs`."""
        limit = max(1, min(limit, _MOST_JOBS))
        position = places.position("jobs", after, 1)
        age = self._age(await self._look())
        found = await self.counted.find(
            list_queries.counted_before(None if position is None else position[0], limit + 1)
        )
        jobs = tuple(_job(one, age) for one in found[:limit])
        return Page(items=jobs, next=places.place("jobs", jobs[-1].job) if len(found) > limit else None)

    async def job(self, job_id: str) -> JobCounts | None:
        """See `IOverview.job`."""
        age = self._age(await self._look())
        found = await self.counted.one(queries.by_id(job_id))
        return None if found is None else _job(found, age)

    async def tasks(self, asked: TasksAsked, after: Place | None, limit: int) -> Page[Task]:
        """See `IOverview.tasks`."""
        statuses: frozenset[str] = frozenset()
        if asked.job is not None:
            found = await self.counted.one(queries.by_id(asked.job))
            statuses = frozenset(counting.by_status(found["by_status"]) if found else ())
        return await self.pages.page(asked, after, limit, statuses)

    async def recount(self) -> None:
        """See `IOverview.recount`."""
        await self.counting.recount()
        await self._look()

    async def watch(self) -> None:
        """Look now and then whether somebody has counted; called about once a second."""
        if self._looked is None or self.clock.seconds() - self._looked >= _LOOK_EVERY:
            await self._look()

    async def _look(self) -> Document:
        found: Document = await self.settings.one(queries.by_id(counting.DOCUMENT)) or {}
        self._looked = self.clock.seconds()
        number: Any = found.get("number", 0)
        if number != self._number:
            self._number, self._since = number, self._looked
        return found

    def _age(self, found: Document) -> float:
        return self.clock.seconds() - self._since + float(found.get("took", 0.0))


def _job(document: Document, age: float) -> JobCounts:
    return JobCounts(
        job=str(document["_id"]),
        by_status=counting.by_status(document["by_status"]),
        job_type=document.get("job_type", ""),
        job_priority=int(document.get("job_priority", 0)),
        age=age,
    )
