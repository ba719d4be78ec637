"""Task logs are sent to the Server when it asks for them (server-api.md 7, 17.13)."""

from collections.abc import Sequence
from typing import ClassVar

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from flamenco_mgr.domain.log_requests import LogRequest, retry_after
from flamenco_mgr.periodic import Periodic
from flamenco_mgr.server.client import FlamencoServerClient
from flamenco_mgr.server.interfaces import ILogArchive, LogNotHere
from flamenco_mgr.server.log_form import LogForm
from flamenco_mgr.server.trouble import CredentialsRefused, ServerRefused, ServerTrouble, ServerUnreachable
from flamenco_mgr.store.interfaces import ILease, StoreUnavailable
from flamenco_mgr.threads import InThread

LOOK_EVERY = 10.0
"""Seconds between two looks for logs whose time has come again."""

PAUSE = 60.0
"""Seconds that nothing is sent to a Server that cannot be reached, or refuses our credentials."""

_GONE = frozenset({404, 410})


@define(eq=False)
class _Wish:
    """How it stands with a log that is wanted; it is not tried before an instant of the injected clock."""

    failures: int = 0
    not_before: float = 0.0


@define(eq=False, kw_only=True)
class LogUploader(Service):
    """
    Sends one log after the other.

    What is wanted is a set: a log that is wanted twice is sent once, and one that cannot be sent now is tried again
    later, ever more rarely, while the others go on. Nothing of it is stored: the Server repeats its wishes.
    """

    _log: ClassVar[Logger] = Logger()

    client: FlamencoServerClient
    archive: ILogArchive
    lease: ILease
    in_thread: InThread
    clock: IReactorTime
    _wishes: dict[LogRequest, _Wish] = field(init=False, factory=dict)
    _sent: dict[LogRequest, float] = field(init=False, factory=dict)
    _not_before: float = field(init=False, default=0.0)
    _sending: "Deferred[None] | None" = field(init=False, default=None)
    _loop: Periodic = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Prepare the loop."""
        self._loop = Periodic(action=self._send_all, interval=LOOK_EVERY, clock=self.clock, name="log upload")

    def startService(self) -> None:
        """Begin to send what is wanted from now on."""
        super().startService()
        self._loop.startService()

    def stopService(self) -> "Deferred[None]":
        """Send no more, break off what is being sent, and forget what was wanted: whoever comes next hears of it."""
        super().stopService()
        self._wishes.clear()
        self._sent.clear()
        self._not_before = 0.0
        if self._sending is not None:
            self._sending.cancel()
        return self._loop.stopService()

    def want(self, listed: Sequence[LogRequest], asked_at: float) -> None:
        """
        Hear all that the Server wants at the moment, in its answer to what it was asked at that instant.

        A log that was sent after that instant is not wanted any more. One that could not be sent, and is not listed any
        more, is forgotten.
        """
        if not self.running:
            return
        self._sent = {wanted: at for wanted, at in self._sent.items() if at > asked_at}
        current = frozenset(listed)
        self._wishes = {wanted: wish for wanted, wish in self._wishes.items() if wanted in current or not wish.failures}
        new = [wanted for wanted in listed if wanted not in self._wishes and wanted not in self._sent]
        self._wishes.update((wanted, _Wish()) for wanted in new)
        if new:
            self._loop.kick()

    async def _send_all(self) -> None:
        while due := self._due():
            for wanted in due:
                if self._may_send() and wanted in self._wishes:
                    await self._send(wanted)

    def _due(self) -> Sequence[LogRequest]:
        if not self._may_send():
            return ()
        now = self.clock.seconds()
        return [wanted for wanted, wish in self._wishes.items() if wish.not_before <= now]

    def _may_send(self) -> bool:
        return bool(self.running) and self.clock.seconds() >= self._not_before

    async def _send(self, wanted: LogRequest) -> None:
        try:
            await self.lease.confirm()
            await self._upload(wanted)
        except CancelledError:
            if self.running:
                raise
        except ServerRefused as e:
            if isinstance(e, CredentialsRefused):
                self._wait()
            if e.status in _GONE:
                self._log.info("The Server has no task {task} any more: its log is not sent", task=wanted.task)
                self._wishes.pop(wanted, None)
            else:
                self._failed(wanted, e)
        except (ServerUnreachable, StoreUnavailable) as e:
            self._wait()
            self._failed(wanted, e)
        except (ServerTrouble, LogNotHere, OSError) as e:
            self._failed(wanted, e)
        except Exception as e:  # noqa: BLE001 the other logs must not wait for this one for ever
            self._log.failure("Sending the log of task {task} failed", task=wanted.task)
            self._failed(wanted, e)

    async def _upload(self, wanted: LogRequest) -> None:
        log = await self.archive.archived(wanted, lambda: bool(self.running))
        if log is None:
            return
        if not self.running:
            await self.in_thread(log.file.close)
            return
        form = LogForm(log, self.in_thread)
        sending = self.client.attach_log(wanted.task, form, form.length, form.content_type)
        self._sending = Deferred.fromCoroutine(sending)
        try:
            await self._sending
        finally:
            self._sending = None
            await form.close()
        self._log.info("The log of task {task} was sent: {size} bytes", task=wanted.task, size=log.size)
        if self._wishes.pop(wanted, None) is not None:
            self._sent[wanted] = self.clock.seconds()

    def _wait(self) -> None:
        self._not_before = self.clock.seconds() + PAUSE

    def _failed(self, wanted: LogRequest, why: Exception) -> None:
        wish = self._wishes.get(wanted)
        if wish is None:
            return
        wish.failures += 1
        wish.not_before = self.clock.seconds() + retry_after(wish.failures)
        tell = self._log.warn if wish.failures == 1 else self._log.debug
        tell(
            "The log of task {task} could not be sent, and is tried again: {why}",
            task=wanted.task,
            why=str(why) or type(why).__name__,
        )
