"""When the Server is told the news (server-api.md 12.1)."""

from collections.abc import Callable
from typing import ClassVar

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredLock, TimeoutError  # noqa: A004 its name
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from flamenco_mgr.domain import pushing
from flamenco_mgr.domain.pushing import PushRules
from flamenco_mgr.periodic import IKickable, Periodic
from flamenco_mgr.server.batches import BatchSender
from flamenco_mgr.server.trouble import CredentialsRefused, ServerTrouble, ServerUnreachable
from flamenco_mgr.store.interfaces import IUpdateQueue, StoreUnavailable

INSPECTION = 1.0
"""Seconds between two looks at the queue."""


@implementer(IKickable)
@define(eq=False, kw_only=True)
class UpdatePusher(Service):
    """
    Looks at the queue every second and pushes when ``rules`` say so, or when it is kicked; one push at a time.

    After a failure it waits longer and longer; a kick overrides that, but not a Server that refuses our credentials.
    ``chance`` returns a number from 0 to 1.
    """

    _log: ClassVar[Logger] = Logger()

    sender: BatchSender
    updates: IUpdateQueue
    clock: IReactorTime
    rules: PushRules
    chance: Callable[[], float]
    _loop: Periodic = field(init=False)
    _one: DeferredLock = field(init=False, factory=DeferredLock)
    _kicked: bool = field(init=False, default=False)
    _last_attempt: float | None = field(init=False, default=None)
    _failures: int = field(init=False, default=0)
    _not_before: float = field(init=False, default=0.0)
    _refused: bool = field(init=False, default=False)
    _trouble: str = field(init=False, default="")

    def __attrs_post_init__(self) -> None:
        """Prepare the loop."""
        self._loop = Periodic(action=self._inspect, interval=INSPECTION, clock=self.clock, name="push")

    def startService(self) -> None:
        """Push at once, and go on looking."""
        super().startService()
        self._loop.startService()

    def stopService(self) -> "Deferred[None]":
        """Look no more; wait for the push in progress."""
        super().stopService()
        return self._loop.stopService()

    def kick(self) -> None:
        """Push soon."""
        self._kicked = True
        self._loop.kick()

    async def last_push(self, seconds: float) -> None:
        """Tell the Server what waits, before the Manager stops; takes no longer than ``seconds`` (17.15)."""
        pushing_all = Deferred.fromCoroutine(self._push_all())
        _ = pushing_all.addTimeout(seconds, self.clock)
        try:
            await pushing_all
        except (TimeoutError, ServerTrouble, StoreUnavailable) as e:
            self._log.info("What the Server has not heard yet is kept until the next start: {trouble}", trouble=str(e))

    async def _push_all(self) -> None:
        async with self._one:
            waiting = await self.updates.waiting()
            if waiting:
                await self.sender.send(waiting)

    async def _inspect(self) -> None:
        now = self.clock.seconds()
        kicked = self._kicked and not self._refused and self._far_enough(now)
        if not kicked and now < self._not_before:
            return
        try:
            waiting = await self.updates.waiting()
            if kicked or self.rules.due(now=now, last_push=self.sender.last_success, waiting=waiting):
                await self._push(self.rules.batch(waiting), now)
        except CredentialsRefused:
            self._failed(refused=True)
        except (ServerUnreachable, StoreUnavailable) as e:
            self._log.debug("The push failed: {trouble}", trouble=str(e))  # people have been told
            self._failed(refused=False)
        except ServerTrouble as e:
            self._tell(str(e))
            self._failed(refused=False)

    async def _push(self, count: int, now: float) -> None:
        self._kicked = False
        self._last_attempt = now
        async with self._one:
            await self.sender.send(count)
        self._failures = 0
        self._not_before = 0.0
        self._refused = False
        self._trouble = ""

    def _far_enough(self, now: float) -> bool:
        return self._last_attempt is None or now - self._last_attempt >= pushing.KICK_DISTANCE

    def _failed(self, *, refused: bool) -> None:
        success, attempt = self.sender.last_success, self._last_attempt
        if success is not None and attempt is not None and success >= attempt:
            self._failures = 0  # part of it went well
        self._failures += 1
        self._refused = refused
        wait = pushing.LONGEST_BACKOFF if refused else pushing.backoff(self._failures, self.chance())
        self._not_before = self.clock.seconds() + wait

    def _tell(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            self._log.warn("Updates cannot be pushed: {trouble}", trouble=trouble)
