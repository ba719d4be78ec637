"""The log of runs in docs/reliability.md: one line a run, and their sum, which is never typed."""

import os
import platform
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from attrs import frozen

LOG: Final = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"

_SECTION: Final = "## Killed processes"
_TITLE: Final = "# Reliability"
_BEGIN: Final = "<!-- runs of python -m tests.torture -->"
_END: Final = "<!-- end of the runs -->"

_COLUMNS: Final[Mapping[str, str]] = {
    "forked": "SIGKILL of a forked Manager",
    "twistd": "SIGKILL of a twistd Manager",
    "Server": "SIGKILL of the Server",
    "MongoDB": "SIGKILL of the database",
    "commands": "SIGKILL of a command",
    "tasks": "tasks",
    "acknowledged": "acknowledged",
}
"""What is added up, with what it is counted as."""

_HEAD: Final = f"| seed | date | machine | seconds | {' | '.join(_COLUMNS)} | violations |"


@frozen(kw_only=True)
class Run:
    """What a run has come to; ``seconds`` are those that it took."""

    seed: int
    date: str
    seconds: float
    done: Mapping[str, int]
    violations: int

    def row(self) -> str:
        """Return its line of the log."""
        counts = " | ".join(str(self.done.get(what, 0)) for what in _COLUMNS.values())
        return f"| {self.seed} | {self.date} | {machine()} | {self.seconds:.0f} | {counts} | {self.violations} |"


def machine() -> str:
    """Return what a run has run on."""
    return f"{os.cpu_count()} cores, Linux {platform.release().split('-')[0]}, Python {platform.python_version()}"


def next_seed(path: Path = LOG) -> int:
    """Return a seed that no run of the log has had."""
    return max((int(row.split("|")[1]) for row in _rows(_text(path))), default=0) + 1


def record(run: Run, path: Path = LOG) -> None:
    """Write a run into the log, and the sum of all of them."""
    text = _text(path)
    if _SECTION not in text:
        text = f"{text.rstrip() or _TITLE}\n\n{_SECTION}\n"
    if _BEGIN not in text:
        head, found, rest = text.partition(f"{_SECTION}\n")
        text = f"{head}{found}\n{_BEGIN}\n{_END}\n{rest}"
    rows = [*_rows(text), run.row()]
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    draft = path.with_name(f"{path.name}.new")
    draft.write_text(f"{before}{_BEGIN}\n{_table(rows)}\n{_END}{after}")
    draft.replace(path)


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _rows(text: str) -> Sequence[str]:
    _, _, rest = text.partition(_BEGIN)
    table, _, _ = rest.partition(_END)
    return [line for line in table.splitlines() if line.startswith("| ") and line.split("|")[1].strip().isdigit()]


def _table(rows: Sequence[str]) -> str:
    rule = "|".join(["", *(["---"] * (5 + len(_COLUMNS))), ""])
    return "\n".join([_HEAD, rule, *rows, _sum(rows)])


def _sum(rows: Sequence[str]) -> str:
    sums: Counter[int] = Counter()
    for row in rows:
        for place, number in _numbers(row):
            sums[place] += number
    cells = [str(sums[place]) for place in range(4, 6 + len(_COLUMNS))]
    return f"| **all** | | | {' | '.join(cells)} |"


def _numbers(row: str) -> Iterator[tuple[int, int]]:
    for place, cell in enumerate(row.split("|")):
        if place >= 4 and cell.strip().isdigit():
            yield place, int(cell)
