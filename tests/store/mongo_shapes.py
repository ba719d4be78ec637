"""
What MongoDB's documentation says of commands, applied to those that were sent.

The stand-in uses no indexes and has no ``explain``; so whether a query finds its documents through an index is told by
its shape: fields that are equal to something, then the order, are the first keys of an index of `indexes.INDEXES`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import field, frozen

from flamenco_mgr.store.mongo.indexes import INDEXES, Index

Command = Mapping[str, Any]

_EQUAL = frozenset({"$eq", "$in"})
_RANGE = frozenset({"$gt", "$gte", "$lt", "$lte", "$exists", "$type"})
BY_ID = Index(keys={"_id": 1})


@frozen(kw_only=True)
class Shape:
    """A query: which fields are equal to something, which are in a range, in which order, of which collection."""

    collection: str
    filter: Mapping[str, Any]
    sort: Mapping[str, int] = field(factory=dict)

    def fields(self, operators: frozenset[str]) -> set[str]:
        """Return the fields that are compared in one of these ways."""
        return {
            name
            for name, wanted in self.filter.items()
            if not name.startswith("$") and operators.intersection(_operators(wanted))
        }

    @property
    def index(self) -> Index | None:
        """The index that finds the documents, in their order, and passes over the fewest; None if there is none."""
        served = {index.name: self._fit(index) for index in (BY_ID, *INDEXES.get(self.collection, ()))}
        best = max(served, key=lambda name: served[name])
        indexes = {index.name: index for index in (BY_ID, *INDEXES.get(self.collection, ()))}
        return indexes[best] if served[best] >= 0 else None

    def _fit(self, index: Index) -> int:
        """Return how many fields of the query are equal to something in the index; -1 if it does not serve."""
        if any(self.filter.get(name) != value for name, value in index.where.items()):
            return -1
        equal, ranges = self.fields(_EQUAL), self.fields(_RANGE)
        left = list(index.keys.items())
        found = 0
        while left and left[0][0] in equal:
            left.pop(0)
            found += 1
        ordered = [(name, direction) for name, direction in self.sort.items() if name not in equal]
        there = left[: len(ordered)]
        if ordered not in (there, [(name, -direction) for name, direction in there]):  # an index is walked both ways
            return -1
        return found if found or ordered or bool(left and left[0][0] in ranges) else -1


def shapes(command: Command) -> Iterator[Shape]:
    """Yield the queries of a command; none for what has none."""
    name = next(iter(command))
    collection = command[name]
    if name == "find":
        yield Shape(collection=collection, filter=command["filter"], sort=command.get("sort", {}))
    elif name == "update":
        yield from (Shape(collection=collection, filter=one["q"]) for one in command["updates"])
    elif name == "delete":
        yield from (Shape(collection=collection, filter=one["q"]) for one in command["deletes"])
    elif name == "distinct":
        key = command["key"]
        yield Shape(collection=collection, filter=command.get("query", {}), sort={key: 1})
    elif name == "count":
        yield Shape(collection=collection, filter=command.get("query", {}))


def mistakes(command: Command) -> Iterator[str]:
    """Yield what MongoDB would refuse, though the stand-in may not, and what could lose acknowledged writes."""
    name = next(iter(command))
    if name in {"insert", "update", "delete"}:
        concern = command.get("writeConcern", {})
        if concern.get("w") != "majority" or concern.get("j") is not True:
            yield f"{name} is acknowledged before it is safe: {concern}"
    for one in command.get("updates", ()):
        yield from _conflicts(one["u"])
        for operator in ("$set", "$setOnInsert"):
            yield from _names(one["u"].get(operator, {}).values())
    for document in command.get("documents", ()):
        yield from _names([document])


def _operators(wanted: Any) -> Sequence[str]:
    if isinstance(wanted, dict) and wanted and all(key.startswith("$") for key in wanted):
        return list(wanted)
    return ["$eq"]


def _conflicts(update: Mapping[str, Any]) -> Iterator[str]:
    """Yield paths that two operators change; one may not be part of the other either."""
    if any(not operator.startswith("$") for operator in update):
        yield from _names([update])
        return
    paths = [path for fields in update.values() for path in fields]
    for number, path in enumerate(paths):
        for other in paths[number + 1 :]:
            if path == other or path.startswith(f"{other}.") or other.startswith(f"{path}."):
                yield f"{path} and {other} are changed at once"


def _names(values: Any) -> Iterator[str]:
    """Yield names of fields that older servers do not take."""
    for value in values:
        if isinstance(value, dict):
            yield from (f"a field is called {key}" for key in value if "." in key or key.startswith("$"))
            yield from _names(value.values())
        elif isinstance(value, list):
            yield from _names(value)
