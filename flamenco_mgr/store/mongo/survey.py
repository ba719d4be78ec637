"""
What a start would do with a database, looked up before anything runs, and without writing.

There is no reactor yet where this is asked, so it is the one place where PyMongo's own client talks to MongoDB: it
blocks, for a bounded time, in a process that does nothing else.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pymongo
from attrs import frozen
from pymongo.database import Database
from pymongo.errors import PyMongoError

from flamenco_mgr.store.mongo import odd_documents, schema
from flamenco_mgr.store.mongo.findings import Findings, counted
from flamenco_mgr.store.mongo.odd_documents import Understood
from flamenco_mgr.store.mongo.odd_values import LENIENT
from flamenco_mgr.store.mongo.uri import MongoAddress

Document = dict[str, Any]

AT_MOST = 20.0
"""Seconds for the whole look; of a large database as much is looked at as that allows."""

_TO_REACH = 3_000
"""Milliseconds until a server counts as not there."""

_AT_ONCE = 500

_LONGEST_TROUBLE = 300
"""Characters."""


@frozen(kw_only=True)
class Survey:
    """
    What would be done with a database, in lines for people.

    ``refused`` is why a Manager would not start on it, ``trouble`` why it could not be looked at, or not to its end.
    """

    lines: tuple[str, ...] = ()
    refused: str | None = None
    trouble: str | None = None


@frozen
class _Part:
    """A collection that is brought up to date."""

    collection: str
    what: str
    fresh: Mapping[str, Any]
    read: Callable[[Mapping[str, Any]], Understood]


_PARTS = (
    _Part("flamenco_workers", "worker", schema.FRESH, odd_documents.worker),
    _Part("task_update_queue", "waiting update", schema.FRESH_UPDATE, odd_documents.update),
    _Part("flamenco_tasks", "task", schema.FRESH, odd_documents.task),
)


def survey(url: str, at_most: float = AT_MOST) -> Survey:
    """Look at the database that a ``mongodb://`` URL names, for ``at_most`` seconds; nothing is written."""
    found: list[str] = []
    try:
        with _client(url) as client:
            database = client.get_default_database()
            facts = list(database.settings.find(schema.SINGLE_FACTS))
            form = next((fact for fact in facts if fact["_id"] == schema.DOCUMENT), None)
            refused = schema.damage(facts, database.name) or schema.refusal(form, database.name)
            is_ours = refused is None and schema.version(form) > 0
            if is_ours and database.settings.find_one(schema.UNMARKED) is not None:
                refused = schema.mixture(database.name)
            if refused is not None:
                return Survey(refused=refused)
            with pymongo.timeout(at_most):
                for part in _PARTS:
                    found += _look(database, part, is_ours=is_ours)
    except PyMongoError as e:
        return Survey(lines=tuple(found), trouble=_words(e))
    return Survey(lines=tuple(found) or ("Nothing has to be taken over",))


def _client(url: str) -> "pymongo.MongoClient[Document]":
    login = MongoAddress.from_text(url).login
    # As the Manager itself will log in: this driver would rather do it in another way.
    mechanism: dict[str, Any] = {} if login is None else {"authMechanism": login.mechanism}
    return pymongo.MongoClient(
        url,
        **mechanism,
        serverSelectionTimeoutMS=_TO_REACH,
        connectTimeoutMS=_TO_REACH,
        socketTimeoutMS=_TO_REACH,
        datetime_conversion=LENIENT.datetime_conversion,
        unicode_decode_error_handler=LENIENT.unicode_decode_error_handler,
    )


def _look(database: Database[Document], part: _Part, *, is_ours: bool) -> Iterator[str]:
    collection = database[part.collection]
    fresh = collection.count_documents(part.fresh)
    if not fresh:
        return
    findings = Findings(part.what)
    try:
        with collection.find(part.fresh, batch_size=_AT_ONCE) as documents:
            for document in documents:
                findings.look(document, part.read)
    except PyMongoError as e:
        if not e.timeout:
            raise
    if not is_ours:  # else what is left are odd ones
        total = counted(collection.estimated_document_count(), part.what)
        yield f"{fresh - findings.odd} of {total} will be taken over"
    yield from findings.told()
    if findings.seen < fresh:
        yield f"There was time to look at {counted(findings.seen, part.what)} only"


def _words(error: PyMongoError) -> str:
    """Return what is wrong in one line, without the driver's own state."""
    return " ".join(str(error).partition(" (configured timeouts")[0].split())[:_LONGEST_TROUBLE]
