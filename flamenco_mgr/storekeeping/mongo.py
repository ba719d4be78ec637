"""MongoDB, as a process uses it that may wait: by PyMongo's own client."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import pymongo
from attrs import frozen
from pymongo.database import Database
from pymongo.errors import OperationFailure, PyMongoError

from flamenco_mgr.store.mongo import schema
from flamenco_mgr.store.mongo.lease import STILL_FOR
from flamenco_mgr.store.mongo.odd_values import LENIENT
from flamenco_mgr.storekeeping.stores import OnMongoDB
from flamenco_mgr.storekeeping.trouble import NotDone

Document = dict[str, Any]

SETTINGS: Final = "settings"

_TO_REACH: Final = 5_000
"""Milliseconds until a server counts as not there."""

_ANSWER: Final = 300_000
"""Milliseconds for one answer: of a large collection some take long."""

_LOOK_EVERY: Final = 0.25

_LONGEST: Final = 300
"""Characters of the driver's words."""

AT_ONCE: Final = 500
"""Documents that are read or written together."""


@frozen(kw_only=True)
class Term:
    """How the lease stands: who has it, for people, and what changes as long as somebody does."""

    holder: str
    state: tuple[Any, ...]
    taken: bool


@contextmanager
def connected(store: OnMongoDB) -> Iterator[Database[Document]]:
    """Give a database; what the driver fails with becomes `NotDone`, in one line."""
    login = store.address.login
    # As the Manager itself logs in: this driver would rather do it in another way.
    mechanism: dict[str, Any] = {} if login is None else {"authMechanism": login.mechanism}
    try:
        client: pymongo.MongoClient[Document] = pymongo.MongoClient(
            store.url,
            **mechanism,
            serverSelectionTimeoutMS=_TO_REACH,
            connectTimeoutMS=_TO_REACH,
            socketTimeoutMS=_ANSWER,
            w="majority",
            journal=True,
            readPreference="primary",
        )
        with client:
            yield client.get_default_database(codec_options=LENIENT)
    except OperationFailure as e:
        raise NotDone(f"{store.shown}: {_words(e)}") from e
    except PyMongoError as e:
        raise NotDone(f"{store.shown} cannot be used: {_words(e)}") from e


def form_of(database: Database[Document], shown: str) -> int:
    """Return which form the documents of a database have, 0 for none of ours; `NotDone` if no Manager would open it."""
    facts = list(database[SETTINGS].find(schema.SINGLE_FACTS))
    document = next((fact for fact in facts if fact["_id"] == schema.DOCUMENT), None)
    refused = schema.damage(facts, database.name) or schema.refusal(document, database.name)
    found = 0 if refused else schema.version(document)
    if refused is None and found == schema.SCHEMA and database[SETTINGS].find_one(schema.UNMARKED) is not None:
        refused = schema.mixture(database.name)
    if refused is not None:
        raise NotDone(f"{shown}: {refused}")
    return found


def not_newer(database: Database[Document], shown: str) -> None:
    """See that a database is not a newer Manager's; whatever else may be wrong with it. Raises `NotDone`."""
    document = database[SETTINGS].find_one({"_id": schema.DOCUMENT})
    if document is None or schema.damage([document], database.name) is not None:
        return
    refused = schema.refusal(document, database.name)
    if refused is not None:
        raise NotDone(f"{shown}: {refused}")


def term(database: Database[Document]) -> Term:
    """Return how the lease stands."""
    found = database[SETTINGS].find_one({"_id": "lease"}) or {}
    state = tuple(found.get(name) for name in ("holder", "fence", "renewals"))
    return Term(holder=str(found.get("name", "")), state=state, taken=found.get("holder") is not None)


def manager_of(database: Database[Document], wait: Callable[[float], None] = time.sleep) -> str:
    """
    Return who has the lease of a database, for people; empty if no Manager runs on it.

    A holder that was killed looks like one that lives, until it has not renewed its lease for some seconds.
    """
    first = term(database)
    if not first.taken:
        return ""
    for _ in range(round((STILL_FOR + 1) / _LOOK_EVERY)):
        wait(_LOOK_EVERY)
        now = term(database)
        if not now.taken:
            return ""
        if now.state != first.state:
            return now.holder or "a Manager"
    return ""


def without_manager(database: Database[Document], shown: str) -> Term:
    """Return how the lease stands; `NotDone` if a Manager runs."""
    holder = manager_of(database)
    if holder:
        raise NotDone(f"a Manager runs on {shown} ({holder}): stop all of them first")
    return term(database)


def still_unused(database: Database[Document], shown: str, before: Term) -> None:
    """See that nobody has taken the lease since; raises `NotDone`."""
    if term(database) != before:
        raise NotDone(f"a Manager was started on {shown} meanwhile; stop it, and begin once more")


def _words(error: PyMongoError) -> str:
    """Return what is wrong in one line, without the driver's own state."""
    text = str(error).partition(" (configured timeouts")[0].partition(", full error:")[0]
    return " ".join(text.split())[:_LONGEST]
