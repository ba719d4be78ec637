"""A process is run under the recorder, and what it did to a directory is read back."""

import json
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Final

from attrs import frozen

_SOURCE: Final = Path(__file__).with_name("recorder.c")
_CHECKOUT: Final = Path(__file__).resolve().parents[2]
_HEAD: Final = struct.Struct("<IIQQQ")
_TIME: Final = 300
"""Seconds that a process may take, on a machine that has much else to do."""


class Kind(IntEnum):
    """What a record says, as the recorder numbers it."""

    CREATE = 1
    WRITE = 2
    TRUNCATE = 3
    RENAME = 4
    LINK = 5
    UNLINK = 6
    MKDIR = 7
    RMDIR = 8
    SYNC = 9
    SYNCED = 10
    SAID = 11
    UNKNOWN = 12


@frozen
class Record:
    """
    One thing that happened.

    ``file`` is the number that the system gave a file or directory. ``number`` is where something was written, the size
    after a truncation, or which sync it is: what was written before its SYNC is on the disk from its SYNCED on.
    """

    kind: Kind
    file: int
    number: int
    text: bytes

    @property
    def names(self) -> tuple[str, ...]:
        """The files concerned, by their whole names."""
        return tuple(os.fsdecode(name) for name in self.text.split(b"\0"))


@frozen(kw_only=True)
class Recording:
    """
    What a process did below ``root``, which is still as it left it.

    ``before`` is a copy of the directory from before, with the numbers of its files by their names.
    """

    root: Path
    before: Path
    numbers: dict[str, int]
    records: Sequence[Record]


def compiler() -> str | None:
    """Return the C compiler of this machine, None if it has none."""
    return shutil.which("cc")


def built(directory: Path) -> Path:
    """Build the recorder; there must be a compiler."""
    library = directory / "recorder.so"
    command = [compiler() or "cc", "-O2", "-shared", "-fPIC", "-o", str(library), str(_SOURCE), "-ldl", "-lpthread"]
    subprocess.run(command, check=True, timeout=_TIME)
    return library


def recorded(library: Path, root: Path, arguments: Sequence[str], *, sync_us: int = 0) -> Recording:
    """
    Run a module (the first argument) under the recorder; a sync takes so many microseconds.

    It may end by a SIGKILL of its own. Raises AssertionError if the record is not complete, so that nothing is proved
    by what was not seen.
    """
    before, record = _beside(root, "before"), _beside(root, "record")
    shutil.copytree(root, before)
    numbers = {str(path.relative_to(root)): path.stat().st_ino for path in (root, *root.rglob("*"))}
    environment = {
        **os.environ,
        "LD_PRELOAD": str(library),
        "POWERCUT_ROOT": str(root),
        "POWERCUT_RECORD": str(record),
        "POWERCUT_SYNC_US": str(sync_us),
    }
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        env=environment,
        cwd=_CHECKOUT,
        capture_output=True,
        check=False,
        timeout=_TIME,
    )
    assert done.returncode in {0, -9}, f"{arguments} ended with {done.returncode}: {done.stderr.decode()}"
    _beside(root, "numbers").write_text(json.dumps(numbers))
    recording = kept(root)
    assert recording is not None
    records = recording.records
    unknown = {one.text.decode() for one in records if one.kind is Kind.UNKNOWN}
    assert not unknown, f"what is not recorded was used: {unknown}"
    said = b"".join(one.text for one in records if one.kind is Kind.SAID)
    assert said == done.stdout, "what was said is not what was recorded of it"
    return recording


def kept(root: Path) -> Recording | None:
    """Return what was recorded of a directory earlier, None if nothing was."""
    numbers = _beside(root, "numbers")
    if not numbers.exists():
        return None
    records = list(_read(_beside(root, "record").read_bytes()))
    return Recording(
        root=root, before=_beside(root, "before"), numbers=json.loads(numbers.read_text()), records=records
    )


def _beside(root: Path, what: str) -> Path:
    return root.with_name(f"{root.name}.{what}")


def _read(data: bytes) -> Iterator[Record]:
    place = 0
    while place < len(data):
        kind, length, file, number, _ = _HEAD.unpack_from(data, place)
        place += _HEAD.size
        yield Record(Kind(kind), file, number, data[place : place + length])
        place += length
