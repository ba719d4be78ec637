"""
Pages of tasks.

Each list is walked along one index; what else is asked is looked for in so many documents a page, of which only a few
fields are read. The order is that of the index: the newest first of all tasks and of a worker's, in a job by id, by
status the newest job first, and of those whose name or id begins with something first by id, then by name.
"""

from collections.abc import Callable, Sequence
from collections.abc import Collection as Several

from attrs import evolve, frozen

from flamenco_mgr.domain.tasks import KNOWN, Task
from flamenco_mgr.store import places
from flamenco_mgr.store.interfaces import Page, Place, TasksAsked
from flamenco_mgr.store.mongo import documents, list_queries, queries
from flamenco_mgr.store.mongo.collection import Collection, Query
from flamenco_mgr.store.mongo.encoding import Document, to_id

_MOST_LOOKED_AT = 1000


@frozen(kw_only=True)
class _Way:
    """A query that gives a list, or a part of it: the place of each task, and what another part has shown already."""

    query: Query
    place_of: Callable[[Document], Place]
    but: Callable[[Document], bool] = lambda _: False


@frozen(eq=False)
class TaskPages:
    """Answers `IOverview.tasks`."""

    _tasks: Collection

    async def page(self, asked: TasksAsked, after: Place | None, limit: int, statuses: Several[str]) -> Page[Task]:
        """Return a page of tasks; ``statuses`` are those that tasks of the job may have beside the known ones."""
        limit = max(1, min(limit, _MOST_LOOKED_AT))
        ways = _ways(asked, after, sorted(KNOWN.union(statuses)))
        most = limit if _leaves_none_out(asked) else _MOST_LOOKED_AT
        found: list[tuple[_Way, Document]] = []
        for way in ways:
            part = evolve(way.query, fields=list_queries.LISTED, limit=most + 1 - len(found))
            found += [(way, document) for document in await self._tasks.find(part)]
            if len(found) > most:
                break
        chosen: list[Document] = []
        reached: Place | None = None
        for looked_at, (way, document) in enumerate(found):
            if looked_at and (len(chosen) == limit or looked_at == most):
                return Page(items=await self._whole(chosen), next=reached)
            if _is_asked(asked, document) and not way.but(document):
                chosen.append(document)
            reached = way.place_of(document)
        return Page(items=await self._whole(chosen))

    async def _whole(self, chosen: Sequence[Document]) -> tuple[Task, ...]:
        ids = [document["_id"] for document in chosen]
        if not ids:
            return ()
        found = {one["_id"]: one for one in await self._tasks.find(queries.by_ids(ids, queries.TASK))}
        return tuple(documents.task(found[one]) for one in ids if one in found)


def _ways(asked: TasksAsked, after: Place | None, statuses: Sequence[str]) -> Sequence[_Way]:
    if asked.begins:
        return _beginning(asked, asked.begins, places.position(asked, after, 2) or ("", ""))
    if asked.worker_id is None and asked.job is None and asked.status is not None:
        parts = list_queries.of_status(asked.status, places.position(asked, after, 2))
        return [
            _Way(query=part, place_of=lambda one: places.place(asked, to_id(one.get("job")), str(one["_id"])))
            for part in parts
        ]
    (last,) = places.position(asked, after, 1) or ("",)
    if asked.worker_id is not None:
        query = list_queries.of_worker(asked.worker_id, last)
    elif asked.job is not None:
        query = list_queries.of_job(asked.job, statuses if asked.status is None else [asked.status], last)
    else:
        query = list_queries.newest(last)
    return [_Way(query=query, place_of=lambda one: places.place(asked, str(one["_id"])))]


def _beginning(asked: TasksAsked, begins: str, position: tuple[str, ...]) -> Sequence[_Way]:
    name, last = position
    by_id = _Way(
        query=list_queries.ids_from(begins.lower(), "" if name else last),
        place_of=lambda one: places.place(asked, "", str(one["_id"])),
    )
    by_name = [
        _Way(
            query=query,
            place_of=lambda one: places.place(asked, one["mgr"]["name"], str(one["_id"])),
            but=lambda one: str(one["_id"]).startswith(begins.lower()),
        )
        for query in list_queries.names_from(begins, name, last if name else "")
    ]
    return by_name if name else [by_id, *by_name]


def _leaves_none_out(asked: TasksAsked) -> bool:
    """Whether the way to a list finds nothing but what is asked for."""
    return not asked.begins and (asked.worker_id is None or (asked.job is None and asked.status is None))


def _is_asked(asked: TasksAsked, document: Document) -> bool:
    if not documents.is_ours(document):
        return False
    begins = (asked.begins or "").lower()
    return (
        (asked.job is None or to_id(document.get("job")) == asked.job)
        and (asked.status is None or document.get("status") == asked.status)
        and (asked.worker_id is None or to_id(document.get("worker_id")) == asked.worker_id)
        and (str(document["_id"]).startswith(begins) or document.get("name", "").lower().startswith(begins))
    )
