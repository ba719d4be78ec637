"""
How many tasks there are, counted in the background by whoever has the lease.

``flamenco_counts`` has a document for each job: ``by_status``, a list of statuses ``s`` with numbers ``n``, and the
``job_type`` and ``job_priority`` of one of its tasks, as of the last time that its numbers changed. The document
``counts`` of ``settings`` has the ``totals`` in the same form, the ``number`` of the count, and how long it ``took``.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from attrs import define, field
from pymongo import UpdateOne
from twisted.internet.interfaces import IReactorTime

from flamenco_mgr.store.mongo import list_queries
from flamenco_mgr.store.mongo.collection import Collection, among
from flamenco_mgr.store.mongo.encoding import Document

COUNTS = "flamenco_counts"

DOCUMENT = "counts"
"""The ``_id`` of the document in ``settings``."""

_AT_ONCE = 200
_READ_AT_ONCE = 1000
_KIND = {"job_type": 1, "job_priority": 1}

# The order lets an index be walked that has all that is asked for.
_COUNT: Sequence[Document] = (
    {"$sort": {"status": 1, "job": -1}},
    {"$group": {"_id": {"status": "$status", "job": "$job"}, "tasks": {"$sum": 1}}},
)


@define(eq=False)
class Counting:
    """Counts tasks; ``term`` returns the number of our term, in which nobody else writes what is counted."""

    _tasks: Collection
    _counts: Collection
    _settings: Collection
    _clock: IReactorTime
    _term: Callable[[], int]
    _known: dict[Any, Document] = field(init=False, factory=dict)
    _as_of_term: int | None = field(init=False, default=None)

    async def recount(self) -> None:
        """Count all tasks, and write what has changed; the totals last."""
        began = self._clock.seconds()
        jobs, totals = _summed(await self._tasks.aggregate(_COUNT))
        if self._as_of_term != self._term():
            await self._read()
        changed = [job for job, found in jobs.items() if self._known.get(job, {}).get("by_status") != _listed(found)]
        for some in _slices(changed):
            documents = [await self._described(job, jobs[job]) for job in some]
            statements = [UpdateOne({"_id": one["_id"]}, {"$set": _without_id(one)}, upsert=True) for one in documents]
            await self._counts.write(statements, ordered=False)
            self._known.update({one["_id"]: _without_id(one) for one in documents})
        for gone in _slices([job for job in self._known if job not in jobs]):
            await self._counts.remove({"_id": among(gone)})
            for job in gone:
                del self._known[job]
        took = self._clock.seconds() - began
        done: Document = {"$set": {"totals": _listed(totals), "took": took}, "$inc": {"number": 1}}
        await self._settings.update({"_id": DOCUMENT}, done, upsert=True)

    async def _read(self) -> None:
        """Read what was counted before."""
        term = self._term()
        self._known = {}
        after = None
        while some := await self._counts.find(list_queries.counted_after(after, _READ_AT_ONCE)):
            self._known.update({one["_id"]: _without_id(one) for one in some})
            after = some[-1]["_id"]
        self._as_of_term = term

    async def _described(self, job: Any, by_status: Mapping[str, int]) -> Document:
        one = await self._tasks.one(list_queries.one_of_job(job, sorted(by_status), _KIND)) or {}
        kind = {"job_type": one.get("job_type") or "", "job_priority": one.get("job_priority") or 0}
        return {"_id": job, "by_status": _listed(by_status), **kind}


def by_status(listed: Sequence[Document]) -> dict[str, int]:
    """Return numbers by status, as they are in a document."""
    return {one["s"]: int(one["n"]) for one in listed}


def _listed(found: Mapping[str, int]) -> list[Document]:
    return [{"s": status, "n": number} for status, number in sorted(found.items())]


def _summed(counted: Sequence[Document]) -> tuple[dict[Any, dict[str, int]], Mapping[str, int]]:
    """Return the numbers by job, and those of all; documents of the original's that make no sense are no tasks."""
    jobs: dict[Any, dict[str, int]] = defaultdict(dict)
    totals: Counter[str] = Counter()
    for one in counted:
        status, job = one["_id"].get("status"), one["_id"].get("job")
        if isinstance(status, str) and job is not None:
            jobs[job][status] = int(one["tasks"])
            totals[status] += int(one["tasks"])
    return jobs, totals


def _without_id(document: Document) -> Document:
    return {name: value for name, value in document.items() if name != "_id"}


def _slices(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]
