"""What one Manager does for all is not done by one that has lost the lease, also in the middle of it."""

from pathlib import Path
from typing import Any

from flamenco_mgr.demo.standin.behaviour import Slow
from flamenco_mgr.demo.standin.endpoints import Endpoint
from flamenco_mgr.farm.cancels import TaskCanceller
from flamenco_mgr.farm.logs import TaskLogs
from flamenco_mgr.farm.task_changes import TaskChanges
from flamenco_mgr.server.batches import BatchSender
from flamenco_mgr.server.downloader import Downloader, DownloadRules
from flamenco_mgr.server.notifier import Notifier, Profile
from flamenco_mgr.server.waiting import WaitingTasks
from flamenco_mgr.store.interfaces import LeaseLost
from tests.builders import TASK, a_task
from tests.leases import ScriptedLease, StoreWithLease
from tests.server.linked import LinkedTestCase, RecordedCancels
from tests.threads import at_once


class WithoutLeaseTests(LinkedTestCase):
    """A Manager that has the lease, as far as it knows."""

    def setUp(self) -> None:
        super().setUp()
        self.lease = ScriptedLease(held=True)

    def sender(self) -> BatchSender:
        return BatchSender(
            client=self.client,
            updates=self.store.updates,
            cancels=RecordedCancels(),
            want_logs=lambda listed, asked_at: None,  # noqa: ARG005 none is wanted here
            lease=self.lease,
            clock=self.clock,
        )

    def downloader(self) -> Downloader:
        store: Any = StoreWithLease(store=self.store, lease=self.lease)
        downloader = Downloader(
            client=self.client,
            store=store,
            importer=self.importer,
            waiting=WaitingTasks(tasks=self.store.tasks, in_thread=at_once),
            clock=self.clock,
            rules=DownloadRules(),
        )
        self.addCleanup(downloader.stopService)
        return downloader

    def canceller(self) -> TaskCanceller:
        logs = TaskLogs(directory=Path(self.mktemp()), in_thread=at_once, clock=self.clock)
        return TaskCanceller(
            changes=TaskChanges(tasks=self.store.tasks, logs=logs),
            updates=self.store.updates,
            lease=self.lease,
            clock=self.clock,
            new_id=lambda: next(self.ids),
        )

    def waiting(self) -> int:
        return self.result_of(self.store.updates.waiting())

    def test_push(self) -> None:
        """A Manager that was stopped, and wakes without the lease, sends nothing; the updates wait."""
        self.result_of(self.store.updates.add(self.an_update()))
        self.lease.asleep = True
        sending = self.begun(self.sender().send(1))
        self.turns()
        self.failureResultOf(sending, LeaseLost)
        self.assertEqual((self.server.record.pushes, self.waiting()), ([], 1))

    def test_answer(self) -> None:
        """What the Server took while the lease was lost stays in the queue: that is its new holder's to send."""
        self.result_of(self.store.updates.add(self.an_update()))
        self.server.behave(Slow(10.0), endpoint=Endpoint.PUSH)
        sending = self.begun(self.sender().send(1))
        self.pump(5.0)
        self.lease.asleep = True
        self.pump(5.0)
        self.failureResultOf(sending, LeaseLost)
        self.assertEqual((len(self.server.record.pushes), self.waiting()), (1, 1))

    def test_download(self) -> None:
        """A download in which the lease is lost takes in no more, moves no mark, and lets no worker have its tasks."""
        self.add_job(100)
        self.lease.asleep = True
        self.downloader().startService()
        self.turns()
        self.assertEqual(self.result_of(self.store.tasks.counts()), {})
        self.assertIsNone(self.result_of(self.store.mark.get()))

    def test_notice(self) -> None:
        """The Server hears no introduction of a Manager that has lost the lease."""
        notifier = Notifier(
            client=self.client,
            workers=self.store.workers,
            lease=self.lease,
            profile=lambda: Profile(manager_url="http://a/", variables={}),
            clock=self.clock,
        )
        self.lease.asleep = True
        notifier.startService()
        self.addCleanup(notifier.stopService)
        self.pump(1.0)
        self.assertEqual(self.server.record.requests[Endpoint.STARTUP], 0)

    def test_cancels(self) -> None:
        """Nothing is cancelled without the lease, neither what the Server wants nor what is overdue."""
        self.add(a_task(status="cancel-requested"))
        self.lease.asleep = True
        done = self.begun(self.canceller().cancel([TASK]))
        self.turns()
        self.failureResultOf(done, LeaseLost)
        self.lease.held = True
        self.result_of(self.canceller().confirm_overdue())
        self.assertEqual(self.task(TASK).status, "cancel-requested")
