"""
The blacklist in memory, so that nobody has to be asked for it whenever a worker wants a task.

What is known counts for a second. A number in ``settings`` grows before every change, whoever makes it; so the loop
that looks at that number reads the lines only when there is something new. Whoever announced a change may still be
about to make it: for a while after an announcement the lines are read at each look.
"""

from bisect import bisect_left
from collections.abc import Collection as Several
from collections.abc import Iterator, Sequence
from typing import Any

from attrs import define, field
from bson import ObjectId
from twisted.internet.interfaces import IReactorTime

from flamenco_mgr.domain.blacklist import BlacklistLine
from flamenco_mgr.store import line_places
from flamenco_mgr.store.interfaces import Page, Place
from flamenco_mgr.store.mongo import queries
from flamenco_mgr.store.mongo.collection import Collection
from flamenco_mgr.store.mongo.encoding import Document, to_time
from flamenco_mgr.store.mongo.marks import counted
from flamenco_mgr.store.mongo.worker_copies import GOOD_FOR

BLACKLIST = "worker_blacklist"

_CHANGES = "blacklist"
"""The id of the document in ``settings``."""

_MADE_WITHIN = 3.0
"""Seconds from the announcement of a change until it is made, or given up."""

Kind = tuple[str, str]
"""A job's id and a task type."""


@define(eq=False)
class Bans:
    """Knows which worker is banned from what."""

    _lines: Collection
    _settings: Collection
    _clock: IReactorTime
    _known: dict[str, dict[Kind, float]] = field(init=False, factory=dict)
    _in_order: Sequence[BlacklistLine] | None = field(init=False, default=None)
    _changes: int | None = field(init=False, default=None)
    _edits: int = field(init=False, default=0)
    _read_until: float = field(init=False, default=0.0)
    _as_of: float | None = field(init=False, default=None)

    async def of(self, worker_id: str, since: float) -> frozenset[Kind]:
        """Return what a worker was banned from at or after an instant."""
        await self._refresh()
        return frozenset(kind for kind, created in self._known.get(worker_id, {}).items() if created >= since)

    async def lines(self, since: float) -> tuple[BlacklistLine, ...]:
        """Return the lines from that instant on, the oldest first."""
        await self._refresh()
        if self._in_order is None:
            lines = (line for worker_id in self._known for line in self._of(worker_id))
            self._in_order = sorted(lines, key=line_places.order)
        return tuple(self._in_order[bisect_left(self._in_order, since, key=lambda line: line.created) :])

    async def page(self, since: float, after: Place | None, limit: int) -> Page[BlacklistLine]:
        """Return a page of these lines."""
        return line_places.page_of(await self.lines(since), after, limit)

    async def of_workers(self, worker_ids: Several[str], since: float) -> tuple[BlacklistLine, ...]:
        """Return the lines of some workers from that instant on, the oldest first."""
        await self._refresh()
        lines = (line for worker_id in worker_ids for line in self._of(worker_id) if line.created >= since)
        return tuple(sorted(lines, key=line_places.order))

    async def announce(self) -> None:
        """Let everybody know that a change of the blacklist is about to be made."""
        count: Document = {"$inc": {"changes": 1}}
        if not await self._settings.update({"_id": _CHANGES}, count):
            await self._settings.insert([{"_id": _CHANGES, "changes": 0}])
            await self._settings.update({"_id": _CHANGES}, count)

    def added(self, line: BlacklistLine) -> None:
        """Follow a line that is there now."""
        self._edit()
        self._known.setdefault(line.worker_id, {})[line.job, line.task_type] = line.created

    def removed(self, worker_id: str, kind: Kind) -> None:
        """Follow a line that is no longer there."""
        self._edit()
        self._known.get(worker_id, {}).pop(kind, None)

    async def compare(self) -> None:
        """Bring the lines up to date; if that cannot be done they grow old."""
        began, edits = self._clock.seconds(), self._edits
        document = await self._settings.one(queries.by_id(_CHANGES))
        changes = 0 if document is None else counted(document, "changes")
        if changes != self._changes:
            self._read_until = began + _MADE_WITHIN
        if changes != self._changes or began < self._read_until:
            known = _by_worker(await self._lines.find(queries.EVERYTHING))
            if edits != self._edits:  # what was changed here meanwhile may not have been seen
                return
            self._known, self._in_order = known, None
        self._changes, self._as_of = changes, began

    def _edit(self) -> None:
        self._edits += 1
        self._in_order = None

    def _of(self, worker_id: str) -> Iterator[BlacklistLine]:
        for (job, task_type), created in self._known.get(worker_id, {}).items():
            yield BlacklistLine(worker_id=worker_id, job=job, task_type=task_type, created=created)

    async def _refresh(self) -> None:
        if self._as_of is None or self._clock.seconds() - self._as_of >= GOOD_FOR:
            await self.compare()


def line(document: Document) -> BlacklistLine | None:
    """Return the line of a document; None if it says nothing that could be obeyed."""
    created = to_time(document.get("_created"))
    worker_id, job, task_type = (document.get(name) for name in ("worker_id", "job_id", "task_type"))
    if created is None or not _is_id(worker_id) or not _is_id(job) or not isinstance(task_type, str):
        return None
    return BlacklistLine(worker_id=str(worker_id), job=str(job), task_type=task_type, created=created)


def _is_id(value: Any) -> bool:
    return isinstance(value, (ObjectId, str))


def _by_worker(documents: list[Document]) -> dict[str, dict[Kind, float]]:
    known: dict[str, dict[Kind, float]] = {}
    for one in documents:
        found = line(one)
        if found is not None:
            bans = known.setdefault(found.worker_id, {})
            kind = (found.job, found.task_type)
            bans[kind] = max(found.created, bans.get(kind, found.created))
    return known
