"""What was measured, against what it should be: rows with words for people, and with the numbers behind them."""

from collections.abc import Mapping, Sequence
from statistics import linear_regression, median

from attrs import Factory, frozen

_HEADINGS = ("figure", "measured", "target", "ratio", "")


@frozen(kw_only=True)
class Latencies:
    """How long answers took, in seconds."""

    count: int = 0
    least: float = 0.0
    p10: float = 0.0
    p50: float = 0.0
    p90: float = 0.0
    p99: float = 0.0
    p99_9: float = 0.0
    worst: float = 0.0

    def __str__(self) -> str:
        return f"p50 {in_time(self.p50)}, p99 {in_time(self.p99)}, max {in_time(self.worst)}"


@frozen(kw_only=True)
class Row:
    """
    One line of the table, and what it is made from.

    ``ratio`` is the measured value relative to what it was compared with, in words; ``met`` is None when the row is
    only there to be looked at. ``at`` says in words which case this is, ``numbers`` has what was measured in seconds,
    bytes and requests per second (and the number that was varied), ``rounds`` the result of each round where there were
    several, ``took`` how long single answers took.
    """

    figure: str
    measured: str
    target: str = ""
    ratio: str = ""
    met: bool | None = None
    at: Mapping[str, str] = Factory(dict)
    numbers: Mapping[str, float] = Factory(dict)
    rounds: Mapping[str, Sequence[float]] = Factory(dict)
    took: Mapping[str, Latencies] = Factory(dict)

    @property
    def cells(self) -> tuple[str, ...]:
        """The row's texts in the order of the table's columns."""
        verdict = {True: "yes", False: "NO", None: ""}[self.met]
        return (self.figure, self.measured, self.target, self.ratio, verdict)


def latencies(seconds: Sequence[float]) -> Latencies:
    """Summarize how long answers took; all zero when there was none."""
    ordered = sorted(seconds)
    if not ordered:
        return Latencies()
    p10, p50, p90, p99, p99_9 = (percentile(ordered, percent) for percent in (10, 50, 90, 99, 99.9))
    return Latencies(
        count=len(ordered),
        least=ordered[0],
        p10=p10,
        p50=p50,
        p90=p90,
        p99=p99,
        p99_9=p99_9,
        worst=ordered[-1],
    )


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Return the least of some ordered numbers that so many percent of them don't exceed."""
    if not ordered:
        raise ValueError("no numbers")
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(0, int(rank) - 1)]


def middle(rounds: Sequence[float]) -> float:
    """Return the median of what the rounds gave."""
    return median(rounds)


def slope(places: Sequence[float], values: Sequence[float]) -> float:
    """Return by how much values grow for one more, by the straight line that is nearest to them (least squares)."""
    return linear_regression(places, values).slope


def in_time(seconds: float) -> str:
    """Write a time in the unit in which it is read easily."""
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 1:
        return f"{seconds * 1e3:.2f} ms" if seconds < 0.1 else f"{seconds * 1e3:.0f} ms"
    return f"{seconds:.2f} s"


def in_mebibytes(size: float) -> str:
    """Write a size in bytes in MiB."""
    return f"{size / 2**20:.0f} MiB"


def as_markdown(rows: Sequence[Row]) -> str:
    """Return the table for the file."""
    lines = [_HEADINGS, ("---",) * len(_HEADINGS), *(row.cells for row in rows)]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def as_text(rows: Sequence[Row]) -> str:
    """Return the table for the terminal, in columns."""
    lines = [_HEADINGS, *(row.cells for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADINGS))]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n" for line in lines
    )


def all_met(rows: Sequence[Row]) -> bool:
    """Whether no row misses its target."""
    return all(row.met is not False for row in rows)
