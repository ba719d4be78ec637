"""How long things took: counted in a few classes, at a cost that a request does not notice."""

from bisect import bisect_left

from attrs import define, field

BOUNDS = (0.001, 0.005, 0.02, 0.05, 0.1, 0.5, 2.5)
"""Seconds up to which each class goes; there is one more for what took longer."""


@define(eq=False)
class Durations:
    """How many things took how long: ``counts`` by class, and how many ``seconds`` altogether."""

    counts: list[int] = field(init=False, factory=lambda: [0] * (len(BOUNDS) + 1))
    seconds: float = field(init=False, default=0.0)

    def note(self, seconds: float) -> None:
        """Count one thing that took so long; a clock that was set back meanwhile makes it take no time."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        if seconds > 0:
            self.seconds += seconds

    @property
    def total(self) -> int:
        """How many things there were."""
        return sum(self.counts)
