"""For how long nobody may be taken for dead, since nobody could have been heard."""

from collections.abc import Callable
from typing import ClassVar

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from flamenco_mgr.domain.timeouts import GRACE, disturbance


@define(eq=False, kw_only=True)
class Grace:
    """
    Five minutes that begin anew with each disturbance (task-lifecycle.md 12).

    The reactor's clock is one that people set; ``steady`` is one that nobody sets. Both are looked at where a turn of a
    loop begins and ends. ``tolerance``: seconds by which they, or what was expected of them, may differ.
    """

    _log: ClassVar[Logger] = Logger()

    clock: IReactorTime
    steady: Callable[[], float]
    tolerance: float
    _until: float = field(init=False, default=0.0)
    _looked: tuple[float, float] = field(init=False, default=(0.0, 0.0))
    _trouble: str = field(init=False, default="")

    @property
    def over(self) -> bool:
        """Whether nothing has been in the way for five minutes."""
        return self.steady() >= self._until

    def begin(self) -> None:
        """Begin the five minutes."""
        self._until = self.steady() + GRACE
        self._looked = (self.clock.seconds(), self.steady())

    def look(self, expected: float) -> None:
        """Begin anew if the clock or the process was disturbed; ``expected``: seconds since the last look."""
        wall, steady = self.clock.seconds() - self._looked[0], self.steady() - self._looked[1]
        self._looked = (self.clock.seconds(), self.steady())
        found = disturbance(wall=wall, steady=steady, expected=expected, tolerance=self.tolerance)
        if found:
            self.disturbed(found)

    def disturbed(self, reason: str) -> None:
        """Begin anew, and let people know, once for as long as it goes on."""
        self.begin()
        if reason != self._trouble:
            self._trouble = reason
            self._log.info("No task or worker times out within the next five minutes: {reason}", reason=reason)

    def calm(self) -> None:
        """Note that whatever was in the way is over; it is told again when it comes again."""
        self._trouble = ""
