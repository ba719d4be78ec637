"""How far a long work is, for whoever waits for it."""

from typing import Protocol

from attrs import define, field
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn


class IProgress(Protocol):
    """Is told how far a work is."""

    def begin(self, what: str, total: int) -> None:
        """Begin with a part of the work, of about so many steps."""

    def advance(self, steps: int = 1) -> None:
        """Count steps that are done."""

    def end(self) -> None:
        """Show nothing any more."""


class Silent:
    """Shows nothing."""

    def begin(self, what: str, total: int) -> None:
        """See `IProgress.begin`."""

    def advance(self, steps: int = 1) -> None:
        """See `IProgress.advance`."""

    def end(self) -> None:
        """See `IProgress.end`."""


@define(eq=False)
class OnTerminal:
    """Shows a bar on a terminal."""

    _console: Console
    _bars: Progress | None = field(init=False, default=None)
    _bar: TaskID | None = field(init=False, default=None)
    _untold: int = field(init=False, default=0)

    def begin(self, what: str, total: int) -> None:
        """See `IProgress.begin`."""
        self.end()
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:,} of {task.total:,}"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._bar = self._bars.add_task(what, total=total)
        self._untold = 0
        self._bars.start()

    def advance(self, steps: int = 1) -> None:
        """See `IProgress.advance`."""
        self._untold += steps
        if self._untold >= _TOLD_AT_ONCE and self._bars is not None and self._bar is not None:
            self._bars.advance(self._bar, self._untold)
            self._untold = 0

    def end(self) -> None:
        """See `IProgress.end`."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = None


_TOLD_AT_ONCE = 200
"""Steps; to tell each of them would take longer than most of them do."""
