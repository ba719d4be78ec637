"""Counts and digests, by which two copies of a farm are compared whatever they are kept in."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from attrs import define, field, frozen

from flamenco_mgr.storekeeping.json_records import to_document
from flamenco_mgr.storekeeping.records import KINDS, NAMES, Record

_MODULUS: Final = 1 << 256

_TIMES: Final = frozenset(
    {
        *("since", "received_at", "at", "created", "last_activity", "current_task_updated"),
        *("next_check", "last_worker_ping", "last_updated", "cancel_requested_at"),
    }
)
"""Names of fields with seconds since 1970."""

_LATEST: Final = 1e15
"""Seconds; no calendar has a later time, and a number that is none has no milliseconds."""

_encode = json.JSONEncoder(separators=(",", ":"), sort_keys=True).encode


@frozen(kw_only=True)
class Sums:
    """How many records of each kind there are, and a digest of them, in hexadecimal."""

    counts: Mapping[str, int]
    digests: Mapping[str, str]


@define(eq=False)
class Summing:
    """
    Counts records and sums their digests up, for each kind.

    The order does not matter, as stores have different ones; a sum is of the SHA-256 of each record, modulo 2**256.
    Times count to the millisecond, as MongoDB has them. Places are part of the records, so the order of what waits for
    the Server matters all the same.
    """

    _counts: dict[str, int] = field(init=False, factory=lambda: dict.fromkeys(KINDS, 0))
    _totals: dict[str, int] = field(init=False, factory=lambda: dict.fromkeys(KINDS, 0))

    def add(self, record: Record) -> None:
        """Count a record in."""
        self.add_document(NAMES[type(record)], to_document(record))

    def add_document(self, name: str, document: dict[str, Any]) -> None:
        """Count a record in by its document; its times are rounded in place."""
        if name == "numbers":  # what else has a number is counted by each kind of store in its own way
            document = {"receipts": document.get("receipts", 0)}
        digest = hashlib.sha256(_encode(_to_milliseconds(document)).encode("ascii")).digest()
        self._counts[name] += 1
        self._totals[name] = (self._totals[name] + int.from_bytes(digest, "big")) % _MODULUS

    @property
    def sums(self) -> Sums:
        """What was counted so far."""
        return Sums(counts=dict(self._counts), digests={name: f"{total:064x}" for name, total in self._totals.items()})


def differences(ours: Sums, theirs: Sums) -> list[str]:
    """Return the kinds in which two copies differ."""
    return [
        name
        for name in KINDS
        if (ours.counts.get(name, 0), ours.digests.get(name)) != (theirs.counts.get(name, 0), theirs.digests.get(name))
    ]


def _to_milliseconds(document: dict[str, Any]) -> dict[str, Any]:
    for name, value in document.items():
        if name in _TIMES and isinstance(value, (int, float)) and abs(value) < _LATEST:
            document[name] = round(value * 1000)
        elif isinstance(value, dict) and name in {"task", "update", "event", "sleep_schedule"}:
            _to_milliseconds(value)
    return document
