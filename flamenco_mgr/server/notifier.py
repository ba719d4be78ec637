"""The Manager introduces itself to the Server, until it is heard (server-api.md 6)."""

from collections.abc import Callable, Mapping
from typing import ClassVar

from attrs import define, field, frozen
from twisted.application.service import MultiService, Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from flamenco_mgr.server.client import FlamencoServerClient, Notice
from flamenco_mgr.server.interfaces import INotifier
from flamenco_mgr.server.trouble import CredentialsRefused, ServerTrouble
from flamenco_mgr.store.interfaces import ILease, IWorkerStore, StoreUnavailable
from flamenco_mgr.wire.server_json import introduction

STARTUP_FIRST = 0.1
"""Seconds from the start to the first notice."""

STARTUP_AGAIN = 30.0
TYPES_AGAIN = 10.0
REFUSED_AGAIN = 60.0
"""Seconds after an attempt that failed; a Server that refuses our credentials is left alone for longer."""


@frozen(kw_only=True)
class Profile:
    """What a Manager says of itself beside its workers: its URL, and its variables as the Server wants them."""

    manager_url: str
    variables: Mapping[str, object]


@define(eq=False, kw_only=True)
class RepeatedNotice(Service):
    """
    One notice, given again every ``again`` seconds until the Server has heard it.

    Its content is new in each attempt, so that requests which come while it waits for the next are one.
    """

    _log: ClassVar[Logger] = Logger()

    notice: Notice
    again: float
    client: FlamencoServerClient
    workers: IWorkerStore
    lease: ILease
    profile: Callable[[], Profile]
    clock: IReactorTime
    _timer: IDelayedCall | None = field(init=False, default=None)
    _attempt: "Deferred[None] | None" = field(init=False, default=None)
    _outdated: bool = field(init=False, default=False)

    def give(self, after: float) -> None:
        """Begin after so many seconds, unless that is under way."""
        if not self.running:
            return
        if self._attempt is not None:
            self._outdated = True  # what is being said is older than this request
        elif self._timer is None:
            self._wait(after)

    def stopService(self) -> None:
        """Break off."""
        super().stopService()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._attempt is not None:
            self._attempt.cancel()

    def _wait(self, seconds: float) -> None:
        self._timer = self.clock.callLater(seconds, self._begin)

    def _begin(self) -> None:
        self._timer = None
        self._outdated = False
        attempt = Deferred.fromCoroutine(self._try())
        if not attempt.called:
            self._attempt = attempt
        _ = attempt.addErrback(lambda failure: failure.trap(CancelledError))

    async def _try(self) -> None:
        wait: float | None = self.again
        try:
            await self._say()
            wait = 0.0 if self._outdated else None
        except CancelledError:
            raise
        except CredentialsRefused:
            wait = REFUSED_AGAIN
        except (ServerTrouble, StoreUnavailable) as e:
            self._log.debug("The Server has not heard the {notice} notice: {e}", notice=self.notice.value, e=str(e))
        except Exception:  # noqa: BLE001 whatever it was, the Server must hear it in the end
            self._log.failure("The {notice} notice failed", notice=self.notice.value)
        finally:
            self._attempt = None
        if wait is not None and self.running:
            self._wait(wait)

    async def _say(self) -> None:
        profile = self.profile()
        text = introduction(
            manager_url=profile.manager_url,
            variables=profile.variables,
            workers=await self.workers.count(),
            task_types=sorted(await self.workers.task_types()),
        )
        await self.lease.confirm()
        await self.client.notify(self.notice, text)
        self._log.info("The Server knows about us ({notice})", notice=self.notice.value)


@implementer(INotifier)
@define(eq=False, kw_only=True)
class Notifier(MultiService):
    """Introduces the Manager when it starts, and when the farm's task types change."""

    client: FlamencoServerClient
    workers: IWorkerStore
    lease: ILease
    profile: Callable[[], Profile]
    clock: IReactorTime
    _startup: RepeatedNotice = field(init=False)
    _types: RepeatedNotice = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Prepare the two notices."""
        MultiService.__init__(self)
        self._startup = self._repeated(Notice.STARTUP, STARTUP_AGAIN)
        self._types = self._repeated(Notice.UPDATE, TYPES_AGAIN)

    def startService(self) -> None:
        """Say that the Manager has started."""
        super().startService()
        self._startup.give(STARTUP_FIRST)

    def task_types_changed(self) -> None:
        """Say which task types there are now."""
        self._types.give(0)

    def _repeated(self, notice: Notice, again: float) -> RepeatedNotice:
        repeated = RepeatedNotice(
            notice=notice,
            again=again,
            client=self.client,
            workers=self.workers,
            lease=self.lease,
            profile=self.profile,
            clock=self.clock,
        )
        repeated.setServiceParent(self)
        return repeated
