"""A pusher that is linked to a stand-in Server."""

from collections.abc import Sequence
from typing import Any

from flamenco_mgr.demo.standin.entries import StandInTask
from flamenco_mgr.domain.log_requests import LogRequest
from flamenco_mgr.domain.pushing import PushRules
from flamenco_mgr.server.batches import BatchSender
from flamenco_mgr.server.pusher import UpdatePusher
from tests.server.linked import NOW, LinkedTestCase, RecordedCancels

_AT_ONCE = 20


class PushTestCase(LinkedTestCase):
    rules = PushRules()

    def setUp(self) -> None:
        super().setUp()
        self.cancels = RecordedCancels()
        self.logs_wanted: list[tuple[Sequence[LogRequest], float]] = []
        self.sender = BatchSender(
            client=self.client,
            updates=self.store.updates,
            cancels=self.cancels,
            want_logs=lambda listed, asked_at: self.logs_wanted.append((listed, asked_at)),
            lease=self.store.lease,
            clock=self.clock,
        )
        self.pusher = UpdatePusher(
            sender=self.sender, updates=self.store.updates, clock=self.clock, rules=self.rules, chance=lambda: 0.0
        )
        self.addCleanup(self.pusher.stopService)

    def start(self) -> None:
        """Start at 0 of the tests' time: the first, empty push is then over."""
        self.pusher.startService()
        self.turns()

    def until(self, instant: float) -> None:
        """Let time pass until so many seconds after the start."""
        self.pump(NOW + instant - self.clock.seconds(), step=0.5)

    def pushes(self) -> list[tuple[float, int]]:
        """Return when batches reached the Server, in seconds after the start, and of how many updates."""
        return [(push.at / 1000 - NOW, push.size) for push in self.server.record.pushes]

    def enqueue_some(self, count: int, task: StandInTask | None = None, **changes: Any) -> None:
        """Queue updates of a task, or of as many that the Server does not know."""
        changes = {"status": "active"} | changes
        task_ids = (f"e{next(self.ids)[1:]}" if task is None else task.id for _ in range(count))
        updates = [self.an_update(task_id, **changes) for task_id in task_ids]
        for start in range(0, count, _AT_ONCE):
            added = [self.begun(self.store.updates.add(update)) for update in updates[start : start + _AT_ONCE]]
            self.turns()
            for each in added:
                self.successResultOf(each)

    def waiting(self) -> int:
        return self.result_of(self.store.updates.waiting())
