"""The workers as people see them: with what they work on, and what they are not given any more."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from attrs import frozen
from twisted.internet.interfaces import IReactorTime

from flamenco_mgr.domain.blacklist import EXPIRES_AFTER, BlacklistLine
from flamenco_mgr.domain.workers import Worker
from flamenco_mgr.store.interfaces import IBlacklist, ITaskStore, IWorkerStore, Page, Place

_LIST = "workers"
_PLACE_TEXTS = 4


@frozen(kw_only=True)
class ListedWorker:
    """A worker with the job of its current task, None if that task is not here, and its lines of the blacklist."""

    worker: Worker
    current_job: str | None = None
    blacklist: tuple[BlacklistLine, ...] = ()


@frozen(eq=False, kw_only=True)
class WorkerListing:
    """Lists workers by nickname, then status; costs the same few questions however many there are."""

    workers: IWorkerStore
    tasks: ITaskStore
    blacklist: IBlacklist
    clock: IReactorTime

    async def page(self, after: Place | None, limit: int | None, status: str | None = None) -> Page[ListedWorker]:
        """
        Return a page of the workers, of those with a status or all; the whole list if there is no limit.

        Raises ValueError if ``after`` is no place of this list.
        """
        if after is not None and (len(after) != _PLACE_TEXTS or after[0] != _LIST):
            raise ValueError("no place among the workers")
        workers = sorted(await self.workers.all(), key=_place)
        left = [
            worker
            for worker in workers
            if (after is None or _place(worker) > after) and (status is None or worker.status == status)
        ]
        some = left if limit is None else left[:limit]
        goes_on = len(some) < len(left)
        return Page(items=tuple(await self._listed(some)), next=_place(some[-1]) if goes_on else None)

    async def one(self, worker_id: str) -> ListedWorker | None:
        """Return a worker, None if it is not here."""
        worker = await self.workers.get(worker_id)
        if worker is None:
            return None
        (listed,) = await self._listed([worker])
        return listed

    async def _listed(self, workers: Sequence[Worker]) -> Iterable[ListedWorker]:
        current = {worker.current_task for worker in workers if worker.current_task}
        jobs: Mapping[str, str] = await self.tasks.jobs_of(current) if current else {}
        lines = defaultdict[str, list[BlacklistLine]](list)
        since = self.clock.seconds() - EXPIRES_AFTER
        for line in await self.blacklist.of_workers([worker.id for worker in workers], since):
            lines[line.worker_id].append(line)
        return (
            ListedWorker(
                worker=worker,
                current_job=jobs.get(worker.current_task or ""),
                blacklist=tuple(lines.get(worker.id, ())),
            )
            for worker in workers
        )


def _place(worker: Worker) -> Place:
    return _LIST, worker.nickname, worker.status, worker.id
