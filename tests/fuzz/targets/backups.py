"""Files that somebody wants to restore from."""

import gzip
import json
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from flamenco_mgr.storekeeping import neutral_file
from flamenco_mgr.storekeeping.backup import copied_source
from flamenco_mgr.storekeeping.digests import Summing
from flamenco_mgr.storekeeping.json_records import NotARecord, from_document, named, to_document
from flamenco_mgr.storekeeping.looking import Look
from flamenco_mgr.storekeeping.progress import Silent
from flamenco_mgr.storekeeping.records import KINDS
from flamenco_mgr.storekeeping.restore import restore
from flamenco_mgr.storekeeping.stores import Embedded
from flamenco_mgr.storekeeping.trouble import BadBackup, NotDone
from tests.builders import JOB, TASK, UPDATE, WORKER
from tests.fuzz.target import Target

_NOW: Final = 1_790_000_000.0
_TEXT: Final = 4
"""Bytes of a patch's place in a file, of which a patch has one more."""


def _restored(content: bytes) -> None:
    """Restore a file into an empty directory: it is done, or the directory is as it was."""
    with tempfile.TemporaryDirectory(prefix="flamenco-fuzz-") as scratch:
        backup, store = Path(scratch) / "backup", Embedded(directory=Path(scratch) / "db")
        backup.write_bytes(content)
        try:
            restore(store, backup, now=_NOW, progress=Silent())
        except NotDone:
            assert not store.path.exists(), "there is a store, and yet it is said that there is none"
            raise
        with closing(sqlite3.connect(store.path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def _record(data: bytes) -> None:
    """Read a record of a kind that is named before a colon."""
    kind, _, text = data.partition(b":")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise NotARecord("no JSON") from None
    record = from_document(kind.decode("utf-8", "replace"), document)
    name, written = named(record)
    assert from_document(name, to_document(record)) == record, "what is written reads back as something else"
    Summing().add_document(name, written)


def _lines(data: bytes) -> None:
    """Restore a backup of these records, whose first and last line are right, so that it is looked into."""
    summing = Summing()
    for line in data.splitlines():
        try:
            ((name, document),) = json.loads(line).items()
            summing.add(from_document(name, document))
        except (ValueError, AttributeError, RecursionError):  # noqa: PERF203 it is for the target to refuse
            continue
    sums = summing.sums
    header = {"format": neutral_file.FORMAT, "version": neutral_file.VERSION, "expected": dict.fromkeys(KINDS, 1)}
    end = {"end": {"counts": dict(sums.counts), "digests": dict(sums.digests)}}
    body = data if data.endswith(b"\n") or not data else data + b"\n"
    _restored(gzip.compress(json.dumps(header).encode() + b"\n" + body + json.dumps(end).encode() + b"\n", 1))


def _compressed(data: bytes) -> None:
    """Read a file as it is, if it is one of compressed lines, and else these lines, compressed."""
    content = data if data.startswith(b"\x1f\x8b") else gzip.compress(data, 1)
    with tempfile.NamedTemporaryFile(prefix="flamenco-fuzz-") as file:
        file.write(content)
        file.flush()
        neutral_file.NeutralFile.checked(Path(file.name), Silent())


def _database(data: bytes) -> None:
    """Restore a sound database of which bytes were changed: a place (four bytes), and what is there now, and so on."""
    content = bytearray(_sound())
    for at in range(0, len(data) - _TEXT, _TEXT + 1):
        content[int.from_bytes(data[at : at + _TEXT], "big") % len(content)] = data[at + _TEXT]
    _restored(bytes(content))


def _table(data: bytes) -> None:
    """Restore a database that is whole, and where somebody else wrote a value: table, column, and JSON of a value."""
    try:
        table, column, value = json.loads(data)
        kind = value if isinstance(value, (str, int, float, type(None))) else json.dumps(value)
    except (ValueError, TypeError, RecursionError):
        raise BadBackup("no such value") from None
    with tempfile.NamedTemporaryFile(prefix="flamenco-fuzz-") as file:
        file.write(_sound())
        file.flush()
        with closing(sqlite3.connect(file.name)) as connection:
            columns = {
                (name, one[1])
                for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
                for one in connection.execute(f'PRAGMA table_info("{name}")')
            }
            if not isinstance(table, str) or not isinstance(column, str) or (table, column) not in columns:
                raise BadBackup("no such column")
            try:
                connection.execute(f'UPDATE "{table}" SET "{column}" = ?', (kind,))  # noqa: S608
                connection.commit()
            except (sqlite3.Error, OverflowError, UnicodeError):
                raise BadBackup("no such value") from None
        content = Path(file.name).read_bytes()
    _restored(content)
    _records_of(content)


def _records_of(content: bytes) -> None:
    """Read a database as it is read to become one of another kind."""
    with tempfile.TemporaryDirectory(prefix="flamenco-fuzz-") as scratch:
        path = Path(scratch) / "copy"
        path.write_bytes(content)
        with copied_source(path, "the copy") as source:
            Look(progress=Silent()).at(source, "reading")


_RECORDS: Final[tuple[dict[str, Any], ...]] = (
    {"mark": {"value": "2026-11-24T13:19:09Z"}},
    {"worker": {"id": WORKER, "hashed_secret": "JDJiJDA0JA==", "nickname": "w", "supported_task_types": ["sleep"]}},
    {"task": {"task": {"id": TASK, "job": JOB, "status": "active", "worker_id": WORKER, "parents": [JOB]}, "acked": 3}},
    {"aside": {"task_id": JOB, "reason": "r", "document": "{", "since": 5.5}},
    {"update": {"place": 1, "version": 1, "unhandled": 0, "update": {"id": UPDATE, "task_id": TASK, "received_at": 1}}},
    {"parked": {"place": 2, "reason": "r", "since": 1, "update": {"id": JOB, "task_id": TASK, "received_at": 1}}},
    {"blacklist": {"worker_id": WORKER, "job": JOB, "task_type": "sleep", "created": 1.5}},
    {"event": {"place": 1, "event": {"at": 1.5, "kind": "task", "task": TASK}}},
    {"numbers": {"receipts": 3, "updates": 2, "events": 1}},
)
_TEXTS = tuple(json.dumps(record).encode() for record in _RECORDS)


def _sound() -> bytes:
    """Return a database of a store in which there is something of each kind."""
    if not _MADE:
        with tempfile.TemporaryDirectory(prefix="flamenco-fuzz-") as scratch:
            store, backup = Embedded(directory=Path(scratch) / "db"), Path(scratch) / "backup"
            _made_of(b"\n".join(_TEXTS) + b"\n", backup)
            restore(store, backup, now=_NOW, progress=Silent())
            _MADE.append(store.path.read_bytes())
    return _MADE[0]


_MADE: list[bytes] = []


def _made_of(lines: bytes, path: Path) -> None:
    summing = Summing()
    for record in _RECORDS:
        ((name, document),) = record.items()
        summing.add(from_document(name, document))
    header = {"format": neutral_file.FORMAT, "version": neutral_file.VERSION, "expected": dict.fromkeys(KINDS, 1)}
    end = {"end": {"counts": dict(summing.sums.counts), "digests": dict(summing.sums.digests)}}
    path.write_bytes(gzip.compress(json.dumps(header).encode() + b"\n" + lines + json.dumps(end).encode() + b"\n"))


def _bombs() -> Iterator[bytes]:
    yield gzip.compress(b"\n" * (1 << 24), 1)
    yield gzip.compress(b"[" * ((1 << 26) + 1), 1)
    yield gzip.compress(b'{"format":"' + b"x" * (1 << 25) + b'"}\n', 1)
    yield gzip.compress(gzip.compress(b"\0" * (1 << 22)))
    yield gzip.compress(b'{"mark":' * 100_000 + b"\n")


_NAMES = tuple(b'"%b"' % name.encode() for name in KINDS)
_VALUES = (b"1e400", b"NaN", b"-1", b"99999999999999999999", b'"\\ud800"', b'"\\u0000"', b"null", b"[]", b"{}", b"1.5")
_COLUMNS = (b'["tasks","parents",', b'["workers","sleep_schedule",', b'["updates","timing",', b'["commands","json",')

TARGETS = (
    Target(
        name="backup-record",
        parse=_record,
        errors=(NotARecord,),
        seeds=tuple(
            next(iter(record)).encode() + b":" + json.dumps(next(iter(record.values()))).encode() for record in _RECORDS
        ),
        words=_VALUES,
        large=lambda: (
            b"task:" + b"[" * 500_000,
            b"mark:" + b"9" * 500_000,
            b"task:" + b'{"task":' * 900 + b"1" + b"}" * 900,
        ),
    ),
    Target(
        name="backup-lines",
        parse=_lines,
        errors=(NotDone,),
        seeds=(
            *(b"\n".join(_TEXTS) + b"\n", *_TEXTS, _TEXTS[8] + b"\n" + _TEXTS[0]),
            *(b'{"numbers":{"receipts":%b}}' % value for value in _VALUES),
            *(b'{"aside":{"task_id":"a","reason":"r","document":"{","since":%b}}' % value for value in _VALUES),
            *(b'{"mark":{"value":%b}}' % value for value in _VALUES),
            b'{"aside":{"task_id":"a","reason":"r","document":"{","since":1e308}}',
        ),
        words=(*_NAMES, *_VALUES, b"\n"),
        slow=True,
    ),
    Target(
        name="backup-file",
        parse=_compressed,
        errors=(BadBackup,),
        seeds=(
            b'{"format":"flamenco-manager-backup","version":1,"expected":{}}\n' + _TEXTS[0] + b"\n",
            b'{"format":"flamenco-manager-backup","version":1,"expected":{}}\n{"end":{"counts":{},"digests":{}}}\n',
            gzip.compress(b'{"format":"flamenco-manager-backup","version":2}\n', mtime=0),
        ),
        words=(b"\x1f\x8b\x08", b"\n", b'{"end":{"counts":{},"digests":{}}}', *_VALUES),
        large=_bombs,
    ),
    Target(
        name="backup-database",
        parse=_database,
        errors=(NotDone,),
        seeds=(b"\0\0\0\x3f\1", b"\0\0\0\x1b\0\0\0\x10\0\3", b"\0\0\x20\0\xff", b"\0\xf7|\t\xff", b"f\x14vx\xff"),
        slow=True,
    ),
    Target(
        name="backup-table",
        parse=_table,
        errors=(NotDone,),
        seeds=(
            *(column + b'"x"]' for column in _COLUMNS),
            b'["tasks","progress","1 2"]',
            b'["updates","timing","9"]',
            b'["blacklist","created","x"]',
        ),
        words=(*_COLUMNS, *_VALUES, b'"{"', b'"[1]"', b'"tasks"', b'"updates"', b'"workers"', b'"events"'),
        slow=True,
    ),
)
