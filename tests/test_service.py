"""How the Manager starts and stops."""

from collections.abc import Callable, Sequence
from typing import Any

from attrs import define, field
from klein import Klein
from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IListeningPort
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.test.requesthelper import DummyRequest
from zope.interface import implementer

from flamenco_mgr.service import LAST_TIME, REQUESTS_TIME, Farm, ManagerService
from flamenco_mgr.store.interfaces import StoreRefused, StoreUnavailable
from flamenco_mgr.web.gate import Gate
from flamenco_mgr.web.lean import LeanResource
from flamenco_mgr.web.meter import RequestMeter


@implementer(IListeningPort)
@define(eq=False)
class Port:
    """A port that listens to nobody."""

    diary: list[str]

    def startListening(self) -> None:
        """Not called: it listens from the beginning."""

    def stopListening(self) -> "Deferred[None]":
        self.diary.append("port closed")
        return succeed(None)

    def getHost(self) -> Any:
        """Not called."""


@define(eq=False)
class Store:
    """A store that needs time to get ready."""

    diary: list[str]
    troubles: int = 0
    mistake: Exception | None = None

    async def repair(self) -> int:
        if self.mistake is not None:
            raise self.mistake
        if self.troubles:
            self.troubles -= 1
            raise StoreUnavailable("the disk is full")
        return 0

    async def close(self) -> None:
        self.diary.append("store closed")


@define(eq=False)
class Duty(Service):
    """A duty whose stop takes as long as it is told."""

    diary: list[str]
    ended: "Deferred[None]" = field(factory=lambda: succeed(None))

    def startService(self) -> None:
        super().startService()
        self.diary.append("duty started")

    def stopService(self) -> "Deferred[None]":
        super().stopService()
        self.diary.append("duty stopped")
        return self.ended


class Busy(LeanResource):
    """Requests in progress that do not end by themselves."""

    def __init__(self) -> None:
        super().__init__(Klein(), {}, RequestMeter(lambda: 0.0))
        self.done: Deferred[None] = Deferred()

    def idle(self) -> "Deferred[None]":
        return self.done


class ManagerServiceTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.diary: list[str] = []
        self.store = Store(self.diary)
        self.duty = Duty(self.diary)
        self.busy = Busy()
        self.gate = Gate()
        self.words: Deferred[None] = succeed(None)
        self.service = self.made(self.farm)

    def made(self, open_farm: Callable[[], Farm]) -> ManagerService:
        def listen() -> Sequence[IListeningPort]:
            self.diary.append("listening")
            return [Port(self.diary)]

        return ManagerService(
            clock=self.clock,
            gate=self.gate,
            listen=listen,
            open_farm=open_farm,
            begun=lambda: self.diary.append("begun"),
            ready=lambda: self.diary.append("ready"),
            stopping=lambda: self.diary.append("stopping"),
            give_up=lambda reason: self.diary.append(f"given up: {reason}"),
        )

    def farm(self) -> Farm:
        async def last_words() -> None:
            self.diary.append("last words")
            await self.words

        store: Any = self.store
        self.diary.append("store open")
        return Farm(store=store, duties=[self.duty], workers_api=self.busy, last_words=last_words)

    def start(self) -> None:
        self.service.privilegedStartService()
        self.service.startService()

    def answer(self) -> int:
        request: Any = DummyRequest([b""])
        request.uri = request.path = b"/task"
        self.gate.render(request)
        return int(request.responseCode)

    def test_start(self) -> None:
        """The port listens first; then the store is opened, the duties start, and Workers are served."""
        self.start()
        self.assertEqual(self.diary, ["listening", "store open", "duty started", "begun", "ready"])

    def test_stop(self) -> None:
        """The stop is in order: port, requests in progress, duties, last words, store."""
        self.start()
        del self.diary[:]
        stopped = self.service.stopService()
        self.assertEqual(self.diary, ["stopping", "port closed"])
        self.assertEqual(self.answer(), 503)
        self.busy.done.callback(None)
        self.successResultOf(stopped)
        self.assertEqual(self.diary[2:], ["duty stopped", "last words", "store closed"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stop_waits_so_long_only(self) -> None:
        """Requests, duties and last words that do not end are waited for five seconds each."""
        self.duty.ended = Deferred()
        self.words = Deferred()
        self.start()
        stopped = self.service.stopService()
        for seconds, expected in (
            (REQUESTS_TIME, "duty stopped"),
            (LAST_TIME, "last words"),
            (LAST_TIME, "store closed"),
        ):
            self.clock.advance(seconds - 0.01)
            self.assertNotIn(expected, self.diary)
            self.clock.advance(0.01)
            self.assertIn(expected, self.diary)
        self.successResultOf(stopped)

    def test_hurry(self) -> None:
        """Asked for a second time, the end comes at once."""
        self.duty.ended = Deferred()
        self.start()
        stopped = self.service.stopService()
        self.service.hurry()
        self.successResultOf(stopped)
        self.assertEqual(self.diary[-1], "store closed")

    def test_store_not_ready(self) -> None:
        """
        A store that is not ready is tried again each second, and the start counts as begun.

        Until it is ready the answer is 503 with the reason.
        """
        self.store.troubles = 2
        self.start()
        self.assertEqual(self.answer(), 503)
        self.assertEqual(self.diary[-1], "begun")
        self.clock.advance(1.0)
        self.assertNotIn("ready", self.diary)
        self.clock.advance(1.0)
        self.assertIn("ready", self.diary)

    def test_stopped_while_not_ready(self) -> None:
        """A Manager that is stopped before its store was ready starts nothing any more."""
        self.store.troubles = 1
        self.start()
        self.successResultOf(self.service.stopService())
        self.clock.advance(1.0)
        self.assertEqual(self.diary[-1], "store closed")
        self.assertNotIn("duty started", self.diary)

    def test_mistake(self) -> None:
        """What nobody expected while it got ready is logged, and the Manager gives up."""
        self.store.mistake = ZeroDivisionError()
        self.start()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertIn("given up", self.diary[-1])

    def test_refused(self) -> None:
        """A store that turns out to be unusable is a start that fails, with its line; nothing is served."""
        self.store.mistake = StoreRefused("it is a newer version's")
        self.start()
        self.assertEqual(self.diary, ["listening", "store open", "given up: it is a newer version's"])
        self.assertEqual(self.answer(), 503)
