"""By how much the Server's clock is ahead of ours (server-api.md 17.2)."""

from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import ClassVar

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

WORTH_TELLING = 5.0
"""Seconds of difference from which on people are told about it."""

_SECOND = 1.0


@define(eq=False, kw_only=True)
class ClockOffset:
    """
    Estimates the Server's clock from the ``Date`` of its answers.

    ``Date`` has whole seconds and was written at some instant of the exchange, so it only narrows the offset down to an
    interval. The estimate moves just far enough to be possible: with clocks that agree it stays 0.
    """

    _log: ClassVar[Logger] = Logger()

    clock: IReactorTime
    seconds: float = field(init=False, default=0.0)
    _told: float = field(init=False, default=0.0)

    def heard(self, date: str | None, asked_at: float) -> float:
        """
        Take note of the ``Date`` of an answer (None: it had none) to a request that was begun at ``asked_at``.

        Returns when the answer was written by the Server's clock: when it was asked for, if it does not say.
        """
        instant = None if date is None else _instant(date)
        if instant is None:
            return self.server_time(asked_at)
        least = instant - self.clock.seconds()
        most = instant + _SECOND - asked_at
        if least <= most:  # else our own clock was set meanwhile
            self.seconds = min(max(self.seconds, least), most)
            self._tell()
        return instant

    def server_time(self, ours: float) -> float:
        """Return the Server's time of an instant of ours; of one in our future, the Server's time now."""
        return min(ours, self.clock.seconds()) + self.seconds

    def _tell(self) -> None:
        if abs(self.seconds - self._told) <= WORTH_TELLING:
            return
        self._told = self.seconds
        if abs(self.seconds) > WORTH_TELLING:
            self._log.warn(
                "The Server's clock differs from ours by {seconds:+.0f} seconds; what we tell it is corrected",
                seconds=self.seconds,
            )
        else:
            self._log.info("The Server's clock and ours agree again")


@lru_cache(maxsize=4)  # many answers are of the same second
def _instant(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
