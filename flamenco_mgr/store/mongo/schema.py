"""Which form the documents of a database have: a number in its ``settings``, absent in a database of the original's."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bson import ObjectId

SCHEMA = 2
"""The newest form that this Manager knows; what was added in which is told in docs/mongodb.md."""

DOCUMENT = "schema"
"""The ``_id`` of the document in ``settings`` that says which form it is."""

VERSION = "version"

FILLING = "filling"
"""The ``_id`` of the document that is there as long as the database is being filled from a backup or another store."""

FRESH: Mapping[str, Any] = {"mgr.rev": {"$exists": False}}
"""What is true of tasks and workers that this Manager has not taken over yet."""

FRESH_UPDATE: Mapping[str, Any] = {"mgr.order": {"$exists": False}}
"""What is true of updates in the queue that this Manager has not taken over yet."""


def _is_whole(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value % 1 == 0


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


_OURS: Mapping[str, Mapping[str, Callable[[Any], bool]]] = {
    DOCUMENT: {VERSION: _is_whole},
    "lease": {
        "holder": lambda value: value is None or isinstance(value, ObjectId),
        "name": _is_text,
        "fence": _is_whole,
        "renewals": _is_whole,
        "wishes": lambda value: isinstance(value, dict) and all(map(_is_whole, value.values())),
    },
    "receipts": {"number": _is_whole},
    "farm": {"mark": _is_text},
    "events": {"last": _is_whole, "batch": lambda value: isinstance(value, list)},
    "counts": {"number": _is_whole},
    FILLING: {},
}
"""What our documents in ``settings`` have in them, by their ``_id``."""

SINGLE_FACTS: Mapping[str, Any] = {"_id": {"$in": list(_OURS)}}
"""Which documents of ``settings`` are ours."""


def damage(documents: Iterable[Mapping[str, Any]], database: str) -> str | None:
    """Return why a database is not opened whose ``settings`` have these documents of ours, or None; one line."""
    for document in documents:
        if document["_id"] == FILLING:
            return (
                f"the database {database} was to be filled from {document.get('source')!r:.200}, and that has not come"
                " to its end; begin it once more, or drop the database"
            )
        for name, is_right in _OURS[document["_id"]].items():
            if not is_right(document.get(name)):
                return (
                    f"the document {document['_id']!r} of settings in the database {database} is not as a Manager"
                    f" writes it: {name} is {document.get(name)!r:.60}; put that right, or restore the database"
                )
    return None


def version(document: Mapping[str, Any] | None) -> int:
    """Return the number in the document, 0 if there is none."""
    return 0 if document is None else int(document[VERSION])


def refusal(document: Mapping[str, Any] | None, database: str) -> str | None:
    """Return why a database with this document is not opened, or None; one line."""
    found = version(document)
    if found <= SCHEMA:
        return None
    return (
        f"the database {database} was made by a newer Manager (form {found} of its documents, this one knows {SCHEMA});"
        " use that Manager, or set another database_url"
    )


UNMARKED: Mapping[str, Any] = {
    "_id": {"$type": "objectId"},
    "depsgraph_last_modified": {"$exists": True},
    "mgr": {"$exists": False},
}
"""True of the document of ``settings`` that the original has written: as a whole, so that nothing of ours is left."""

MARKED: Mapping[str, Any] = {"mgr.fence": 0}
"""What lets it be ours (`marks`)."""


def mixture(database: str) -> str:
    """Return why a database is not opened that the original has used after this Manager; one line."""
    return (
        f"the original Manager has used the database {database} after this one, whose notes in it are out of date now;"
        " remove them first, as docs/mongodb.md tells under 'Going back'"
    )
