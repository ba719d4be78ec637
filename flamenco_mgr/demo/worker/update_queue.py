"""The one queue for the updates of all tasks."""

import json
from collections.abc import Mapping

from attrs import define, field
from twisted.internet.defer import Deferred

from flamenco_mgr.demo.worker.connection import Answer, ManagerConnection, NoAnswer
from flamenco_mgr.demo.worker.disk import WaitingUpdate, WorkerDisk
from flamenco_mgr.demo.worker.journal import Acknowledged, Endpoint
from flamenco_mgr.demo.worker.process import WorkerProcess

RETRY = 5.0
"""Seconds after an update that was not taken before the same one is sent again."""

CROWDED = 10
"""With more updates than this waiting, a Worker asks for no task."""

_DROPPED = {404, 409}
_WILL_PASS = {401}


@define(eq=False, kw_only=True)
class UpdateQueue:
    """
    Sends updates strictly in order, each until the Manager has it or does not want it (worker-api.md 4.4).

    Any answer below 400, and 404 and 409, remove an update; everything else has it sent again, for ever, with
    everything behind it waiting. A refusal for good (400, 413, ...) is therefore an offence.
    """

    disk: WorkerDisk
    connection: ManagerConnection
    process: WorkerProcess
    _sending: bool = field(init=False, default=False)
    _news: "Deferred[None] | None" = field(init=False, default=None)
    _at_rest: "list[Deferred[None]]" = field(init=False, factory=list)

    @property
    def is_crowded(self) -> bool:
        """Whether so many updates wait that the Worker should not work on."""
        return len(self.disk.updates) > CROWDED

    def put(self, task_id: str, body: Mapping[str, object]) -> None:
        """Write an update to the disk, to be sent after all others."""
        status = body.get("task_status")
        self.disk.updates.append(
            WaitingUpdate(
                task_id=task_id,
                task_status=status if isinstance(status, str) else None,
                body=json.dumps(body).encode(),
            )
        )
        news, self._news = self._news, None
        if news is not None:
            news.callback(None)

    async def serve(self) -> None:
        """Send whatever comes, as long as the process lives."""
        while True:
            self._sending = True
            all_taken = await self.flush()
            self._rest()
            if not all_taken:
                await self.process.pause(RETRY)
            elif not self.disk.updates:
                self._news = Deferred()
                await self.process.wait(self._news)

    async def settled(self) -> None:
        """Wait until all updates are sent, or one was not taken."""
        if self._sending:
            self._at_rest.append(Deferred())
            await self.process.wait(self._at_rest[-1])

    async def flush(self) -> bool:
        """Send what there is until one is not taken, and return whether all were."""
        while self.disk.updates:
            if not await self._send_first():
                return False
        return True

    def _rest(self) -> None:
        self._sending = False
        waiting, self._at_rest = self._at_rest, []
        for each in waiting:
            each.callback(None)

    async def _send_first(self) -> bool:
        update = self.disk.updates[0]
        try:
            answer = await self.connection.post(Endpoint.UPDATE, f"/tasks/{update.task_id}/update", update.body)
        except NoAnswer:
            return False
        if not answer.accepted and answer.status not in _DROPPED:
            self._complain(answer)
            return False
        _ = self.disk.updates.popleft()
        self.connection.journal.acknowledged.append(
            Acknowledged(
                at=self.connection.clock.seconds(),
                task_id=update.task_id,
                task_status=update.task_status,
                answer=answer.status,
                body=update.body,
            )
        )
        return True

    def _complain(self, answer: Answer) -> None:
        if answer.status < 500 and answer.status not in _WILL_PASS:  # noqa: PLR2004 the Manager's own trouble
            self.connection.offended(Endpoint.UPDATE, f"answers {answer.status}, upon which an update is sent for ever")
