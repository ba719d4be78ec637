"""A Server that does not answer in time is left alone for a while (design.md 6)."""

from collections.abc import Awaitable, Callable
from typing import ClassVar

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

OPEN_TIME = 30.0
"""Seconds that nobody asks."""


@define(eq=False, kw_only=True)
class CircuitBreaker(Service):
    """
    Says whether asking makes sense.

    After `trip` it is open for half a minute; then what was given with the trip probes whether the Server is back, in
    the background, and every half minute until it is.
    """

    _log: ClassVar[Logger] = Logger()

    clock: IReactorTime
    is_open: bool = field(init=False, default=False)
    _timer: IDelayedCall | None = field(init=False, default=None)
    _probing: "Deferred[None] | None" = field(init=False, default=None)
    _stopped: bool = field(init=False, default=False)

    def trip(self, reason: str, probe: Callable[[], Awaitable[bool]]) -> None:
        """Open; ``probe`` tells later whether the Server answers in time."""
        if self.is_open or self._stopped:
            return
        self.is_open = True
        self._log.warn(
            "The Server does not say in time whether tasks have changed ({reason}): they are handed out unasked",
            reason=reason,
        )
        self._wait(probe)

    def stopService(self) -> None:
        """Probe no more."""
        super().stopService()
        self._stopped = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        if self._probing is not None:
            self._probing.cancel()

    def _wait(self, probe: Callable[[], Awaitable[bool]]) -> None:
        self._timer = self.clock.callLater(OPEN_TIME, self._begin, probe)

    def _begin(self, probe: Callable[[], Awaitable[bool]]) -> None:
        self._probing = Deferred.fromCoroutine(self._probe(probe))
        _ = self._probing.addErrback(lambda failure: failure.trap(CancelledError))

    async def _probe(self, probe: Callable[[], Awaitable[bool]]) -> None:
        try:
            is_back = await probe()
        except CancelledError:
            raise
        except Exception:  # noqa: BLE001 whatever it is, the breaker must not stay open for ever
            self._log.failure("Asking the Server whether it is back failed")
            is_back = False
        if is_back:
            self.is_open = False
            self._log.info("The Server answers in time again: it is asked about tasks before they are handed out")
        elif not self._stopped:
            self._wait(probe)
