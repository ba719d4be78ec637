"""The indexes of the collections: each is there for a query in `queries`, and named after its keys."""

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from flamenco_mgr.store.interfaces import StoreRefused
from flamenco_mgr.store.mongo.bans import BLACKLIST
from flamenco_mgr.store.mongo.documents import TASKS
from flamenco_mgr.store.mongo.event_documents import EVENTS
from flamenco_mgr.store.mongo.link import MongoLink
from flamenco_mgr.store.mongo.set_aside import SET_ASIDE
from flamenco_mgr.store.mongo.update_documents import PARKED, QUEUE
from flamenco_mgr.store.mongo.worker_documents import WORKERS


@frozen(kw_only=True)
class Index:
    """
    Keys with their direction, and of which documents.

    ``where``: a condition that a query must repeat. ``sparse``: only documents that have the field, of one key alone.
    """

    keys: Mapping[str, int]
    where: Mapping[str, Any] = field(factory=dict)
    sparse: bool = False

    @property
    def name(self) -> str:
        """What the database calls it."""
        return "_".join(f"{key}_{direction}" for key, direction in self.keys.items())

    @property
    def specification(self) -> dict[str, Any]:
        """What the database is told of it."""
        options: dict[str, Any] = {"sparse": True} if self.sparse else {}
        if self.where:
            options["partialFilterExpression"] = dict(self.where)
        return {"key": dict(self.keys), "name": self.name, **options}


_BUILDING = 60.0
"""Seconds that are waited for indexes of what is there already; the database goes on beyond that."""

_READY = {"mgr.ready": True}
_FAILED = {"failed_by_workers": {"$exists": True}}
_BEST = {"job_priority": -1, "priority": -1, "_id": 1}


def _of_those_that_have(key: str) -> Index:
    return Index(keys={key: 1}, sparse=True)


INDEXES: Mapping[str, tuple[Index, ...]] = {
    TASKS: (
        Index(keys={"mgr.ready": 1, "task_type": 1, **_BEST}, where=_READY),
        Index(keys={"mgr.ready": 1, "mgr.lane": 1, **_BEST}, where=_READY),
        Index(keys={"mgr.ready": 1, "job": 1, "mgr.lane": 1, **_BEST}, where=_READY),
        Index(keys={"job": 1, "task_type": 1, "_id": 1}, where={"mgr.startable": True}),
        Index(keys={"job": 1, "mgr.lane": 1}, where={"mgr.startable": True, **_FAILED}),
        Index(keys={"failed_by_workers.id": 1, "job": 1, "task_type": 1}, where=_FAILED),
        Index(keys={"status": 1, "_id": 1}),
        Index(keys={"status": 1, "last_updated": 1, "_id": 1}),
        _of_those_that_have("mgr.busy"),
        _of_those_that_have("mgr.due"),
        _of_those_that_have("mgr.held"),
        _of_those_that_have("mgr.stopping"),
        _of_those_that_have("parents"),
        _of_those_that_have("mgr.outbox.mgr.order"),
        _of_those_that_have("mgr.events._id"),
        Index(keys={"status": 1, "job": -1, "_id": 1}),
        Index(keys={"worker_id": 1, "_id": -1}),
        Index(keys={"mgr.name": 1, "_id": 1}),
    ),
    WORKERS: (_of_those_that_have("mgr.events._id"),),
    EVENTS: (
        _of_those_that_have("order"),
        _of_those_that_have("place"),
        Index(keys={"task": 1, "place": 1}),
        Index(keys={"job": 1, "place": 1}),
        Index(keys={"worker": 1, "place": 1}),
        Index(keys={"kind": 1, "place": 1}),
    ),
    QUEUE: (
        Index(keys={"mgr.order": 1, "_id": 1}),
        Index(keys={"task_id": 1, "mgr.order": 1}),
    ),
    BLACKLIST: (
        Index(keys={"job_id": 1, "task_type": 1, "worker_id": 1, "_created": -1}),
        Index(keys={"_created": 1, "_id": 1}),
        _of_those_that_have("mgr.events._id"),
    ),
    PARKED: (Index(keys={"mgr.order": 1, "_id": 1}),),
    SET_ASIDE: (Index(keys={"since": 1, "_id": 1}),),
}
"""By collection. None is unique: an ``_id`` made of what must be unique does that."""


async def prepare(link: MongoLink) -> None:
    """
    Create the indexes that are missing.

    Raises `StoreRefused` if there is one of the same name with other keys, or of the same keys with other options.
    """
    collections = await link.call(lambda db, timeout: db.collection_names(timeout=timeout))
    for collection, indexes in INDEXES.items():
        there = await _there(link, collection) if collection in collections else {}
        for index in indexes:
            _check(collection, index, there)
        missing = [index.specification for index in indexes if index.name not in there]
        if missing:
            await _create(link, collection, missing)


def _check(collection: str, index: Index, there: Mapping[str, Mapping[str, Any]]) -> None:
    wanted = _essence(index.specification)
    for name, found in there.items():
        same_name, same_keys = name == index.name, list(found["key"].items()) == list(index.keys.items())
        if (same_name or same_keys) and (not same_name or _essence(found) != wanted):
            raise StoreRefused(
                f"the collection {collection} has an index {name} that is not the Manager's {index.name}; "
                f"remove it (db.{collection}.dropIndex({name!r})), and start again"
            )


def _essence(specification: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what two specifications must have in common to be the same index."""
    keys = [(key, int(direction)) for key, direction in specification["key"].items()]
    return (
        keys,
        bool(specification.get("sparse")),
        bool(specification.get("unique")),
        dict(specification.get("partialFilterExpression") or {}),
    )


async def _there(link: MongoLink, collection: str) -> Mapping[str, Mapping[str, Any]]:
    found: Any = await link.call(lambda db, timeout: db.command({"listIndexes": collection}, timeout=timeout))
    return {index["name"]: index for index in found["cursor"]["firstBatch"]}


async def _create(link: MongoLink, collection: str, missing: list[dict[str, Any]]) -> None:
    await link.call(
        lambda db, timeout: db.command({"createIndexes": collection, "indexes": missing}, timeout=timeout),
        seconds=_BUILDING,
    )
