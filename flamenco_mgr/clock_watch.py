"""Timers go on when the clock that they go by is set back."""

import threading
import time
from collections.abc import Callable
from typing import Any, ClassVar

from attrs import define, field
from twisted.application.service import Service
from twisted.logger import Logger

LOOK_EVERY = 1.0
"""Seconds between two looks at the clocks."""

_NOTICED = 1.0
"""Seconds of a step that are worth a word; clocks that are kept right by the network move by less."""


@define(eq=False, kw_only=True)
class ClockWatch(Service):
    """
    Moves a reactor's timers when its clock, the wall clock, was set back.

    Each timer has the instant at which it goes off; if the clock goes back by an hour nothing would be pushed,
    downloaded or noticed for an hour. The looks are made in a thread of their own, as timers are what stands still.
    ``wall`` and ``steady`` tell seconds by the clock that people set, and by one that nobody sets.
    """

    _log: ClassVar[Logger] = Logger()

    reactor: Any
    wall: Callable[[], float] = time.time
    steady: Callable[[], float] = time.monotonic
    _ahead: float = field(init=False, default=0.0)
    _stopped: threading.Event = field(init=False, factory=threading.Event)

    def startService(self) -> None:
        """Begin to look."""
        super().startService()
        self.begin()
        threading.Thread(target=self._look_again_and_again, name="clock watch", daemon=True).start()

    def stopService(self) -> None:
        """Look no more."""
        super().stopService()
        self._stopped.set()

    def begin(self) -> None:
        """Note how the two clocks stand."""
        self._ahead = self.wall() - self.steady()

    def look(self) -> None:
        """See how the two clocks stand now, and have the timers moved if the wall clock has gone back."""
        before = self._ahead
        self.begin()
        if before - self._ahead >= _NOTICED:
            self.reactor.callFromThread(self._set_back, before - self._ahead)

    def _look_again_and_again(self) -> None:
        while not self._stopped.wait(LOOK_EVERY):
            self.look()

    def _set_back(self, seconds: float) -> None:
        self._log.warn("The clock was set back by {seconds:.0f} seconds; timers go on", seconds=seconds)
        # Those that were set since go by the new time already; they are told by being due much earlier.
        earliest = self.reactor.seconds() + seconds - 2 * LOOK_EVERY
        for call in self.reactor.getDelayedCalls():
            if call.getTime() >= earliest:
                call.delay(-seconds)
