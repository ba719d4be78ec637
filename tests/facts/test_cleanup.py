"""The acceptance list of task-lifecycle.md 20: facts 76 to 81."""

from attrs import evolve
from twisted.application.service import IService
from twisted.logger import capturedLogs, formatEvent

from tests.builders import JOB, TASK, a_task, a_worker
from tests.harness import FarmTestCase
from tests.store.contract.case import an_id
from tests.upkeep import LeftAlone

DAY = 24 * 3600.0
YEARS = 3 * 365 * DAY


class TaskCleanupFactTests(LeftAlone):
    def test_cleanup(self) -> None:
        """
        Fact 76: tasks go that were never pinged and updated years ago, or nobody knows when; others stay.

        Only finished ones (design.md 7): the same ones that wait stay, whatever their age.
        """
        now = self.clock.seconds()
        ages: dict[int, tuple[float | None, float | None]] = {
            1: (None, None),
            2: (None, now - YEARS),
            3: (now - 3 * 3600, now - YEARS),
            4: (now - 60, now - 60),
        }
        for number, (ping, updated) in ages.items():
            for offset, status in ((0, "completed"), (10, "claimed-by-manager")):
                one = a_task(id=an_id(number + offset), status=status, last_worker_ping=ping, last_updated=updated)
                self.add(one)
        self.start()
        self.leave_alone(359)
        self.assertIsNotNone(self.result_of(self.store.tasks.get(an_id(1))))
        with capturedLogs() as events:
            self.leave_alone(1)
        for number in ages:
            gone = self.result_of(self.store.tasks.get(an_id(number))) is None
            self.assertEqual(gone, number in {1, 2}, number)
            self.assertEqual(self.task(an_id(number + 10)).status, "claimed-by-manager")
        said = [formatEvent(event) for event in events]
        self.assertIn(f"2 finished tasks of job {JOB} were old, and are forgotten", said)


class AgedWorkers(LeftAlone):
    def age(self, worker: str, status: str, seconds: float) -> None:
        """Let a worker have been heard of so many seconds ago, in this status."""
        self.change_worker(worker, status=status, last_activity=self.clock.seconds() - seconds)

    def workers(self) -> set[str]:
        """Return the ids of the workers that are there."""
        return {worker.id for worker in self.result_of(self.store.workers.all())}


class WorkerCleanupFactTests(AgedWorkers):
    settings = evolve(FarmTestCase.settings, worker_cleanup_max_age=30.0)

    def test_offline_ones(self) -> None:
        """
        Fact 79: last heard of a day ago, age 30 s: one that is awake stays, an offline one goes; others stay.

        Fact 80: one in ``timeout`` stays with the default list. Fact 81: its active task is ``claimed-by-manager``, and
        says why. Fact 78: workers that were heard of stay.
        """
        awake, gone, silent, fresh = (self.register(name) for name in ("awake", "gone", "silent", "fresh"))
        self.age(awake, "awake", DAY)
        self.age(gone, "offline", DAY)
        self.age(silent, "timeout", DAY)
        self.given(gone)
        self.start()
        self.leave_alone(299)
        self.assertEqual(len(self.workers()), 4)
        self.age(awake, "awake", -10.0)
        self.age(fresh, "offline", 29.0)
        self.result_of(self.store.workers.beat({}, {TASK: (gone, self.clock.seconds())}))
        self.leave_alone(1)
        self.assertEqual(self.workers(), {awake, silent, fresh})
        self.assertEqual((self.task(TASK).status, self.task(TASK).worker_id), ("claimed-by-manager", gone))
        self.assertIn("worker is being auto-removed", self.task(TASK).activity)


class TimedOutCleanupFactTests(AgedWorkers):
    settings = evolve(FarmTestCase.settings, worker_cleanup_max_age=30.0, worker_cleanup_status=("timeout",))

    def test_offline_ones(self) -> None:
        """Fact 80: a worker in ``timeout`` is removed if that is in the list, and then one that is offline is not."""
        silent, offline = self.register("silent"), self.register("offline")
        self.age(silent, "timeout", DAY)
        self.age(offline, "offline", DAY)
        self.start()
        self.leave_alone(300)
        self.assertEqual(self.workers(), {offline})


class NeverSeenFactTests(AgedWorkers):
    settings = evolve(FarmTestCase.settings, worker_cleanup_max_age=600.0)

    def test_never_seen(self) -> None:
        """Fact 78, the better way: one that only registered counts as offline, from its registration on (21.23)."""
        now = int(self.clock.seconds())
        for age in (0, 400):
            worker = a_worker(id=f"{now - age:08x}{age:016x}", status="")
            self.result_of(self.store.workers.add(worker))
        self.start()
        self.leave_alone(310)
        self.assertEqual(self.workers(), {f"{now:08x}{0:016x}"})


class NoWorkerCleanupFactTests(FarmTestCase):
    def test_off(self) -> None:
        """Fact 77: with a ``worker_cleanup_max_age`` of 0 there is no remover at all."""
        self.assertEqual([duty.name for duty in self.duties() if "WorkerCleaner" in str(duty.name)], [])

    def duties(self) -> list[IService]:
        """Return the duties that run where the lease is."""
        return [one for duty in self.farm.duties for one in getattr(duty, "duties", ())]
