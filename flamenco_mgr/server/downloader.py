"""The Server's tasks are fetched: all of them now and then, in between what is new (server-api.md 3 and 17.4)."""

from typing import ClassVar

from attrs import define, field, frozen
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from zope.interface import implementer

from flamenco_mgr.domain import downloading, events
from flamenco_mgr.domain.downloading import DownloadMode
from flamenco_mgr.domain.events import Event
from flamenco_mgr.periodic import IKickable, Periodic
from flamenco_mgr.server.client import Download, FlamencoServerClient
from flamenco_mgr.server.importing import TaskImporter
from flamenco_mgr.server.intake import Intake
from flamenco_mgr.server.trouble import BadReply, CredentialsRefused, ServerRefused, ServerTrouble, ServerUnreachable
from flamenco_mgr.server.waiting import WaitingTasks
from flamenco_mgr.store.interfaces import IStore, StoreUnavailable
from flamenco_mgr.wire.server_json import BadDocument

_NOT_FOUND = 404
_RELEASED_AT_ONCE = 200


@frozen(kw_only=True)
class DownloadRules:
    """The settings that decide; ``interval`` and ``throttle`` are in seconds (server-api.md 12.2)."""

    interval: float = 600.0
    throttle: float = 10.0
    mode: DownloadMode = DownloadMode.AUTO


@implementer(IKickable)
@define(eq=False, kw_only=True)
class Downloader(Service):
    """
    Downloads at the start, every ``rules.interval`` seconds, and when idle workers ask for it, if not too often.

    What fails is tried again a minute later, or at the next of these occasions, from where it was. `stopService` breaks
    a download off: the mark has not moved, so it begins anew. What becomes of a download that was asked for by
    `download_now` is an event.
    """

    _log: ClassVar[Logger] = Logger()

    client: FlamencoServerClient
    store: IStore
    importer: TaskImporter
    waiting: WaitingTasks
    clock: IReactorTime
    rules: DownloadRules
    _loop: Periodic = field(init=False)
    _download: "Deferred[Intake] | None" = field(init=False, default=None)
    _again: IDelayedCall | None = field(init=False, default=None)
    _last_kick: float | None = field(init=False, default=None)
    _last_clean_slate: float | None = field(init=False, default=None)
    _not_before: float = field(init=False, default=0.0)
    _chunks_since: float | None = field(init=False, default=None)
    _trouble: str = field(init=False, default="")
    _is_wanted: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        """Prepare the loop."""
        self._loop = Periodic(action=self._turn, interval=self.rules.interval, clock=self.clock, name="download")

    def startService(self) -> None:
        """Download, and go on doing so."""
        super().startService()
        self._loop.startService()

    def stopService(self) -> "Deferred[None]":
        """Stop, in the middle of a download if need be."""
        super().stopService()
        self._forget_again()
        stopped = self._loop.stopService()
        if self._download is not None:
            self._download.cancel()
        return stopped

    def kick(self) -> None:
        """Download soon, for an idle worker, unless another has asked just before."""
        now = self.clock.seconds()
        if downloading.kick_allowed(now, self._last_kick, self.rules.throttle):
            self._last_kick = now
            self._loop.kick()

    def download_now(self) -> None:
        """Download at once, or once more after the download in progress: somebody has looked at the farm, and asks."""
        self._last_kick = self.clock.seconds()
        self._is_wanted = True
        self._loop.kick()

    async def _turn(self) -> None:
        is_wanted, self._is_wanted = self._is_wanted, False
        if self.clock.seconds() < self._not_before and not is_wanted:
            return
        self._forget_again()
        try:
            intake = await self._try()
        except CancelledError:
            self._log.debug("The download was broken off")
            return
        except (ServerTrouble, StoreUnavailable) as e:
            self._failed(e)
            report = self._event(str(e), failed=True)
        else:
            self._trouble = ""
            report = self._event(intake.summary, failed=False)
        if is_wanted:
            await self._report(report)

    async def _try(self) -> Intake:
        self._download = Deferred.fromCoroutine(self._fetch())
        try:
            return await self._download
        finally:
            self._download = None

    def _failed(self, trouble: Exception) -> None:
        if isinstance(trouble, CredentialsRefused):
            self._not_before = self.clock.seconds() + downloading.REFUSED_WAIT
        elif isinstance(trouble, ServerUnreachable | StoreUnavailable):
            self._log.debug("The download failed: {trouble}", trouble=str(trouble))  # people have been told
        else:
            self._tell(str(trouble))
        if self.running:
            self._again = self.clock.callLater(downloading.AGAIN_AFTER, self._loop.kick)

    def _event(self, text: str, *, failed: bool) -> Event:
        return events.of_download(self.clock.seconds(), text, failed=failed)

    async def _report(self, event: Event) -> None:
        if self._is_wanted:
            return  # somebody has asked meanwhile, and a report now could be taken for that of the next download
        try:
            await self.store.history.note(event)
        except StoreUnavailable as e:
            self._log.debug("What became of the download cannot be told: {trouble}", trouble=str(e))

    def _forget_again(self) -> None:
        if self._again is not None and self._again.active():
            self._again.cancel()
        self._again = None

    def _tell(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            self._log.warn("Tasks cannot be downloaded: {trouble}", trouble=trouble)

    async def _fetch(self) -> Intake:
        now = self.clock.seconds()
        if self.rules.mode is DownloadMode.CHUNK:
            return await self._fetch_chunk()
        if self._chunks_since is not None and now - self._chunks_since < downloading.CHUNKS_FOR:
            return await self._fetch_chunk()
        try:
            intake = await self._fetch_depsgraph(now)
        except ServerRefused as e:
            if e.status != _NOT_FOUND:
                raise
            # Either we are not known there, or depsgraphs are not.
            await self.client.known()
            if self.rules.mode is DownloadMode.DEPSGRAPH:
                raise
            self._log.info("The Server is of the first kind: it has no depsgraph, and is asked for new tasks only")
            self._chunks_since = now
            return await self._fetch_chunk()
        self._chunks_since = None
        return intake

    async def _fetch_depsgraph(self, now: float) -> Intake:
        mark = await self.store.mark.get()
        clean_slate = downloading.clean_slate_due(now, self._last_clean_slate)
        since = None if clean_slate else downloading.since(mark)
        intake = await self._intake("depsgraph")
        download = await self.client.depsgraph(since, intake.take)
        await self._complete(download, intake)
        if download.has_tasks and download.newest is not None:
            after = downloading.next_mark(mark, download.newest, date=download.date, clean_slate=since is None)
            if after != mark:
                await self.store.lease.confirm()
                await self.store.mark.set(after)
        if since is None:
            self._last_clean_slate = now
        return intake

    async def _fetch_chunk(self) -> Intake:
        intake = await self._intake(None)
        size = max(1, await self.store.workers.count())
        await self._complete(await self.client.chunk(size, intake.take), intake)
        return intake

    async def _intake(self, key: str | None) -> Intake:
        return Intake(
            importer=self.importer,
            tasks=self.store.tasks,
            lease=self.store.lease,
            clock=self.clock,
            key=key,
            receipts=await self.store.updates.receipts(),
            aside={misfit.task_id for misfit in await self.store.tasks.aside()},
        )

    async def _complete(self, download: Download, intake: Intake) -> None:
        """Everything has arrived: now workers may have it."""
        if download.has_tasks:
            try:
                await intake.end()
            except BadDocument as e:
                raise BadReply(f"the Server's list of tasks {e}") from e
        await self.store.lease.confirm()
        while await self.store.tasks.release(_RELEASED_AT_ONCE):
            await deferLater(self.clock, 0)
            await self.store.lease.confirm()
        if intake.changed or intake.misfits:
            self._log.info(
                "Downloaded {taken} tasks from the Server: {changed} are new or changed, {misfits} make no sense",
                taken=intake.taken,
                changed=intake.changed,
                misfits=intake.misfits,
            )
        if intake.parents:
            await self.waiting.look(intake.parents)
