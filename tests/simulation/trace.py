"""What happened, line by line, in words that are the same each time."""

from collections.abc import Callable
from datetime import timedelta

from attrs import define, field

from tests.simulation.plan import START


@define(eq=False, repr=False)
class Trace:
    """Collects lines; names ids by the order in which they were first seen, so that people can follow them."""

    now: Callable[[], float]
    show: Callable[[str], None]
    lines: list[str] = field(init=False, factory=list)
    names: dict[str, str] = field(init=False, factory=dict)

    def note(self, who: str, what: str) -> None:
        """Note that somebody did something."""
        seconds = self.now() - START
        shown = str(timedelta(seconds=int(seconds)))
        line = f"{shown}.{int(seconds * 1000) % 1000:03} {who:<9} {what}"
        self.lines.append(line)
        self.show(line)

    def name(self, kind: str, its_id: str) -> str:
        """Return a short name for an id."""
        if its_id not in self.names:
            number = sum(name.startswith(kind) for name in self.names.values()) + 1
            self.names[its_id] = f"{kind}{number}"
        return self.names[its_id]
