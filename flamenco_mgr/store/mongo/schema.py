"""Which form the documents of a database have: a number in its ``settings``, absent in a database of the original's."""

from collections.abc import Mapping
from typing import Any

SCHEMA = 1
"""The newest form that this Manager knows; what was added in which is told in docs/mongodb.md."""

DOCUMENT = "schema"
"""The ``_id`` of the document in ``settings`` that says which form it is."""

VERSION = "version"

FRESH: Mapping[str, Any] = {"mgr.rev": {"$exists": False}}
"""What is true of tasks and workers that this Manager has not taken over yet."""

FRESH_UPDATE: Mapping[str, Any] = {"mgr.order": {"$exists": False}}
"""What is true of updates in the queue that this Manager has not taken over yet."""


def version(document: Mapping[str, Any] | None) -> int:
    """Return the number in the document, 0 if there is none."""
    number = None if document is None else document.get(VERSION)
    return int(number) if isinstance(number, (int, float)) else 0


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
