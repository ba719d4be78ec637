"""
A backup that any kind of store can be filled from: JSON lines, compressed by gzip (docs/backup-format.md).

The first line tells what it is, the last one how many records of each kind there are, with a digest: so a file that is
cut, at whatever byte, is noticed.
"""

import gzip
import json
import zlib
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

from attrs import define, field

from flamenco_mgr import __version__
from flamenco_mgr.storekeeping.digests import Summing, Sums
from flamenco_mgr.storekeeping.json_records import NotARecord, from_document, named
from flamenco_mgr.storekeeping.looking import Look, Looked
from flamenco_mgr.storekeeping.progress import IProgress
from flamenco_mgr.storekeeping.records import KINDS, Record, Source
from flamenco_mgr.storekeeping.trouble import BadBackup

FORMAT: Final = "flamenco-manager-backup"
VERSION: Final = 1
"""The newest version of the format that is written and read here."""

_MAGIC: Final = b"\x1f\x8b"
_LEVEL: Final = 3
"""Of gzip: half as large as without, and three times as fast as its usual level."""

_LONGEST: Final = 64 << 20
"""Characters of a line: a task with commands of 32 MiB, in ASCII."""

_encode = json.JSONEncoder(separators=(",", ":"), default=str).encode


def write(source: Source, path: Path, now: float, progress: IProgress) -> Sums:
    """Write everything of a source into a file; return how much that is."""
    summing = Summing()
    expected = dict(source.expected())
    header = {
        "format": FORMAT,
        "version": VERSION,
        "made": datetime.fromtimestamp(now, timezone.utc).isoformat(timespec="seconds"),
        "by": f"Flamenco Manager {__version__}",
        "from": source.about(),
        "expected": expected,
    }
    progress.begin("writing", sum(expected.values()))
    with path.open("wb") as raw:
        with gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=_LEVEL, mtime=0) as file:
            _line(file, header)
            for record in source.records():
                name, document = named(record)
                _line(file, {name: document})
                summing.add_document(name, document)
                progress.advance()
            sums = summing.sums
            _line(file, {"end": {"counts": dict(sums.counts), "digests": dict(sums.digests)}})
        raw.flush()
    return sums


def is_neutral(path: Path) -> bool:
    """Whether a file begins as such a backup does; raises OSError."""
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


@define(eq=False, kw_only=True)
class NeutralFile:
    """A backup as a source of records; `checked` before anything of it is used."""

    path: Path
    header: Mapping[str, Any] = field(init=False, factory=dict)
    _stated: Sums | None = field(init=False, default=None)

    @classmethod
    def checked(cls, path: Path, progress: IProgress) -> "tuple[NeutralFile, Looked]":
        """Read a file to its end; `BadBackup` if it is not whole, or not one that is understood."""
        found = cls(path=path)
        with closing(found._lines()) as lines:
            found.header = _header(path, next(lines, None))
        looked = Look(progress=progress).at(found, "checking the backup")
        if looked.sums != found._stated:
            raise BadBackup(f"{path} is damaged: what is in it is not what its last line says")
        return found, looked

    @property
    def left_out(self) -> int:
        """See `Source`: a backup has records only."""
        return 0

    def about(self) -> str:
        """See `Source.about`."""
        return str(self.path)

    def expected(self) -> Mapping[str, int]:
        """See `Source.expected`."""
        return dict(self.header["expected"])

    def records(self) -> Iterator[Record]:
        """See `Source.records`."""
        order = list(KINDS)
        latest = 0
        with closing(self._lines()) as lines:
            next(lines, None)
            for number, line in enumerate(lines, 2):
                name, document = _only(self.path, number, line)
                if name == "end":
                    self._stated = _stated(self.path, document)
                    if next(lines, None) is not None:
                        raise BadBackup(f"{self.path} goes on after its end (line {number + 1})")
                    return
                try:
                    record = from_document(name, document)
                except NotARecord as e:
                    raise BadBackup(f"{self.path}, line {number}: {e}") from None
                if order.index(name) < latest:
                    raise BadBackup(f"{self.path}, line {number}: a record of kind {name} comes too late")
                latest = order.index(name)
                yield record
        raise BadBackup(f"{self.path} is cut: its last line is missing")

    def _lines(self) -> Generator[Any, None, None]:
        """Yield what the lines say."""
        try:
            with gzip.open(self.path, "rb") as file:
                number = 0
                while line := file.readline(_LONGEST):
                    number += 1
                    if not line.endswith(b"\n"):
                        raise BadBackup(f"{self.path} is cut, or damaged, in line {number}")
                    try:
                        yield json.loads(line)
                    except (ValueError, RecursionError):
                        raise BadBackup(f"{self.path}, line {number}: this is no JSON") from None
        except EOFError:
            raise BadBackup(f"{self.path} is cut: it ends in the middle") from None
        except (gzip.BadGzipFile, zlib.error) as e:
            raise BadBackup(f"{self.path} is damaged, or no backup: {e}") from None
        except OSError as e:
            raise BadBackup(f"{self.path} cannot be read: {e.strerror or e}") from e


def _line(file: gzip.GzipFile, value: Mapping[str, Any]) -> None:
    file.write(_encode(value).encode("ascii") + b"\n")


def _header(path: Path, found: Any) -> Mapping[str, Any]:
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise BadBackup(f"{path} is no backup of a Flamenco Manager")
    version = found.get("version")
    if version != VERSION:
        raise BadBackup(
            f"{path} is a backup of version {version!r:.20}, and this Manager knows {VERSION}; use the one that made it"
            f" ({found.get('by')!r:.60})"
        )
    expected = found.get("expected")
    if not isinstance(expected, dict) or not all(type(count) is int for count in expected.values()):
        raise BadBackup(f"{path} is damaged: its first line does not say what to expect")
    return found


def _only(path: Path, number: int, line: Any) -> tuple[str, Any]:
    """Return the name and the value of an object that has one of each."""
    if not isinstance(line, dict) or len(line) != 1:
        raise BadBackup(f"{path}, line {number}: this is no record")
    return next(iter(line.items()))


def _stated(path: Path, document: Any) -> Sums:
    if not isinstance(document, dict) or not all(isinstance(document.get(one), dict) for one in ("counts", "digests")):
        raise BadBackup(f"{path} is damaged: its last line is not as it should be")
    return Sums(counts=document["counts"], digests=document["digests"])
