"""Shows the farm of the demonstration while it works: moving on a terminal, in plain lines elsewhere."""

from typing import Final

from attrs import define, field
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from flamenco_mgr.demo.farm import Sight
from flamenco_mgr.demo.narrator import Event

_REDRAWN_EVERY: Final = 0.2
_A_LINE_EVERY: Final = 5.0
_RATE_OVER: Final = 1.0

_STYLES: Final = {"at work": "green", "awake": "cyan", "ended": "red", "starting": "yellow"}


@define(eq=False)
class Meter:
    """How many requests a second there were lately."""

    rate: float = field(init=False, default=0.0)
    _since: float = field(init=False, default=0.0)
    _counted: int = field(init=False, default=0)

    def read(self, elapsed: float, requests: int) -> float:
        """Return the rate, given how many requests there have been altogether."""
        if elapsed - self._since >= _RATE_OVER:
            self.rate = (requests - self._counted) / (elapsed - self._since)
            self._since, self._counted = elapsed, requests
        return self.rate


@define(eq=False)
class PlainDisplay:
    """Prints what happens, and a line about the farm every few seconds."""

    console: Console
    _meter: Meter = field(init=False, factory=Meter)
    _next: float = field(init=False, default=_A_LINE_EVERY)

    def happened(self, event: Event) -> None:
        """Print an event."""
        self.console.print(_line(event.at, event.what), soft_wrap=True)

    def look(self, elapsed: float, sight: Sight) -> None:
        """Print a line, if it is time."""
        rate = self._meter.read(elapsed, sight.requests)
        if elapsed < self._next:
            return
        self._next = elapsed + _A_LINE_EVERY
        jobs = ", ".join(f"{job.done} of {job.size}" for job in sight.jobs)
        busy = sum(1 for state in sight.workers.values() if state == "at work")
        text = f"{jobs} tasks completed, {busy} of {len(sight.workers)} Workers at work, {rate:.0f} requests/s"
        self.console.print(_line(elapsed, text), soft_wrap=True)

    def close(self) -> None:
        """Do nothing more."""


@define(eq=False)
class MovingDisplay:
    """Redraws bars and tables below the events; without a thread, so it moves only when it is looked at."""

    console: Console
    _meter: Meter = field(init=False, factory=Meter)
    _next: float = field(init=False, default=0.0)
    _live: Live = field(init=False)

    @_live.default
    def _a_live(self) -> Live:
        return Live(console=self.console, auto_refresh=False, transient=True)

    def happened(self, event: Event) -> None:
        """Print an event above the bars."""
        self.console.print(_line(event.at, event.what))

    def look(self, elapsed: float, sight: Sight) -> None:
        """Redraw, if it is time."""
        rate = self._meter.read(elapsed, sight.requests)
        if elapsed < self._next:
            return
        self._next = elapsed + _REDRAWN_EVERY
        self._live.start()
        self._live.update(Group("", _bars(sight), _farm(sight, elapsed, rate)), refresh=True)

    def close(self) -> None:
        """Take the bars away."""
        self._live.stop()


def display(console: Console) -> PlainDisplay | MovingDisplay:
    """Return the display that suits the console."""
    if console.is_terminal and not console.is_dumb_terminal:
        return MovingDisplay(console)
    return PlainDisplay(console)


def _line(at: float, what: str) -> Text:
    return Text.assemble((f"{at:6.1f} s  ", "dim"), what)


def _bars(sight: Sight) -> Progress:
    bars = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[status]}")
    )
    for job in sight.jobs:
        bars.add_task(job.name, total=job.size, completed=job.done, status=job.status)
    return bars


def _farm(sight: Sight, elapsed: float, rate: float) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_row("Tasks", "  ".join(f"{count} {status}" for status, count in sight.tasks.items()))
    workers = Text("  ").join(Text(name, style=_STYLES.get(state, "")) for name, state in sight.workers.items())
    table.add_row("Workers", workers)
    table.add_row("Requests", f"{rate:.0f}/s, {sight.requests} in {elapsed:.0f} s; {sight.unsent} updates to be sent")
    return table
