"""
Documents that the original Manager wrote, or somebody's hand: how each of them can be understood.

What is missing, null, or of another type than the original's (task-lifecycle.md 1) is read as what it can only mean.
Where it has no meaning it is put aside if the document can do without it, and else the document is left as it is.
"""

from collections.abc import Mapping
from typing import Any

import bson
from attrs import evolve, field, frozen
from bson import ObjectId, json_util

from flamenco_mgr.domain.tasks import UNKNOWN_TYPE
from flamenco_mgr.store.mongo import odd_values as values
from flamenco_mgr.store.mongo import schedules
from flamenco_mgr.store.mongo.encoding import misfit
from flamenco_mgr.store.mongo.odd_values import ABSENT, Kind, Senseless

Document = Mapping[str, Any]

_LONGEST_KEPT = 10_000
"""Characters of a value that is put aside."""


_OURS = frozenset({"rev", "order", "aside"})
"""One of these is in ``mgr`` whenever the Manager has written it."""


class NotUnderstood(ValueError):
    """A document that cannot be used; its text says why, for people."""


@frozen(kw_only=True)
class Understood:
    """
    What has to change in a document so that it says plainly what it means.

    ``aside`` holds what stood in the way, by the name of its field, as extended JSON.
    """

    changed: Document = field(factory=dict)
    removed: tuple[str, ...] = ()
    aside: Mapping[str, str] = field(factory=dict)

    def applied(self, document: Document) -> dict[str, Any]:
        """Return the document as it is to be."""
        return {name: value for name, value in document.items() if name not in self.removed} | dict(self.changed)


@frozen
class _Field:
    """
    How a field is read.

    ``vital``: the document is of no use if the field makes no sense; ``needed``: nor if it is missing. ``default`` is
    written where it is missing, so that the database sorts and finds the document as it should.
    """

    read: Kind
    vital: bool = False
    needed: bool = False
    default: Any = ABSENT


_TEXT = _Field(values.text)
_ID = _Field(values.object_id)
_TIME = _Field(values.moment)
_NUMBER = _Field(values.whole)
_PRIORITY = _Field(values.whole, vital=True, default=0)

_TASK: Mapping[str, _Field] = {
    "job": _Field(values.object_id, vital=True, needed=True),
    "status": _Field(values.text, vital=True),
    "task_type": _Field(lambda value: values.text(value) or UNKNOWN_TYPE, vital=True, default=UNKNOWN_TYPE),
    "job_type": _Field(values.text, vital=True),
    "priority": _PRIORITY,
    "job_priority": _PRIORITY,
    "parents": _Field(values.ids, vital=True),
    "commands": _Field(values.commands, vital=True),
    "worker_id": _Field(values.object_id, vital=True),
    "failed_by_workers": _Field(values.failed_by, vital=True),
    "_etag": _Field(values.header_text),
    "metrics": _Field(values.metrics),
    **dict.fromkeys(("name", "activity", "log", "worker"), _TEXT),
    **dict.fromkeys(("manager", "project", "user"), _ID),
    **dict.fromkeys(("last_worker_ping", "last_updated"), _TIME),
}

_WORKER: Mapping[str, _Field] = {
    "hashed_secret": _Field(values.secret, vital=True, needed=True),
    "supported_task_types": _Field(values.texts),
    "lazy_status_request": _Field(values.flag),
    "sleep_schedule": _Field(schedules.plain),
    "current_task": _ID,
    **dict.fromkeys(("nickname", "address", "platform", "software", "status", "status_requested"), _TEXT),
    **dict.fromkeys(("current_task_status",), _TEXT),
    **dict.fromkeys(("last_activity", "current_task_updated"), _TIME),
}

_UPDATE: Mapping[str, _Field] = {
    "task_id": _Field(values.object_id, vital=True, needed=True),
    "task_status": _Field(values.text, vital=True),
    "failed_by_workers": _Field(values.failed_by),
    "metrics": _Field(values.metrics),
    "received_on_manager": _TIME,
    **dict.fromkeys(("activity", "log_tail", "worker"), _TEXT),
    **dict.fromkeys(("task_progress_percentage", "current_command_idx", "command_progress_percentage"), _NUMBER),
}


def task(document: Document) -> Understood:
    """Return what has to change in a task's document; `NotUnderstood` if it cannot be used."""
    return _understood(document, _TASK)


def worker(document: Document) -> Understood:
    """Return what has to change in a worker's document; `NotUnderstood` if it cannot be used."""
    return _understood(document, _WORKER)


def update(document: Document) -> Understood:
    """
    Return what has to change in the document of an update that waits; `NotUnderstood` if it cannot be used.

    One that does not say when it came has come when its id was made.
    """
    found = _understood(document, _UPDATE)
    if "received_on_manager" in found.applied(document):
        return found
    removed = tuple(name for name in found.removed if name != "received_on_manager")
    changed = {**found.changed, "received_on_manager": document["_id"].generation_time}
    return evolve(found, changed=changed, removed=removed)


def _understood(document: Document, fields: Mapping[str, _Field]) -> Understood:
    if not isinstance(document.get("_id"), ObjectId):
        raise NotUnderstood("its _id is no ObjectId")
    ours = document.get("mgr", {})
    if not isinstance(ours, dict) or (ours and not _OURS & ours.keys()):
        raise NotUnderstood("its mgr is not this Manager's")
    too_much = misfit(dict(document))
    if too_much:
        raise NotUnderstood(too_much)
    changed: dict[str, Any] = {}
    removed: list[str] = []
    aside: dict[str, str] = {}
    for name, rule in fields.items():
        there = document.get(name)
        try:
            meant = ABSENT if there is None else rule.read(there)
        except Senseless as e:
            if rule.vital:
                raise NotUnderstood(f"{name} {e}") from None
            meant = ABSENT
            aside[name] = _as_json(there)[:_LONGEST_KEPT]
        if meant is ABSENT and rule.needed:
            raise NotUnderstood(f"{name} is missing")
        meant = rule.default if meant is ABSENT else meant
        if meant is ABSENT:
            removed += [name] * (name in document)
        elif meant is not there:
            changed[name] = meant
    return Understood(changed=changed, removed=tuple(removed), aside=aside)


def _as_json(value: Any) -> str:
    try:
        return json_util.dumps(value)
    except ArithmeticError:  # of a decimal number with more digits than there are, somewhere in it
        return json_util.dumps({"bson": bson.encode({"value": value})})
