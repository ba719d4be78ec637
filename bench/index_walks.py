"""
How many keys MongoDB walks for a query, told by its shape, its index and the documents.

A server that uses its indexes says so itself (``explain``). Without one this applies the documented rules: an index is
walked from the first key that fits in the order of its keys. If a field is to have one of several values there is a
walk for each, and they are merged. A walk ends when the query has what it wants, or at the first key that does not fit
any more. The different values of a field are found by leaping from one to the next.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from flamenco_mgr.store.mongo.collection import Query
from flamenco_mgr.store.mongo.encoding import Document
from flamenco_mgr.store.mongo.indexes import Index

_ANY: Mapping[str, Any] = {"$nin": ()}


def keys_walked(query: Query, index: Index, documents: Iterable[Document]) -> int:
    """Return how many keys of an index a query walks at most, over these documents of the collection."""
    entries = list(_entries(index, documents))
    names = [name for name in index.keys if _is_point(query.filter.get(name, _ANY))]
    total = 0
    for values in product(*(_values(query.filter[name]) for name in names)):
        point = dict(zip(names, values, strict=True))
        here = [entry for entry in entries if all(_at(entry, name) == value for name, value in point.items())]
        total += _walk(query, _ordered(here, index))
    return total


def leaps(name: str, query: Query, index: Index, documents: Iterable[Document]) -> int:
    """Return how many keys are looked at to find the different values of a field, the end included."""
    found = {_at(entry, name) for entry in _entries(index, documents) if fits(query.filter, entry)}
    return len(found) + 1


def fits(wanted: Mapping[str, Any], document: Document) -> bool:
    """Whether a document has the fields that a query wants, each by a value, one of several, or none of several."""
    return all(_fits(value, _at(document, name)) for name, value in wanted.items())


def _walk(query: Query, entries: Sequence[Document]) -> int:
    found = 0
    for number, entry in enumerate(entries, 1):
        found += fits(query.filter, entry)
        if found == query.limit:
            return number
    return len(entries) + 1


def _entries(index: Index, documents: Iterable[Document]) -> Iterator[Document]:
    for document in documents:
        if fits(index.where, document) and not (index.sparse and all(_at(document, key) is None for key in index.keys)):
            yield document


def _ordered(entries: Sequence[Document], index: Index) -> Sequence[Document]:
    ordered = list(entries)
    for name, direction in reversed(list(index.keys.items())):
        ordered.sort(key=lambda entry, name=name: _at(entry, name), reverse=direction < 0)  # type: ignore[misc]
    return ordered


def _is_point(wanted: Any) -> bool:
    return not isinstance(wanted, Mapping) or "$in" in wanted


def _values(wanted: Any) -> Sequence[Any]:
    return list(wanted["$in"]) if isinstance(wanted, Mapping) else [wanted]


def _fits(wanted: Any, value: Any) -> bool:
    if not isinstance(wanted, Mapping):
        return bool(value == wanted)
    if wanted.keys() - {"$in", "$nin"}:
        raise ValueError(f"unknown condition: {wanted}")
    return value in wanted.get("$in", (value,)) and value not in wanted.get("$nin", ())


def _at(document: Document, path: str) -> Any:
    value: Any = document
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
