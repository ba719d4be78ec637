"""Documents of MongoDB, as another program may have left them."""

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

import bson
from bson import Binary, Decimal128, Int64, ObjectId, Regex
from bson.errors import InvalidBSON

from flamenco_mgr.store.mongo import bans, documents, odd_documents, schedules, update_documents, worker_documents
from flamenco_mgr.store.mongo.encoding import misfit, to_commands
from flamenco_mgr.store.mongo.odd_documents import NotUnderstood, Understood
from flamenco_mgr.store.mongo.odd_values import LENIENT
from flamenco_mgr.wire.operator_json import listed_worker
from flamenco_mgr.wire.server_json import batch
from flamenco_mgr.wire.worker_json import task_document
from tests.fuzz.checks import sent
from tests.fuzz.target import Target

_ID = ObjectId("5e6a2b7d9d3b4a0017c0a001")
_THEN = datetime(2026, 11, 24, 13, 19, 9, 778_000, tzinfo=timezone.utc)
_HASH = b"$2a$04$CXfCkBgw.CBo8i0fCqV3N..AhfXXRF7TJjdVU0KW956sk6c.ixBVC"

Document = dict[str, Any]


def _read(data: bytes) -> Document:
    """Return the document of some bytes, read as the Manager reads them; raises `InvalidBSON`."""
    found: Document = bson.decode(data, LENIENT)
    return found


def _understood(
    data: bytes, meaning: Callable[[Mapping[str, Any]], Understood], use: Callable[[Document], object]
) -> None:
    plain = meaning(_read(data)).applied(_read(data))
    assert meaning(plain) == Understood(), "what is plain is not understood as it is"
    assert not misfit(plain)
    use(bson.decode(bson.encode(plain), LENIENT))


def _task(data: bytes) -> None:
    def use(plain: Document) -> None:
        task = documents.task(plain | {"mgr": {"rev": 0}})
        sent(task_document(task, to_commands(plain.get("commands"), None)))
        documents.derived(task)

    _understood(data, odd_documents.task, use)


def _worker(data: bytes) -> None:
    _understood(data, odd_documents.worker, lambda plain: sent(listed_worker(worker_documents.worker(plain), None, ())))


def _update(data: bytes) -> None:
    def use(plain: Document) -> None:
        update = update_documents.update(plain)
        batch([(update, update.received_at)])

    _understood(data, odd_documents.update, use)


def _ban(data: bytes) -> None:
    line = bans.line(_read(data))
    assert line is None or isinstance(line.created, float)


def _schedule(data: bytes) -> None:
    read = schedules.to_schedule(_read(data).get("sleep_schedule"))
    written = schedules.from_schedule(read)
    assert not isinstance(written, dict) or schedules.to_schedule(written) == read, f"{read} reads back otherwise"


def _deep(name: str) -> bytes:
    inner: Document = {}
    for _ in range(90):
        inner = {"a": [inner]}
    return bson.encode({"_id": _ID, "job": _ID, "task_id": _ID, "hashed_secret": _HASH, name: inner})


def _large() -> tuple[bytes, ...]:
    return (
        *(_deep(name) for name in ("commands", "metrics", "mgr", "sleep_schedule", "parents")),
        bson.encode({"_id": _ID, "job": _ID, "parents": [ObjectId()] * 10_000, "name": "n" * 1_000_000}),
        bson.encode({"_id": _ID, "job": _ID, "priority": Decimal128("9E+6144"), "last_updated": "9" * 100_000}),
        (1 << 30).to_bytes(4, "little") + b"\x02a\0" + b"\xff\xff\xff\x7f" + b"a" * 1_000_000,
    )


_ODD: Document = {
    "nickname": None,
    "name": 5,
    "priority": Decimal128("NaN"),
    "job_priority": Int64(1 << 62),
    "last_updated": "9999-12-31T23:59:59-23:59",
    "last_activity": _THEN,
    "received_on_manager": "soon",
    "failed_by_workers": [{"id": str(_ID), "identifier": 1}],
    "metrics": {"timing": {"a": float("inf")}},
    "sleep_schedule": {"schedule_active": 1, "days_of_week": "monday, x", "start": "25:00", "end": {"time": "7:5:3"}},
    "commands": [{"name": "a", "settings": {"x": Regex("a")}}],
}
_BARE: Document = {"_id": _ID, "job": _ID, "task_id": _ID, "hashed_secret": _HASH, "status": "active", "job_id": _ID}
_SEEDS = (
    bson.encode(
        {
            **_BARE,
            "task_type": "sleep",
            "parents": [_ID],
            "worker_id": _ID,
            "_etag": "a",
            "last_worker_ping": _THEN,
            "commands": [{"name": "sleep", "settings": {"n": 1.5, "l": [None, True]}}],
            "_created": _THEN,
            "received_on_manager": _THEN,
            "task_status": "failed",
            "supported_task_types": ["sleep"],
            "sleep_schedule": {"schedule_active": True, "days_of_week": "mo tu", "start": {"time": "9:00"}},
        }
    ),
    bson.encode(_BARE | _ODD),
    *(bson.encode(_BARE | {name: value}) for name, value in _ODD.items()),
    # More digits than decimal numbers of BSON have, which pymongo reads and cannot show.
    bson.encode(_BARE | {"priority": Decimal128.from_bid(b"\xff" * 14 + b"\x41\x30")}),
    # Binary data of subtype 255, which pymongo reads and cannot write.
    bson.encode(_BARE | {"odd": Binary(b"odd", 254)}).replace(b"\xfeodd", b"\xffodd"),
)
_WORDS = (
    *(b"\x02", b"\x03", b"\x04", b"\x05\x00", b"\x07", b"\x08", b"\x09", b"\x0a", b"\x10", b"\x11", b"\x12", b"\x13"),
    *(b"_id\0", b"job\0", b"commands\0", b"settings\0", b"mgr\0", b"status\0", b"parents\0", b"\xff\xff\xff\x7f"),
)
_ERRORS = (InvalidBSON, NotUnderstood)

TARGETS = (
    Target(name="mongo-task", parse=_task, errors=_ERRORS, seeds=_SEEDS, words=_WORDS, large=_large),
    Target(name="mongo-worker", parse=_worker, errors=_ERRORS, seeds=_SEEDS, words=_WORDS, large=_large),
    Target(name="mongo-update", parse=_update, errors=_ERRORS, seeds=_SEEDS, words=_WORDS, large=_large),
    Target(name="mongo-ban", parse=_ban, errors=(InvalidBSON,), seeds=_SEEDS, words=_WORDS, large=_large),
    Target(name="mongo-schedule", parse=_schedule, errors=(InvalidBSON,), seeds=_SEEDS, words=_WORDS, large=_large),
)
