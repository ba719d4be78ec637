"""What people and scripts look at, beyond the report of the whole farm."""

from attrs import frozen

from flamenco_mgr.domain.blacklist import EXPIRES_AFTER, BlacklistLine
from flamenco_mgr.domain.tasks import Command, Task
from flamenco_mgr.domain.updates import QueuedUpdate
from flamenco_mgr.farm.refusals import NotHere
from flamenco_mgr.store.interfaces import (
    EventsAsked,
    IStore,
    JobCounts,
    Page,
    ParkedUpdate,
    Place,
    RecordedEvent,
    TasksAsked,
)

LATEST_EVENTS = 50
"""Events that are told with a task."""

_WAITING = 100
"""Updates that are told with a task."""


@frozen(kw_only=True)
class WholeTask:
    """All that is known of a task: what it does, what the Server has yet to hear, and what happened, newest first."""

    task: Task
    commands: tuple[Command, ...]
    updates: Page[QueuedUpdate]
    events: Page[RecordedEvent]


@frozen(kw_only=True)
class NamedLine:
    """A line of the blacklist, with the nickname of its worker, None if that is gone."""

    line: BlacklistLine
    nickname: str | None


@frozen(eq=False)
class FarmBrowser:
    """
    Turns the pages of what the farm keeps.

    Whatever is asked for by an id and is not here is a `NotHere`; a place of another list is a ValueError.
    """

    _store: IStore

    async def jobs(self, after: Place | None, limit: int) -> Page[JobCounts]:
        """Return a page of jobs, the newest first."""
        return await self._store.overview.jobs(after, limit)

    async def job(self, job_id: str) -> JobCounts:
        """Return a job."""
        found = await self._store.overview.job(job_id)
        if found is None:
            raise NotHere(f"no task of job {job_id} is here")
        return found

    async def tasks(self, asked: TasksAsked, after: Place | None, limit: int) -> Page[Task]:
        """Return a page of tasks."""
        return await self._store.overview.tasks(asked, after, limit)

    async def task(self, task_id: str) -> WholeTask:
        """Return a task with all that belongs to it."""
        task = await self._store.tasks.get(task_id)
        if task is None:
            raise NotHere(f"task {task_id} is not here")
        return WholeTask(
            task=task,
            commands=await self._store.tasks.commands(task_id),
            updates=await self._store.updates.waiting_page(task_id, None, _WAITING),
            events=await self._store.history.events(EventsAsked(task=task_id), None, LATEST_EVENTS, newest_first=True),
        )

    async def updates(self, task_id: str | None, after: Place | None, limit: int) -> Page[QueuedUpdate]:
        """Return a page of what the Server has yet to hear, the oldest first."""
        return await self._store.updates.waiting_page(task_id, after, limit)

    async def parked(self, after: Place | None, limit: int) -> Page[ParkedUpdate]:
        """Return a page of what the Server refuses."""
        return await self._store.updates.parked_page(after, limit)

    async def events(
        self, asked: EventsAsked, after: Place | None, limit: int, *, newest_first: bool
    ) -> Page[RecordedEvent]:
        """Return a page of what happened."""
        return await self._store.history.events(asked, after, limit, newest_first=newest_first)

    async def blacklist(self, now: float, after: Place | None, limit: int) -> Page[NamedLine]:
        """Return a page of the lines of the blacklist that count, the oldest first."""
        page = await self._store.blacklist.page(now - EXPIRES_AFTER, after, limit)
        names = {worker_id: await self._nickname(worker_id) for worker_id in {line.worker_id for line in page.items}}
        return Page(
            items=tuple(NamedLine(line=line, nickname=names[line.worker_id]) for line in page.items), next=page.next
        )

    async def _nickname(self, worker_id: str) -> str | None:
        worker = await self._store.workers.get(worker_id)
        return None if worker is None else worker.nickname
