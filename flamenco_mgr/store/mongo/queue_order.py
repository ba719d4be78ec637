"""Updates that the original left in the queue get their places: of each task's, the one that came first is first."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from bson import ObjectId

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)

Document = Mapping[str, Any]


def places(updates: Sequence[Document]) -> dict[ObjectId, int]:
    """
    Return the places of a task's updates that have none yet, as `orders` gives them: microseconds, each greater.

    ``updates`` are all that wait for the task, with ``received_on_manager``, and ``mgr.order`` if they have it. The
    places have to be written in the order in which they are returned: then those that an interrupted run has written
    are the first ones, and going on gives the same.
    """
    found: dict[ObjectId, int] = {}
    placed = [update["mgr"]["order"] for update in updates if _has_place(update)]
    last = max(map(int, placed), default=0)
    for update in sorted((one for one in updates if not _has_place(one)), key=_came):
        last = max(_microseconds(update["received_on_manager"]), last + 1)
        found[update["_id"]] = last
    return found


def _has_place(update: Document) -> bool:
    return "order" in update.get("mgr", {})


def _came(update: Document) -> tuple[datetime, ObjectId]:
    return _aware(update["received_on_manager"]), update["_id"]


def _microseconds(when: datetime) -> int:
    return (_aware(when) - _EPOCH) // _MICROSECOND


def _aware(when: datetime) -> datetime:
    return when if when.tzinfo is not None else when.replace(tzinfo=timezone.utc)
