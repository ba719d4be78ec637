"""
What is kept of a run: a JSON file for each figure, with its rows, and with when, where and how it was measured.

A figure that is measured again replaces its own file alone, so that each file speaks of one run.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import cattrs
from attrs import asdict, frozen

from bench.results import Row

KEPT = Path(__file__).with_name("results")
"""Where the files are that the document is made from."""

_ALWAYS = ("figure", "measured")
_DIGITS = 6
"""Significant digits of a number that is kept; no clock here tells more."""


@frozen(kw_only=True)
class Machine:
    """What a figure was measured on; ``memory`` in bytes, ``fdatasync`` the seconds in which a page is on its disk."""

    processor: str
    cores: int
    memory: int
    system: str
    fdatasync: float


@frozen(kw_only=True)
class Origin:
    """
    Where a figure comes from.

    ``began`` is in UTC, ``seconds`` is how long measuring took. ``commit`` names the state of the source, with a plus
    if something was changed since. ``idle`` is the share of the machine that was unused before, ``niceness`` that of
    the run. ``quick``: shorter and smaller than a figure to compare with.
    """

    began: str
    seconds: float
    command: str
    quick: bool
    commit: str
    versions: Mapping[str, str]
    machine: Machine
    idle: float
    niceness: int


@frozen(kw_only=True)
class Record:
    """All that is known of a figure."""

    figure: str
    origin: Origin
    rows: Sequence[Row]


def keep(record: Record, directory: Path) -> None:
    """Write a figure's file, in place of an earlier one."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{record.figure}.json"
    fresh = path.with_suffix(".new")
    fresh.write_text(as_json(record), encoding="utf-8")
    fresh.rename(path)


def as_json(record: Record) -> str:
    """Return what is kept of a figure; a row's empty parts are left out."""
    document = asdict(record)
    document["rows"] = [
        {name: value for name, value in row.items() if name in _ALWAYS or _says(value)} for row in document["rows"]
    ]
    return json.dumps(_rounded(document), indent=1, ensure_ascii=False) + "\n"


def kept(directory: Path = KEPT) -> Mapping[str, Record]:
    """Return the figures whose files are there, by name."""
    records = [from_json(path.read_text(encoding="utf-8")) for path in sorted(directory.glob("*.json"))]
    return {record.figure: record for record in records}


def from_json(text: str) -> Record:
    """Read a figure's file."""
    return cattrs.structure(json.loads(text), Record)


def _says(value: object) -> bool:
    return value is not None and value not in ("", {})


def _rounded(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _rounded(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(part) for part in value]
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value
