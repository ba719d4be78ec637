"""The order in which the Manager starts and stops."""

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from attrs import define, field, frozen
from twisted.application.service import IService, MultiService, Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IListeningPort, IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from flamenco_mgr.store.interfaces import IStore, StoreRefused, StoreUnavailable
from flamenco_mgr.web.gate import Gate
from flamenco_mgr.web.lean import LeanResource
from flamenco_mgr.web.places import Vouching, vouched_for_by_nobody

REQUESTS_TIME = 5.0
"""Seconds that requests in progress are given to end when the Manager stops."""

LAST_TIME = 5.0
"""Seconds for the duties to end, and again for the last push (server-api.md 17.15)."""

_TRY_AGAIN = 1.0


@frozen(eq=False, kw_only=True)
class Farm:
    """
    A wired Manager: its store, its duties as services, what answers Workers.

    ``last_words`` is done when no request comes any more: what is in memory is stored, and the Server hears the news.
    ``vouches`` tells the site which connections are Workers'.
    """

    store: IStore
    duties: Sequence[IService]
    workers_api: LeanResource
    last_words: Callable[[], Awaitable[None]]
    vouches: Vouching = vouched_for_by_nobody


@define(eq=False, kw_only=True)
class ManagerService(Service):
    """
    The Manager as twistd runs it.

    The ports listen first, in `privilegedStartService`, as a low port may need it; until the store is ready the gate
    answers 503. The store is opened in `startService`, in the process and as the user that will use it: a start that
    fails raises there. A store on another machine answers later: ``begun`` is called when it is known that the start
    does not fail; if it does, ``give_up`` is, with the reason in a line.
    """

    _log: ClassVar[Logger] = Logger()

    clock: IReactorTime
    gate: Gate
    listen: Callable[[], Sequence[IListeningPort]]
    open_farm: Callable[[], Farm]
    begun: Callable[[], None]
    ready: Callable[[], None]
    stopping: Callable[[], None]
    give_up: Callable[[str], None]
    _ports: Sequence[IListeningPort] = field(init=False, factory=list)
    _farm: Farm | None = field(init=False, default=None)
    _duties: MultiService = field(init=False, factory=MultiService)
    _waits: list["Deferred[None]"] = field(init=False, factory=list)
    _hurried: bool = field(init=False, default=False)

    def privilegedStartService(self) -> None:
        """Listen."""
        self._ports = self.listen()

    def startService(self) -> None:
        """Open the store and, when it is in order, serve."""
        self._farm = farm = self.open_farm()
        super().startService()
        _ = Deferred.fromCoroutine(self._begin(farm)).addErrback(self._failed)

    def stopService(self) -> "Deferred[None]":
        """Stop in order: no new requests, those in progress, the duties, the last words, the store."""
        super().stopService()
        self.stopping()
        return Deferred.fromCoroutine(self._end())

    def hurry(self) -> None:
        """Wait for nothing any more: somebody asks a second time for the end."""
        self._hurried = True
        for wait in list(self._waits):
            _fire(wait)

    async def _begin(self, farm: Farm) -> None:
        while self.running:
            try:
                repaired = await farm.store.repair()
            except StoreUnavailable as e:
                self.gate.close(f"the store is not ready: {e}")
                self.begun()
                await deferLater(self.clock, _TRY_AGAIN)
                continue
            except StoreRefused as e:
                self.give_up(str(e))
                return
            if self.running:
                self._serve(farm, repaired)
            return

    def _serve(self, farm: Farm, repaired: int) -> None:
        if repaired:
            self._log.warn("Put the order of {count} tasks right", count=repaired)
        for duty in farm.duties:
            duty.setServiceParent(self._duties)
        self._duties.startService()
        self.gate.open(farm.workers_api)
        self.begun()
        self.ready()

    def _failed(self, failure: Failure) -> None:
        self._log.failure("The Manager cannot start", failure=failure)
        self.give_up("the Manager cannot start; its log has more")

    async def _end(self) -> None:
        for port in self._ports:
            await maybeDeferred(port.stopListening)
        self.gate.close("the Manager is stopping")
        await self._at_most(REQUESTS_TIME, self.gate.idle)
        if self._farm is None:
            return
        if self._duties.running:
            await self._at_most(LAST_TIME, self._duties.stopService)
            await self._at_most(LAST_TIME, self._farm.last_words)
        await self._farm.store.close()
        self._log.info("The Manager has stopped")

    async def _at_most(self, seconds: float, work: Callable[[], Awaitable[object]]) -> None:
        if self._hurried:
            return
        wait: Deferred[None] = Deferred()
        self._waits.append(wait)
        timer = self.clock.callLater(seconds, _fire, wait)
        _ = Deferred.fromCoroutine(self._finish(work, wait))
        await wait
        self._waits.remove(wait)
        if timer.active():
            timer.cancel()

    async def _finish(self, work: Callable[[], Awaitable[object]], wait: "Deferred[None]") -> None:
        try:
            await work()
        except Exception:  # noqa: BLE001 whatever it is, the end goes on
            self._log.failure("Stopping: {work} failed", work=getattr(work, "__qualname__", work))
        _fire(wait)


def _fire(wait: "Deferred[None]") -> None:
    if not wait.called:
        wait.callback(None)
