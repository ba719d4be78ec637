"""
What happened, as documents.

Of a task, a worker, or a new line of the blacklist they are in its own document at first, in ``mgr.events``, written
with the change itself; then in ``flamenco_events``, with ``order``, in which they came, until each has its ``place``
instead.
"""

import hashlib
from typing import Any

from bson import ObjectId

from flamenco_mgr.domain.events import Event
from flamenco_mgr.store.mongo.changes import nested
from flamenco_mgr.store.mongo.encoding import ABSENT, Document, from_id, from_time, to_time

EVENTS = "flamenco_events"


def document(event: Event) -> Document:
    """Return the document of something that has just happened."""
    return nested(
        {
            "_id": ObjectId(),
            "at": from_time(event.at),
            "kind": event.kind,
            "before": event.before or ABSENT,
            "after": event.after or ABSENT,
            "task": _id(event.task),
            "job": _id(event.job),
            "worker": _id(event.worker),
            "text": event.text or ABSENT,
        }
    )


def document_once(event: Event, what: str) -> Document:
    """Return the document of something that happens once only, however often it is begun; ``what`` names that."""
    return {**document(event), "_id": made_of(what)}


def made_of(text: str) -> ObjectId:
    """Return an id that is always the same for a text."""
    return ObjectId(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:12])


def event(document: Document) -> Event:
    """Return the event of a document."""
    return Event(
        at=to_time(document.get("at")) or 0.0,
        kind=document["kind"],
        before=document.get("before", ""),
        after=document.get("after", ""),
        task=_text(document.get("task")),
        job=_text(document.get("job")),
        worker=_text(document.get("worker")),
        text=document.get("text", ""),
    )


def _id(value: str | None) -> Any:
    return ABSENT if value is None else from_id(value)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
