"""
Tasks that could not be understood, as documents of ``flamenco_set_aside``.

``turn`` is for children whose parent is not here itself: as of when they wait for it.
"""

from typing import Any

from flamenco_mgr.store.interfaces import SetAside
from flamenco_mgr.store.mongo.encoding import Document, from_time, to_time

SET_ASIDE = "flamenco_set_aside"


def aside(document: Document) -> SetAside:
    """Return the task of a document."""
    return SetAside(
        task_id=str(document["_id"]),
        reason=document["reason"],
        document=document["document"],
        since=to_time(document["since"]) or 0.0,
    )


def put_aside(task: SetAside, turn: int) -> dict[str, Any]:
    """Return the change that sets a task aside; since when stays what it was."""
    return {
        "$set": {"reason": task.reason, "document": task.document},
        "$setOnInsert": {"since": from_time(task.since), "turn": turn},
    }
