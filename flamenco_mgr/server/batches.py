"""How updates are brought to the Server: in order, in batches that it takes, around those that it refuses."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from flamenco_mgr.domain import pushing
from flamenco_mgr.domain.log_requests import LogRequest
from flamenco_mgr.domain.updates import QueuedUpdate, forwarded
from flamenco_mgr.server.client import FlamencoServerClient
from flamenco_mgr.server.interfaces import ICancels, PushCounts
from flamenco_mgr.server.trouble import CredentialsRefused, ServerRefused, ServerTrouble
from flamenco_mgr.store.interfaces import ILease, IUpdateQueue, StoreUnavailable
from flamenco_mgr.wire.server_json import BatchAnswer


@define(eq=False, kw_only=True)
class BatchSender:
    """
    Sends the oldest updates, forgets those that the Server has, and hands on what else it wants.

    ``want_logs`` hears with each answer of all the logs that are wanted, and when the Server was asked. A batch that is
    refused is halved until the update that is to blame stands alone. If the Server is well otherwise, and refuses it
    again and again, it is parked with the Server's words; so is one that is never taken. Each step begins with the
    lease: of two Managers that push, the Server could hear the older news last.
    """

    _log: ClassVar[Logger] = Logger()

    client: FlamencoServerClient
    updates: IUpdateQueue
    cancels: ICancels
    want_logs: Callable[[Sequence[LogRequest], float], None]
    lease: ILease
    clock: IReactorTime
    counts: PushCounts = field(init=False, factory=PushCounts)
    last_success: float | None = field(init=False, default=None)
    _suspect: str = field(init=False, default="")
    _refusals: int = field(init=False, default=0)
    _asked_at: float = field(init=False, default=0.0)

    async def send(self, count: int) -> None:
        """
        Send so many of the oldest updates, in as many requests as it takes, but in one at least.

        Ends early when the Server leaves one untaken: what follows waits behind it. Raises `ServerTrouble`, and
        `LeaseLost` when the updates are another Manager's to send.
        """
        left = count
        while True:
            batch = await self._oldest(left)
            left -= len(batch)
            if not await self._send_parts(batch) or left <= 0 or not batch:
                return

    async def _oldest(self, count: int) -> Sequence[QueuedUpdate]:
        if count <= 0:
            return ()
        batch = await self.updates.oldest(min(count, pushing.MOST_UPDATES), pushing.MOST_BYTES)
        if batch and batch[0].update.id == self._suspect:
            return batch[:1]
        return batch

    async def _send_parts(self, batch: Sequence[QueuedUpdate]) -> bool:
        parts = [batch]
        all_taken = True
        while parts:
            part = parts.pop(0)
            try:
                answer = await self._push(part)
            except CredentialsRefused:
                raise
            except ServerRefused as e:
                if not part or e.status not in pushing.SPLIT_STATUSES:
                    raise
                if len(part) == 1:
                    await self._refused(part[0], e)
                else:
                    self.counts.split += 1
                    middle = len(part) // 2
                    parts[:0] = [part[:middle], part[middle:]]
                continue
            all_taken = await self._taken(part, answer) and all_taken
        return all_taken

    async def _push(self, part: Sequence[QueuedUpdate]) -> BatchAnswer:
        await self.lease.confirm()
        self._asked_at = self.clock.seconds()
        try:
            answer = await self.client.push([forwarded(queued) for queued in part])
        except ServerTrouble:
            self.counts.failed += 1
            raise
        self.counts.succeeded += 1
        return answer

    async def _refused(self, queued: QueuedUpdate, refusal: ServerRefused) -> None:
        # A Server that takes nothing at all is in trouble itself: then this raises, and the update is not to blame.
        await self._heard(await self._push([]))
        if self._suspect != queued.update.id:
            self._suspect, self._refusals = queued.update.id, 0
        self._refusals += 1
        if self._refusals < pushing.MOST_REFUSALS:
            raise refusal
        await self._park(queued, str(refusal))
        self._suspect = ""

    async def _taken(self, part: Sequence[QueuedUpdate], answer: BatchAnswer) -> bool:
        await self.lease.confirm()
        handled = [queued for queued in part if queued.update.id in answer.handled]
        if handled:
            await self.updates.handled(handled)
        untaken = [queued for queued in part if queued.update.id not in answer.handled]
        hopeless = [queued for queued in untaken if queued.unhandled + 1 >= pushing.MOST_UNHANDLED]
        for queued in hopeless:
            await self._park(queued, f"the Server did not take it in {pushing.MOST_UNHANDLED} good answers")
        if len(untaken) > len(hopeless):
            await self.updates.unhandled([queued for queued in untaken if queued not in hopeless])
        self.last_success = self.clock.seconds()
        await self._heard(answer)
        return not untaken

    async def _heard(self, answer: BatchAnswer) -> None:
        self.want_logs(answer.log_requests, self._asked_at)
        if not answer.cancel:
            return
        try:
            await self.cancels.cancel(answer.cancel)
        except StoreUnavailable as e:
            # The Server says it again with each answer.
            self._log.debug("Tasks could not be cancelled: {trouble}", trouble=str(e))

    async def _park(self, queued: QueuedUpdate, reason: str) -> None:
        await self.lease.confirm()
        await self.updates.park(queued, reason, self.clock.seconds())
        self.counts.parked += 1
        self._log.error(
            "Update {update} of task {task} is put aside, and will not be sent: {reason}",
            update=queued.update.id,
            task=queued.update.task_id,
            reason=reason,
        )
