"""The one loop: every duty that happens again and again is one of these."""

from collections.abc import Awaitable, Callable
from typing import ClassVar

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from zope.interface import Interface, implementer


class IKickable(Interface):
    """A loop that can be told not to wait for its next turn."""

    def kick() -> None:
        """Ask for a turn soon, and come back at once; several kicks are one."""


@implementer(IKickable)
@define(eq=False, kw_only=True)
class Periodic(Service):
    """
    Runs an action every ``interval`` seconds of the injected clock, the first time ``first`` seconds after the start.

    The interval counts from one beginning to the next; an action that takes longer is followed by the next at once,
    and never overlaps itself. A failure is logged and the loop goes on. `kick` asks for a turn now; kicks during a turn
    are one further turn. `stopService` waits for the turn in progress.
    """

    _log: ClassVar[Logger] = Logger()

    action: Callable[[], Awaitable[None]]
    interval: float
    clock: IReactorTime
    first: float = 0.0
    name: str = ""
    _timer: IDelayedCall | None = field(init=False, default=None)
    _turn: Deferred[None] | None = field(init=False, default=None)
    _kicked: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        """Give the service its name, for which `Service` has an attribute of the class."""
        if not self.name:
            self.name = getattr(self.action, "__qualname__", "") or repr(self.action)

    def startService(self) -> None:
        """Begin to wait for the first turn."""
        super().startService()
        self._wait(self.first)

    def stopService(self) -> Deferred[None]:
        """Begin no further turn, and wait for the one in progress."""
        super().stopService()
        self._stop_timer()
        self._kicked = False
        if self._turn is None:
            return succeed(None)
        done: Deferred[None] = Deferred()
        _ = self._turn.addBoth(lambda _: done.callback(None))
        return done

    def kick(self) -> None:
        """Ask for a turn now, or for one more after the one in progress."""
        if not self.running:
            return
        if self._turn is not None:
            self._kicked = True
            return
        self._wait(0)

    def _wait(self, seconds: float) -> None:
        self._stop_timer()
        self._timer = self.clock.callLater(seconds, self._begin)

    def _stop_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _begin(self) -> None:
        self._timer = None
        began = self.clock.seconds()
        self._turn = Deferred.fromCoroutine(self._run())
        _ = self._turn.addCallback(lambda _: self._ended(began))

    async def _run(self) -> None:
        try:
            await self.action()
        except Exception:  # noqa: BLE001 one that escaped would end the loop for good
            self._log.failure("{name} failed; it will be tried again", name=self.name)

    def _ended(self, began: float) -> None:
        self._turn = None
        if not self.running:
            return
        if self._kicked:
            self._kicked = False
            self._wait(0)
        else:
            self._wait(max(0.0, began + self.interval - self.clock.seconds()))
