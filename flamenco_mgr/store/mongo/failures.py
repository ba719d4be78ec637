"""What an error of the driver's means: come again, a case for who asked, or bad news in words for people."""

from collections.abc import Container, Mapping
from typing import Any

from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    CursorNotFound,
    DocumentTooLarge,
    DuplicateKeyError,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
    WriteConcernError,
)
from txmongo.errors import TimeExceeded

DUPLICATE = 11000
VIEW = 166

_PASSES = frozenset(
    {6, 7, 43, 64, 89, 91, 112, 134, 175, 189, 202, 262, 9001, 10058, 10107, 11600, 11602, 13435, 13436}
)
"""Codes of what passes: members that step down, stop or cannot be reached, conflicts, a majority that is late."""

_TOO_LARGE = frozenset({10334, 17419, 17420})

_NEEDS = "the Manager's user needs the role readWrite on its database"

_WORDS: Mapping[int, str] = {
    13: f"MongoDB does not permit this; {_NEEDS}",
    18: "MongoDB refuses the login",
    420: "MongoDB's operators have stopped all writing",
    31: f"MongoDB knows no such role; {_NEEDS}",
    8000: f"MongoDB does not permit this; {_NEEDS}",
    64: "too few members of the replica set confirm changes in time",
    79: "the replica set does not know what a majority is",
    100: "the replica set has too few members that can confirm a change",
    VIEW: "one of the Manager's collections is a view",
    14031: "the disk of MongoDB is full",
    12501: "MongoDB's space is used up",
    50: "MongoDB does not answer in time",
}

Failures = (PyMongoError, TimeExceeded)
"""What the driver raises for what is not the program's own mistake."""


def passes(error: Exception) -> bool:
    """Whether the same operation may succeed if it is tried again at once."""
    if isinstance(error, DuplicateKeyError):
        return False
    return isinstance(error, ConnectionFailure | CursorNotFound | WriteConcernError | TimeExceeded) or any(
        code in _PASSES for code in codes(error)
    )


def of_the_caller(error: Exception, codes_of_the_caller: Container[int]) -> Exception | None:
    """Return what the caller is told if the error is its own affair: a duplicate, a document that is too large."""
    found = codes(error)
    if any(code in _TOO_LARGE for code in found):
        return DocumentTooLarge(str(error))
    if isinstance(error, DuplicateKeyError) or any(code in codes_of_the_caller for code in found):
        return error
    return error if isinstance(error, BulkWriteError) and set(found) == {DUPLICATE} else None


def in_words(error: Exception) -> str:
    """Return one line for people; without the command that failed, which has others' data in it."""
    for code in codes(error):
        if code in _WORDS:
            return _WORDS[code]
    if isinstance(error, TimeExceeded):
        return _WORDS[50]
    if isinstance(error, NotPrimaryError):
        return "MongoDB has no primary at the moment"
    if isinstance(error, ConnectionFailure):
        return "the connection to MongoDB is lost"
    details = getattr(error, "details", None) or {}
    reason = details.get("errmsg") or _first(details).get("errmsg") or type(error).__name__
    return f"MongoDB fails: {reason}"[:200]


def codes(error: Exception) -> list[int]:
    """Return MongoDB's numbers for what went wrong."""
    if isinstance(error, BulkWriteError):
        details: Mapping[str, Any] = error.details or {}
        listed = [*details.get("writeErrors", ()), *details.get("writeConcernErrors", ())]
        return [int(one.get("code", 0)) for one in listed]
    return [error.code] if isinstance(error, OperationFailure) and error.code is not None else []


def _first(details: Mapping[str, Any]) -> Mapping[str, Any]:
    for one in (*details.get("writeErrors", ()), *details.get("writeConcernErrors", ())):
        return dict(one)
    return {}
