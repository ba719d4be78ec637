"""What one statement does to one document, put together field by field."""

from collections.abc import Mapping
from typing import Any

from attrs import define, field

from flamenco_mgr.store.mongo.encoding import ABSENT, Document


@define(eq=False)
class Change:
    """Fields by their paths: what is set, what is removed, what grows, what is appended."""

    _set: Document = field(factory=dict)
    _unset: Document = field(factory=dict)
    _grow: Document = field(factory=dict)
    _append: dict[str, list[Any]] = field(factory=dict)

    def put(self, fields: Mapping[str, Any]) -> None:
        """Set fields, or remove those that are to be absent; the last word on a field counts."""
        for path, value in fields.items():
            self._set.pop(path, None)
            self._unset.pop(path, None)
            if value is ABSENT:
                self._unset[path] = ""
            else:
                self._set[path] = value

    def grow(self, path: str) -> None:
        """Let a number grow by one."""
        self._grow[path] = 1

    def append(self, path: str, value: Any) -> None:
        """Append to a list, behind what is appended to it already."""
        self._append.setdefault(path, []).append(value)

    @property
    def document(self) -> Document:
        """The change as MongoDB's operators; there is something to set always."""
        appended = {path: {"$each": values} for path, values in self._append.items()}
        parts = {"$set": self._set, "$unset": self._unset, "$inc": self._grow, "$push": appended}
        return {operator: fields for operator, fields in parts.items() if fields}


def nested(fields: Mapping[str, Any]) -> Document:
    """Return a new document with these fields, but for the absent ones."""
    document: Document = {}
    for path, value in fields.items():
        if value is ABSENT:
            continue
        *outer, name = path.split(".")
        place = document
        for part in outer:
            place = place.setdefault(part, {})
        place[name] = value
    return document
