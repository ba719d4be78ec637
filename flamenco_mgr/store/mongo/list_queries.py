"""The queries of what people look through: the event log, tasks, what was counted; `indexes` has what each needs."""

from collections.abc import Mapping, Sequence
from typing import Any

from bson import ObjectId

from flamenco_mgr.store.interfaces import EventsAsked
from flamenco_mgr.store.mongo.collection import Query, among
from flamenco_mgr.store.mongo.encoding import Document, from_id, small

_ID_LENGTH = 24


def with_events(limit: int) -> Query:
    """Return the query for what has events that are on their way into the event log."""
    return Query(filter={"mgr.events._id": {"$exists": True}}, fields={"mgr.events": 1}, limit=limit)


def unplaced(limit: int) -> Query:
    """Return the query for events that have no place in the log yet, in the order in which they came."""
    return Query(filter={"order": {"$exists": True}}, fields={"_id": 1}, sort=(("order", 1),), limit=limit)


def events(asked: EventsAsked, start: int, limit: int, *, newest_first: bool) -> Query:
    """Return the query for events behind a place, by that one of the conditions that leaves the fewest."""
    ways = ("task", asked.task), ("job", asked.job), ("worker", asked.worker), ("kind", asked.kind)
    found = next(((name, value) for name, value in ways if value is not None), None)
    wanted: Document = {"place": {"$lt" if newest_first else "$gt": start}}
    if found is not None:
        name, value = found
        wanted = {name: value if name == "kind" else from_id(value), **wanted}
    return Query(filter=wanted, sort=(("place", -1 if newest_first else 1),), limit=limit)


def oldest_events(limit: int) -> Query:
    """Return the query for the oldest events of the log."""
    return Query(filter={"place": {"$gt": 0}}, fields={"at": 1}, sort=(("place", 1),), limit=limit)


NEWEST_EVENT = Query(filter={"place": {"$gt": 0}}, fields={"place": 1}, sort=(("place", -1),))
"""The query for the latest event of the log."""

LISTED = {"job": 1, "status": 1, "worker_id": 1, "name": 1, "mgr.name": 1, "mgr.rev": 1}
"""What has to be known of a task to tell whether it is in a list, and where."""

_LAST = "\U0010ffff"
"""What is behind every text that goes on."""


def newest(before: str) -> Query:
    """Return the query for all tasks, the newest first, from an id on (empty: from the beginning)."""
    return Query(filter={"_id": {"$lt": from_id(before)}} if before else {}, sort=(("_id", -1),))


def of_worker(worker_id: str, before: str) -> Query:
    """Return the same query for the tasks that a worker has, or had last."""
    return Query(
        filter={"worker_id": from_id(worker_id), **({"_id": {"$lt": from_id(before)}} if before else {})},
        sort=(("_id", -1),),
    )


def of_job(job: str, statuses: Sequence[str], after: str) -> Query:
    """Return the query for the tasks of a job with these statuses, by id, from one on."""
    return Query(
        filter={
            "status": among(statuses),
            "job": from_id(job),
            **({"_id": {"$gt": from_id(after)}} if after else {}),
        },
        sort=(("_id", 1),),
    )


def of_status(status: str, position: Sequence[str] | None) -> Sequence[Query]:
    """Return the queries for the tasks of a status, those of the newest job first, behind a job and an id."""
    order = (("job", -1), ("_id", 1))
    if position is None:
        return [Query(filter={"status": status}, sort=order)]
    job, after = position
    return [
        of_job(job, [status], after),
        Query(filter={"status": status, "job": {"$lt": from_id(job)}}, sort=order),
    ]


def one_of_job(job: Any, statuses: Sequence[str], fields: Mapping[str, int]) -> Query:
    """Return the query for any task of a job, which has some of these statuses."""
    return Query(filter={"status": among(statuses), "job": job}, fields=fields, limit=1)


def ids_from(begins: str, after: str) -> Query:
    """Return the query for the tasks whose ids begin with something, from one on."""
    least, most = from_id(begins.ljust(_ID_LENGTH, "0")), from_id(begins.ljust(_ID_LENGTH, "f"))
    if not isinstance(least, ObjectId):  # no id begins so; texts are ids, too
        least, most = begins, begins + _LAST
    return Query(
        filter={"_id": {"$gt" if after else "$gte": from_id(after) if after else least, "$lte": most}},
        sort=(("_id", 1),),
    )


def names_from(begins: str, name: str, after: str) -> Sequence[Query]:
    """Return the queries for the tasks whose names begin with something, behind a name and an id of it."""
    folded = name or small(begins)
    same: Document = {"mgr.name": folded}
    if after:
        same["_id"] = {"$gt": from_id(after)}
    return [
        Query(filter=same, sort=(("_id", 1),)),
        Query(filter={"mgr.name": {"$gt": folded, "$lt": small(begins) + _LAST}}, sort=(("mgr.name", 1), ("_id", 1))),
    ]


def counted_before(job: str | None, limit: int) -> Query:
    """Return the query for what was counted of jobs, the newest first."""
    before = {} if job is None else {"_id": {"$lt": from_id(job)}}
    return Query(filter=before, sort=(("_id", -1),), limit=limit)


def counted_after(job: Any, limit: int) -> Query:
    """Return the query for what was counted of jobs, the oldest first."""
    return Query(filter={} if job is None else {"_id": {"$gt": job}}, sort=(("_id", 1),), limit=limit)
