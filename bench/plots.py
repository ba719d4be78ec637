"""
``python -m bench.plots``: the plots of docs/performance.md, drawn with matplotlib from what is kept.

A plot says in its own file which results it was drawn from, so that a test finds one that is out of date. matplotlib is
wanted for nothing else: without it everything works but this.
"""

import hashlib
import importlib
import importlib.util
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from bench.layers import LAYERS
from bench.processes import CHECKOUT
from bench.records import Record, as_json, kept
from bench.results import Row

PLOTS = CHECKOUT / "docs" / "performance"

_WIDE, _HIGH = 8.0, 3.6
_COLOURS = {"Manager": "#c2410c", "bare app": "#475569"}
_DRAWN_FROM = re.compile(r"drawn from ([0-9a-f]{16})")


@frozen(kw_only=True)
class Line:
    """A line of a plot: its name, and its points from left to right."""

    name: str
    x: Sequence[float]
    y: Sequence[float]


def lines(rows: Sequence[Row], by: str, x: str, y: Callable[[Row], float]) -> Sequence[Line]:
    """Return a line for each value that ``by`` has, of the rows that have a number ``x``."""
    points: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        if x in row.numbers:
            points.setdefault(row.at[by], []).append((row.numbers[x], y(row)))
    return [
        Line(name=name, x=[place for place, _ in sorted(here)], y=[value for _, value in sorted(here)])
        for name, here in points.items()
    ]


def _number(name: str, factor: float = 1.0, less: float = 0.0) -> Callable[[Row], float]:
    def value(row: Row) -> float:
        return (row.numbers[name] - less) * factor

    return value


def _milliseconds(of: str, percentile: str) -> Callable[[Row], float]:
    def value(row: Row) -> float:
        return float(getattr(row.took[of], percentile)) * 1e3

    return value


def can_draw() -> bool:
    """Whether matplotlib is installed."""
    return importlib.util.find_spec("matplotlib") is not None


def fingerprint(record: Record) -> str:
    """Return what tells the results of a plot from others."""
    return hashlib.sha256(as_json(record).encode()).hexdigest()[:16]


def drawn_from(path: Path) -> str:
    """Return the fingerprint of the results that a plot was drawn from, empty if it says none."""
    found = _DRAWN_FROM.search(path.read_text(encoding="utf-8"))
    return found[1] if found else ""


def draw_all(directory: Path = PLOTS) -> None:
    """Draw every plot whose figure is kept."""
    matplotlib: Any = importlib.import_module("matplotlib")
    matplotlib.use("svg")
    matplotlib.rcParams.update(
        {"svg.fonttype": "none", "svg.hashsalt": "flamenco", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3}
    )
    directory.mkdir(parents=True, exist_ok=True)
    pyplot: Any = importlib.import_module("matplotlib.pyplot")
    records = kept()
    for name, draw in DRAWN.items():
        record = records.get(name)
        if record is None:
            continue
        figure, axes = pyplot.subplots(1, 2, figsize=(_WIDE, _HIGH), layout="constrained")
        draw(axes, record.rows)
        described = {"Date": None, "Description": f"drawn from {fingerprint(record)}"}
        figure.savefig(directory / f"{name}.svg", metadata=described)
        pyplot.close(figure)


def _claims(axes: Sequence[Any], rows: Sequence[Row]) -> None:
    for axis, how in zip(axes, ("asking the Server", "breaker open"), strict=True):
        here = [row for row in rows if row.at.get("how") == how]
        for percentile, style in (("p50", "-"), ("p90", "--"), ("p99", ":")):
            for line in lines(here, "who", "tasks", _milliseconds("task", percentile)):
                axis.plot(line.x, line.y, style, marker=".", color=_COLOURS["Manager"], label=f"Manager, {percentile}")
        bare = next((row.numbers["seconds"] * 1e3 for row in here if row.at["who"] == "bare app"), 0.0)
        axis.axhline(bare, color=_COLOURS["bare app"], label="bare app, p50")
        axis.set(xscale="log", ylim=(0, None), xlabel="tasks in the store", ylabel="ms", title=f"/task, {how}")
        axis.legend()
    _marked(axes, "tasks", rows)


def _connections(axes: Sequence[Any], rows: Sequence[Row]) -> None:
    of_rate, of_latency = axes
    for line in lines(rows, "who", "connections", _number("requests/s")):
        of_rate.plot(line.x, line.y, marker=".", color=_COLOURS[line.name], label=line.name)
    for percentile, style in (("p50", "-"), ("p99", ":")):
        for line in lines(rows, "who", "connections", _milliseconds("all", percentile)):
            of_latency.plot(
                line.x, line.y, style, marker=".", color=_COLOURS[line.name], label=f"{line.name}, {percentile}"
            )
    of_rate.set(xscale="log", ylim=(0, None), xlabel="connections", ylabel="requests/s", title="the mix")
    of_latency.set(xscale="log", yscale="log", xlabel="connections", ylabel="ms", title="answers")
    _marked(axes, "connections", rows)
    _legends(axes)


def _workers(axes: Sequence[Any], rows: Sequence[Row]) -> None:
    of_latency, of_processor = axes
    for percentile, style in (("p50", "-"), ("p99", ":")):
        for line in lines(rows, "who", "workers", _milliseconds("all", percentile)):
            of_latency.plot(
                line.x, line.y, style, marker=".", color=_COLOURS[line.name], label=f"{line.name}, {percentile}"
            )
    for line in lines(rows, "who", "workers", _number("processor", 100)):
        of_processor.plot(line.x, line.y, marker=".", color=_COLOURS[line.name], label=line.name)
    of_latency.set(yscale="log", xlabel="Workers", ylabel="ms", title="answers, a request every 2 s")
    of_processor.set(ylim=(0, None), xlabel="Workers", ylabel="% of a core", title="processor")
    _marked(axes, "workers", rows)
    _legends(axes)


def _durability(axes: Sequence[Any], rows: Sequence[Row]) -> None:
    of_rate, of_latency = axes
    names = [row.at["level"] for row in rows]
    colours = [_COLOURS["bare app" if name.startswith("bare") else "Manager"] for name in names]
    of_rate.barh(names, [row.numbers["requests/s"] for row in rows], color=colours)
    of_latency.barh(names, [row.took["all"].p99 * 1e3 for row in rows], color=colours)
    of_rate.set(xlabel="requests/s", title="the mix, 32 connections")
    of_latency.set(xlabel="ms", title="p99 of the answers", yticklabels=[])
    for axis in axes:
        axis.invert_yaxis()


def _layers(axes: Sequence[Any], rows: Sequence[Row]) -> None:
    axis, aside = axes
    aside.axis("off")
    names = [row.at["who"] for row in rows if "who" in row.at and "layer" not in row.at]
    parts = {(row.at["who"], row.at["layer"]): row.numbers["seconds"] * 1e6 for row in rows if "layer" in row.at}
    below = [0.0] * len(names)
    palette: Any = importlib.import_module("matplotlib").colormaps["tab20"]
    for number, layer in enumerate(LAYERS):
        heights = [parts.get((name, layer), 0.0) for name in names]
        if any(heights):
            axis.bar(names, heights, bottom=below, color=palette(number), label=layer, width=0.6)
            below = [low + height for low, height in zip(below, heights, strict=True)]
    axis.set(ylabel="µs of processor time", title="a request of the mix")
    handles, labels = axis.get_legend_handles_labels()
    aside.legend(handles[::-1], labels[::-1], loc="center left")
    axis.tick_params(axis="x", labelrotation=15)


def _growth(axes: Sequence[Any], rows: Sequence[Row]) -> None:
    of_tasks, of_work = axes
    for what, colour in (("store", _COLOURS["Manager"]), ("memory", _COLOURS["bare app"])):
        for line in lines(rows, "what", "tasks", _number(what, 2**-20)):
            of_tasks.plot(line.x, line.y, marker=".", color=colour, label=what)
    finished = [row for row in rows if row.at.get("what") == "finished"]
    for what, name in (
        ("store", "store"),
        ("logs", "logs of tasks"),
        ("manager log", "log of the Manager"),
        ("memory", "memory"),
    ):
        start = finished[0].numbers[what] if finished else 0.0
        for line in lines(finished, "what", "finished", _number(what, 2**-20, start)):
            of_work.plot(line.x, line.y, marker=".", label=name)
    of_tasks.set(xscale="log", yscale="log", xlabel="tasks in the store", ylabel="MiB", title="what a store weighs")
    of_work.set(xlabel="finished tasks", ylabel="MiB more than at first", title="what work leaves behind")
    _legends(axes)


def _marked(axes: Sequence[Any], name: str, rows: Sequence[Row]) -> None:
    """Let axes have the numbers that were measured, in full, on the horizontal."""
    places = sorted({row.numbers[name] for row in rows if name in row.numbers})
    for axis in axes:
        axis.minorticks_off()
        axis.set_xticks(places, [f"{place:,.0f}" for place in places])


def _legends(axes: Sequence[Any]) -> None:
    for axis in axes:
        axis.legend()


DRAWN: Mapping[str, Callable[[Sequence[Any], Sequence[Row]], None]] = {
    "claims": _claims,
    "connections": _connections,
    "workers": _workers,
    "durability": _durability,
    "layers": _layers,
    "growth": _growth,
}
"""How the plot of a figure is drawn, by the figure's name; it has two fields, side by side."""


def main() -> int:
    """Draw, if that is possible."""
    if not can_draw():
        print("matplotlib is needed: pip install matplotlib", file=sys.stderr)
        return 1
    draw_all()
    return 0


if __name__ == "__main__":
    sys.exit(main())
