"""
Workers in memory, so that nobody has to be asked for a worker at each of its requests.

A copy is used if it was compared with the database less than a second ago: then what another Manager changed is known
within a second. The comparison asks for the revisions of all copies at once, and reads what has changed.
"""

from collections.abc import Mapping
from typing import Any

from attrs import define, evolve, field, frozen
from twisted.internet.interfaces import IReactorTime

from flamenco_mgr.domain.workers import Worker
from flamenco_mgr.store.interfaces import WorkerBeat
from flamenco_mgr.store.mongo import queries, worker_documents
from flamenco_mgr.store.mongo.collection import Collection
from flamenco_mgr.store.mongo.encoding import Document, from_id

COMPARE_EVERY = 0.5
"""Seconds between two comparisons."""

GOOD_FOR = 1.0
"""Seconds after the beginning of a comparison in which its copies may be used."""

_MARKS = {"mgr.rev": 1, "mgr.seen": 1}
_AT_ONCE = 1000


@frozen(kw_only=True)
class _Copy:
    """A worker, the mark of what others may notice of it, and as of when."""

    worker: Worker
    seen: int
    as_of: float


@define(eq=False)
class WorkerCopies:
    """Keeps copies of the workers that were asked for."""

    _workers: Collection
    _clock: IReactorTime
    _copies: dict[str, _Copy] = field(init=False, factory=dict)

    def get(self, worker_id: str) -> Worker | None:
        """Return a worker if its copy may be used."""
        copy = self._copies.get(worker_id)
        if copy is None or self._clock.seconds() - copy.as_of >= GOOD_FOR:
            return None
        return copy.worker

    def keep(self, document: Document, as_of: float) -> Worker:
        """Keep what was read of a worker at that time or later, unless something newer is known; return the newest."""
        worker = worker_documents.worker(document)
        known = self._copies.get(worker.id)
        if known is not None and known.worker.revision > worker.revision:
            return known.worker
        self._copies[worker.id] = _Copy(worker=worker, seen=document.get("mgr", {}).get("seen", 0), as_of=as_of)
        return worker

    def changed(self, worker_id: str, fields: Mapping[str, Any], revision: int) -> None:
        """Follow a change that was made here; what heartbeats brought stays."""
        copy = self._copies.get(worker_id)
        if copy is None or copy.worker.revision != revision - 1:
            self.forget(worker_id)
        else:
            self._copies[worker_id] = evolve(copy, worker=evolve(copy.worker, **fields, revision=revision))

    def noticed(self, worker_id: str, beat: WorkerBeat) -> None:
        """Follow a heartbeat that was stored."""
        copy = self._copies.get(worker_id)
        if copy is None:
            return
        worker = copy.worker
        self._copies[worker_id] = evolve(
            copy,
            worker=evolve(
                worker,
                last_activity=_later(worker.last_activity, beat.last_activity),
                address=beat.address or worker.address,
                software=beat.software or worker.software,
                current_task=worker.current_task if beat.current_task is None else beat.current_task,
                current_task_status=beat.current_task_status or worker.current_task_status,
                current_task_updated=_later(worker.current_task_updated, beat.current_task_updated),
            ),
        )

    def would_notice(self, worker_id: str, beat: WorkerBeat) -> bool:
        """Whether others, that have copies as well, should read the worker anew after this heartbeat."""
        copy = self._copies.get(worker_id)
        said: dict[str, str | None] = {
            "address": beat.address,
            "software": beat.software,
            "current_task": beat.current_task,
            "current_task_status": beat.current_task_status,
        }
        return any(value and (copy is None or value != getattr(copy.worker, name)) for name, value in said.items())

    def forget(self, worker_id: str) -> None:
        """Have no copy any more."""
        self._copies.pop(worker_id, None)

    async def compare(self) -> None:
        """Bring all copies up to date; those that could not be compared grow old."""
        ids = list(self._copies)
        for start in range(0, len(ids), _AT_ONCE):
            await self._compare(ids[start : start + _AT_ONCE])

    async def _compare(self, ids: list[str]) -> None:
        began = self._clock.seconds()
        query = queries.by_ids([from_id(worker_id) for worker_id in ids], _MARKS)
        marks = {str(one["_id"]): one.get("mgr", {}) for one in await self._workers.find(query)}
        stale = []
        for worker_id in ids:
            copy, mark = self._copies.get(worker_id), marks.get(worker_id)
            if mark is None:
                self.forget(worker_id)
            elif copy is not None and (copy.worker.revision, copy.seen) != (mark.get("rev", 0), mark.get("seen", 0)):
                stale.append(from_id(worker_id))
            elif copy is not None:
                self._copies[worker_id] = evolve(copy, as_of=began)
        if stale:
            began = self._clock.seconds()
            for document in await self._workers.find(queries.by_ids(stale)):
                self.keep(document, began)


def _later(known: float | None, noticed: float | None) -> float | None:
    return noticed if known is None or (noticed is not None and noticed > known) else known
