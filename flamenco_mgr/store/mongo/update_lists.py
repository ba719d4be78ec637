"""Pages of the queue, and of what is parked."""

from typing import Any

from flamenco_mgr.store import places
from flamenco_mgr.store.interfaces import ParkedUpdate, Place
from flamenco_mgr.store.mongo import queries, update_documents
from flamenco_mgr.store.mongo.collection import Collection
from flamenco_mgr.store.mongo.encoding import Document, from_id, to_time


async def behind(
    collection: Collection, this_list: object, after: Place | None, limit: int, task_id: str | None = None
) -> tuple[list[Document], Place | None]:
    """
    Return the documents of a page, and the place where the next one begins.

    A place is an order, and an id: of those that have the same order, those with a greater id follow. It is rare that
    there are several.
    """
    position = places.position(this_list, after, 2)
    order, last = (0, None) if position is None else (places.number(position[:1]), from_id(position[1]))
    seen: list[Any] = []
    while True:
        found = await collection.find(queries.oldest(order, seen, limit + 1, task_id))
        again = [one["_id"] for one in found if last is not None and _is_seen(one, order, last)]
        if not again:
            break
        seen += again
    return found[:limit], _place(this_list, found[limit - 1]) if len(found) > limit else None


def parked(document: Document) -> ParkedUpdate:
    """Return the parked update of a document."""
    return ParkedUpdate(
        update=update_documents.update(document),
        reason=document["mgr"]["reason"],
        since=to_time(document["mgr"]["since"]) or 0.0,
    )


def _is_seen(document: Document, order: int, last: Any) -> bool:
    return document["mgr"]["order"] == order and str(document["_id"]) <= str(last)


def _place(this_list: object, document: Document) -> Place:
    return places.place(this_list, str(document["mgr"]["order"]), str(document["_id"]))
