"""Old tasks and workers are forgotten, a few at a time."""

from collections.abc import Sequence
from typing import Any

from attrs import evolve
from twisted.logger import capturedLogs, formatEvent

from flamenco_mgr.demo.standin.endpoints import Endpoint
from flamenco_mgr.domain.tasks import Task
from flamenco_mgr.farm.cleanup import TaskCleaner
from flamenco_mgr.farm.heartbeats import Heartbeats
from flamenco_mgr.farm.slices import Slices
from tests.builders import JOB, TASK, WORKER, a_task, a_worker
from tests.harness import FarmTestCase
from tests.leases import ScriptedLease
from tests.store.contract.case import an_id
from tests.upkeep import LeftAlone, Parts

DAY = 86400.0


class TaskCleanerTests(LeftAlone):
    def setUp(self) -> None:
        super().setUp()
        self.heartbeats = Heartbeats(workers=self.store.workers, clock=self.clock)
        self.lease = ScriptedLease(held=True)

    def clean_up(self, tasks: Any = None) -> list[str]:
        """Let one clean-up run, and return what the log says."""
        cleaner = TaskCleaner(
            tasks=tasks or self.store.tasks,
            heartbeats=self.heartbeats,
            slices=Slices(lease=self.lease, clock=self.clock),
            clock=self.clock,
            max_age=14 * DAY,
        )
        with capturedLogs() as events:
            self.result_of(cleaner.clean_up(), seconds=30)
        return [formatEvent(event) for event in events]

    def old(self, numbers: Sequence[int], **changes: Any) -> None:
        """Store tasks that completed long ago."""
        when = self.clock.seconds() - 15 * DAY
        self.add(
            *(a_task(**({"id": an_id(n), "status": "completed", "last_updated": when} | changes)) for n in numbers)
        )

    def test_slices(self) -> None:
        """Very many go in slices, each under the lease; the log says how many of which job."""
        self.old(range(130))
        self.old(range(200, 210), job=an_id(0xB0))
        said = self.clean_up()
        self.assertEqual(self.result_of(self.store.tasks.counts()), {})
        self.assertGreaterEqual(self.lease.confirmed, 3)
        for count, job in ((130, JOB), (10, an_id(0xB0))):
            self.assertIn(f"{count} finished tasks of job {job} were old, and are forgotten", said)

    def test_families(self) -> None:
        """Parents of what waits stay; those of what goes as well follow, in the end."""
        self.old([1, 2])
        self.old([3], status="canceled")
        self.old([4], status="canceled", parents=(an_id(3),))
        self.old([5], status="claimed-by-manager", parents=(an_id(1),))
        for _ in range(2):
            self.clean_up()
        left = [n for n in range(1, 6) if self.result_of(self.store.tasks.get(an_id(n))) is not None]
        self.assertEqual(left, [1, 5])

    def test_pinged(self) -> None:
        """A ping that is not stored yet keeps a task."""
        self.old([1], worker_id=WORKER)
        self.heartbeats.pinged(a_worker(), an_id(1))
        self.assertEqual(self.clean_up(), [])
        self.assertEqual(self.task(an_id(1)).status, "completed")

    def test_lease_lost(self) -> None:
        """Who loses the lease stops, and says what was done until then."""
        self.old(range(130))
        remove = self.store.tasks.remove

        def removed_last(tasks: Sequence[Task]) -> Any:
            self.lease.asleep = True
            return remove(tasks)

        said = self.clean_up(Parts(self.store.tasks, remove=removed_last))
        self.assertEqual(self.result_of(self.store.tasks.counts()), {"completed": 105})
        self.assertIn(f"25 finished tasks of job {JOB} were old, and are forgotten", said)


class NoTaskCleanupTests(LeftAlone):
    settings = evolve(FarmTestCase.settings, task_cleanup_max_age=0.0)

    def test_off(self) -> None:
        """With an age of 0 no task is ever forgotten."""
        self.add(a_task(status="completed"))
        self.start()
        self.leave_alone(400)
        self.assertEqual(self.task(TASK).status, "completed")


class WorkerRemovalTests(LeftAlone):
    settings = evolve(FarmTestCase.settings, worker_cleanup_max_age=30.0)

    def test_forgotten(self) -> None:
        """A removed worker is not known any more, not even by its secret, and the Server hears of the task types."""
        w1 = self.register("w1", "odd-type")
        self.register("w2", "sleeping")
        self.assertEqual(self.request("GET", "/status-change", worker=w1).code, 204)
        self.start()
        self.leave_alone(200)
        updates = self.server.record.requests[Endpoint.UPDATE]
        self.change_worker(w1, status="offline", last_activity=self.clock.seconds())
        self.leave_alone(120)
        self.assertIsNone(self.result_of(self.store.workers.get(w1)))
        self.assertEqual(self.request("GET", "/status-change", worker=w1).code, 401)
        self.assertEqual(self.result_of(self.store.workers.task_types()), {"sleeping"})
        self.assertGreater(self.server.record.requests[Endpoint.UPDATE], updates)

    def test_heard_meanwhile(self) -> None:
        """A worker that comes back just then stays."""
        w1 = self.register("w1")
        self.change_worker(w1, status="offline", last_activity=self.clock.seconds())
        self.start()
        self.leave_alone(299)
        self.request("GET", "/status-change", worker=w1)
        self.leave_alone(2)
        self.assertEqual(self.worker(w1).id, w1)
