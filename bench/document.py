"""
``python -m bench.document``: the tables of docs/performance.md, made from what is kept.

The words around them are written by hand; between a begin and an end mark everything is replaced. With ``--check`` the
document is only compared, and the exit status is 1 if it does not agree.
"""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.layers import LAYERS
from bench.processes import CHECKOUT
from bench.records import KEPT, Machine, Record, kept
from bench.results import Row, as_markdown, in_mebibytes, in_time

DOCUMENT = CHECKOUT / "docs" / "performance.md"

Records = Mapping[str, Record]

_BLOCK = re.compile(r"(<!-- begin (\S+) -->\n).*?(<!-- end \2 -->)", re.DOTALL)
_NOT_YET = "Not measured yet.\n"


def refresh(document: Path = DOCUMENT, results: Path = KEPT) -> None:
    """Write the tables anew into the document."""
    document.write_text(refreshed(document.read_text(encoding="utf-8"), kept(results)), encoding="utf-8")


def refreshed(text: str, records: Records) -> str:
    """Return a document's text with its tables made anew."""
    return _BLOCK.sub(lambda found: f"{found[1]}{block(found[2], records)}{found[3]}", text)


def block(name: str, records: Records) -> str:
    """Return what stands between the marks of a name: that of a figure, or of an overview."""
    overview = _OVERVIEWS.get(name)
    if overview is not None:
        return overview(records)
    record = records.get(name)
    if record is None:
        return _NOT_YET
    return f"{_origin(record)}\n\n{_TABLES.get(name, as_markdown)(record.rows)}"


def shown(text: str) -> Sequence[str]:
    """Return the names between whose marks a document has something, in order."""
    return [found[2] for found in _BLOCK.finditer(text)]


def _origin(record: Record) -> str:
    origin = record.origin
    quick = "**A quick look, shorter and smaller than a figure to compare with.** " if origin.quick else ""
    nice = f", at niceness {origin.niceness}" if origin.niceness else ""
    return (
        f"{quick}{origin.began} UTC, `{origin.command}`: {origin.seconds:,.0f} s, source {origin.commit or 'unknown'}, "
        f"{origin.idle:.0%} of the machine idle before{nice}."
    )


def _runs(records: Records) -> str:
    machines: dict[tuple[Machine, str], list[str]] = {}
    for name, record in records.items():
        versions = ", ".join(f"{package} {version}" for package, version in record.origin.versions.items())
        machines.setdefault((_alike(record.origin.machine), versions), []).append(name)
    lines = []
    for (machine, versions), names in machines.items():
        which = "All figures" if len(machines) == 1 else ", ".join(names)
        flushes = sorted(records[name].origin.machine.fdatasync for name in names)
        lines.append(
            f"- {which}: {machine.processor}, {machine.cores} cores, {in_mebibytes(machine.memory)} of memory, "
            f"{machine.system}; fdatasync of a page takes {_range(flushes)}; {versions}\n"
        )
    return "".join(lines) or _NOT_YET


def _alike(machine: Machine) -> Machine:
    """Return a machine without what differs a little each time that it is looked at."""
    return Machine(
        processor=machine.processor, cores=machine.cores, memory=machine.memory, system=machine.system, fdatasync=0.0
    )


def _range(seconds: Sequence[float]) -> str:
    least, most = in_time(seconds[0]), in_time(seconds[-1])
    return least if least == most else f"{least} to {most}"


def _targets(records: Records) -> str:
    rows = [(name, row) for name, record in records.items() for row in record.rows if row.met is not None]
    missed = [(name, row) for name, row in rows if not row.met]
    lines = [f"{len(rows) - len(missed)} of {len(rows)} targets are met.\n"]
    if missed:
        lines.append("\n| figure | not met | measured | target | ratio |\n| --- | --- | --- | --- | --- |\n")
        lines += [
            f"| {name} | {row.figure.strip()} | {row.measured} | {row.target} | {row.ratio} |\n" for name, row in missed
        ]
    return "".join(lines) if rows else _NOT_YET


def _layers(rows: Sequence[Row]) -> str:
    """Return microseconds by layer and by who was measured, and the rows that say of how many samples."""
    whole = [row for row in rows if "who" in row.at and "layer" not in row.at]
    names = [row.at["who"] for row in whole]
    parts = {(row.at["who"], row.at["layer"]): row.numbers["seconds"] * 1e6 for row in rows if "layer" in row.at}
    lines = [
        ["µs of processor time for a request", *names],
        ["---", *["---:"] * len(names)],
        *[
            [layer, *[f"{parts.get((name, layer), 0.0):.0f}" for name in names]]
            for layer in LAYERS
            if any((name, layer) in parts for name in names)
        ],
        ["**all**", *[f"**{row.numbers['seconds'] * 1e6:.0f}**" for row in whole]],
    ]
    table = "".join("| " + " | ".join(line) + " |\n" for line in lines)
    others = [row for row in rows if "layer" not in row.at]
    return f"{table}\n{as_markdown(others)}"


_OVERVIEWS: Mapping[str, Callable[[Records], str]] = {"runs": _runs, "targets": _targets}
_TABLES: Mapping[str, Callable[[Sequence[Row]], str]] = {"layers": _layers}


def main() -> int:
    """Bring the document up to date, or compare it."""
    if sys.argv[1:] == ["--check"]:
        text = DOCUMENT.read_text(encoding="utf-8")
        agrees = refreshed(text, kept()) == text
        print("The document agrees with what is kept." if agrees else "The document does not agree with what is kept.")
        return 0 if agrees else 1
    refresh()
    return 0


if __name__ == "__main__":
    sys.exit(main())
