"""How late the reactor is: what a request waits before anybody looks at it."""

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

LOOK_EVERY = 0.25
"""Seconds between two looks."""

_WINDOW = 15.0
"""Seconds; the worst of the last one or two of them is told."""


@define(eq=False, kw_only=True)
class ReactorLag:
    """Is called every `LOOK_EVERY` seconds, and notes how much later that happens."""

    clock: IReactorTime
    _last: float | None = field(init=False, default=None)
    _began: float = field(init=False, default=0.0)
    _worst: float = field(init=False, default=0.0)
    _before: float = field(init=False, default=0.0)

    @property
    def worst(self) -> float:
        """The longest delay of the last 15 to 30 seconds, in seconds."""
        return max(self._worst, self._before)

    async def look(self) -> None:
        """Note how late this look is."""
        now = self.clock.seconds()
        if now - self._began >= _WINDOW:
            self._before, self._worst, self._began = self._worst, 0.0, now
        if self._last is not None:
            self._worst = max(self._worst, now - self._last - LOOK_EVERY)
        self._last = now
