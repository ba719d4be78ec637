"""What a simulated process has for a reactor: a clock, the network, and threads that are none."""

from collections.abc import Callable, Sequence
from random import Random
from typing import TYPE_CHECKING, Any

from attrs import define, field
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import (
    IHostnameResolver,
    IReactorPluggableNameResolver,
    IReactorTCP,
    IReactorThreads,
    IReactorTime,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from tests.simulation.timeline import DelayedCall, Timeline

if TYPE_CHECKING:
    from tests.simulation.network import Network

_IN_THREAD = 0.003
"""Seconds within which the result of a thread's work is told, mostly."""


@implementer(IHostnameResolver)
@define(eq=False, repr=False)
class _Names:
    """Knows every host by its name, which is its address as well."""

    def resolveHostName(
        self,
        resolutionReceiver: Any,
        hostName: str,
        portNumber: int = 0,
        addressTypes: object = None,
        transportSemantics: str = "TCP",
    ) -> Any:
        _ = addressTypes, transportSemantics
        resolutionReceiver.resolutionBegan(self)
        resolutionReceiver.addressResolved(IPv4Address("TCP", hostName, portNumber))
        resolutionReceiver.resolutionComplete()
        return resolutionReceiver


@implementer(IReactorTime, IReactorTCP, IReactorThreads, IReactorPluggableNameResolver)
@define(eq=False, repr=False, kw_only=True)
class SimulatedReactor:
    """
    The reactor of one process on one host.

    Its clock is ``ahead`` of the timeline by so many seconds, and ``rate`` times as quick. ``unheard`` is told of
    errors that nobody caught, ``thread_turn`` is asked before (True) and after the work of a thread whether the process
    lives.
    """

    timeline: Timeline
    network: "Network"
    host: str
    chance: Random
    unheard: Callable[[Exception], None]
    thread_turn: Callable[[bool], bool] = lambda before: True  # noqa: ARG005
    ahead: float = 0.0
    rate: float = 1.0
    dead: bool = False
    busy_until: float = 0.0
    lag: float = 0.0
    nameResolver: _Names = field(init=False, factory=_Names)
    _origin: float = field(init=False, default=0.0)
    _shown: float = field(init=False, default=0.0)
    _paces: list[tuple[float, float, float]] = field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        self._origin = self.timeline.now
        self._shown = self.timeline.now + self.ahead
        self._paces.append((self._shown, self._origin, self.rate))

    def seconds(self) -> float:
        """Return the time of the process's clock, in seconds since 1970."""
        return self._shown + (self.timeline.now + self.lag - self._origin) * self.rate

    def set_rate(self, rate: float) -> None:
        """Go quicker or more slowly from now on; what is under way already keeps its time."""
        self._shown, self._origin, self.rate = self.seconds(), self.timeline.now, rate
        self._paces.append((self._shown, self._origin, self.rate))

    def true_time(self, shown: float) -> float:
        """Return when the process's clock showed that."""
        began, origin, rate = next(pace for pace in reversed(self._paces) if pace[0] <= shown or pace is self._paces[0])
        return origin + (shown - began) / rate

    def true_delay(self, seconds: float) -> float:
        """Return how many seconds of the timeline so many of the clock's are."""
        return seconds / self.rate

    def failed(self, error: Exception) -> None:
        """Pass an error on."""
        self.unheard(error)

    def callLater(self, delay: float, callable: Callable[..., Any], *args: Any, **kw: Any) -> DelayedCall:  # noqa: A002
        """See `IReactorTime`."""
        return self.timeline.after(delay, self, callable, *args, **kw)

    def getDelayedCalls(self) -> Sequence[Any]:
        """Nobody asks."""
        return ()

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        """See `IReactorTCP`."""
        _ = backlog, interface
        return self.network.listen(self, port, factory)

    def connectTCP(self, host: str, port: int, factory: Any, timeout: float = 30, bindAddress: Any = None) -> Any:
        """See `IReactorTCP`."""
        _ = bindAddress
        return self.network.connect(self, host, port, factory, timeout)

    def callFromThread(self, callable: Callable[..., Any], *args: Any, **kwargs: Any) -> None:  # noqa: A002
        """Do something soon."""
        self.timeline.after(0.0, self, callable, *args, **kwargs)

    callInThread = callFromThread

    def getThreadPool(self) -> Any:
        """Return what `deferToThreadPool` needs."""
        return self

    def suggestThreadPoolSize(self, size: int) -> None:
        """Have as many as anybody wants."""

    def installNameResolver(self, resolver: Any) -> Any:
        """Keep the one there is."""
        return resolver

    def callInThreadWithCallback(self, result: Callable[[bool, Any], Any], work: Callable[[], Any]) -> None:
        """Do the work of a thread at once, and tell what came of it after a while."""
        if self.dead or not self.thread_turn(True):
            return
        before = self.lag
        try:
            success, value = True, work()
        except Exception:  # noqa: BLE001 whatever it is, it is the caller's
            success, value = False, Failure()
        took, self.lag = self.lag - before, before  # which keeps nobody else waiting
        if self.thread_turn(False):
            self.timeline.after(took + self.chance.uniform(0.0, _IN_THREAD), self, result, success, value)
