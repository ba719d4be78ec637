"""The contract of `IWorkerStore`."""

from typing import Any

from attrs import evolve

from flamenco_mgr.domain.sleeping import SleepSchedule
from flamenco_mgr.store.interfaces import WorkerBeat, WorkerCounts
from tests.builders import JOB, TASK, WORKER, a_task, a_worker
from tests.store.contract.case import StoreCase, an_id

EVERY_FIELD: dict[str, Any] = {
    "hashed_secret": b"$2b$10$other\x00",
    "nickname": "näme",
    "address": "10.0.0.8",
    "platform": "windows",
    "software": "Flamenco-Worker/2.5",
    "supported_task_types": ("b", "a"),
    "status": "asleep",
    "status_requested": "awake",
    "lazy_status_request": True,
    "last_activity": 12.5,
    "current_task": TASK,
    "current_task_status": "active",
    "current_task_updated": 13.5,
    "sleep_schedule": SleepSchedule(active=True, days=("mo", "fr"), start="22:00", end="24:00", next_check=14.5),
    "failed_jobs": (JOB, TASK),
    "sick": "it failed at tasks of 5 jobs",
}


class WorkerContract(StoreCase):
    def test_unknown(self) -> None:
        """A worker that has not registered is None, and cannot be changed."""
        self.assertIsNone(self.result_of(self.store.workers.get(WORKER)))
        for after in (a_worker(), a_worker(status="asleep")):
            self.assertFalse(self.result_of(self.store.workers.change(a_worker(), after)))

    def test_every_field(self) -> None:
        """A worker comes back as it went in, field by field."""
        worker = a_worker(**EVERY_FIELD)
        self.result_of(self.store.workers.add(worker))
        self.assertEqual(self.result_of(self.store.workers.get(WORKER)), worker)

    def test_every_field_changes(self) -> None:
        """Every field can be changed, also to its default, and moves the revision by one."""
        worker = a_worker(nickname="", address="", platform="", supported_task_types=(), status="")
        self.result_of(self.store.workers.add(worker))
        for name, value in EVERY_FIELD.items():
            for after in (evolve(worker, **{name: value}), worker):
                before = self.result_of(self.store.workers.get(WORKER))
                assert before is not None
                self.assertTrue(self.result_of(self.store.workers.change(before, after)))
                expected = evolve(after, revision=before.revision + 1)
                self.assertEqual(self.result_of(self.store.workers.get(WORKER)), expected)

    def test_change_late(self) -> None:
        """A change that was decided on an earlier revision does nothing, also if it would change nothing."""
        worker = a_worker()
        self.result_of(self.store.workers.add(worker))
        self.assertTrue(self.result_of(self.store.workers.change(worker, worker)))
        self.assertTrue(self.result_of(self.store.workers.change(worker, evolve(worker, status="asleep"))))
        for late in (worker, evolve(worker, status="error")):
            self.assertFalse(self.result_of(self.store.workers.change(worker, late)))
        (stored,) = self.result_of(self.store.workers.all())
        self.assertEqual(stored.status, "asleep")

    def test_change_unheard(self) -> None:
        """A change that was decided on a worker's silence does nothing if it was heard of, which moves no revision."""
        for known in (None, 5.0):
            worker = a_worker(id=an_id(int(known or 0)), last_activity=known)
            self.result_of(self.store.workers.add(worker))
            asleep = evolve(worker, status="asleep")
            self.result_of(self.store.workers.beat({worker.id: WorkerBeat(last_activity=6.0)}, {}))
            for after in (asleep, worker):
                self.assertFalse(self.result_of(self.store.workers.change(worker, after, unheard=True)))
            self.assertFalse(self.result_of(self.store.workers.remove(worker, unheard=True)))
            heard = evolve(worker, last_activity=6.0)
            self.assertTrue(self.result_of(self.store.workers.change(heard, asleep, unheard=True)))
            stored = self.result_of(self.store.workers.get(worker.id))
            self.assertEqual((stored and stored.status, stored and stored.revision), ("asleep", 1))

    def test_remove(self) -> None:
        """A worker that is removed is gone, with its task types; one that has changed since it was read stays."""
        worker, other = a_worker(), a_worker(id=an_id(1), supported_task_types=("b",))
        for one in (worker, other):
            self.result_of(self.store.workers.add(one))
        self.assertEqual(self.result_of(self.store.workers.get(WORKER)), worker)
        self.assertTrue(self.result_of(self.store.workers.change(worker, evolve(worker, status="offline"))))
        self.assertFalse(self.result_of(self.store.workers.remove(worker)))
        read = self.result_of(self.store.workers.get(WORKER))
        assert read is not None
        self.result_of(self.store.workers.beat({WORKER: WorkerBeat(last_activity=6.0)}, {}))
        self.assertTrue(self.result_of(self.store.workers.remove(read)))
        self.assertIsNone(self.result_of(self.store.workers.get(WORKER)))
        self.assertEqual(self.result_of(self.store.workers.all()), (other,))
        self.assertEqual(self.result_of(self.store.workers.task_types()), {"b"})
        self.assertFalse(self.result_of(self.store.workers.remove(read)))
        self.result_of(self.store.workers.beat({WORKER: WorkerBeat(last_activity=7.0)}, {}))
        self.assertIsNone(self.result_of(self.store.workers.get(WORKER)))

    def test_add_twice(self) -> None:
        """The same id twice is once, and the first stays."""
        self.result_of(self.store.workers.add(a_worker(nickname="first")))
        self.result_of(self.store.workers.add(a_worker(nickname="second")))
        self.assertEqual([worker.nickname for worker in self.result_of(self.store.workers.all())], ["first"])

    def test_all(self) -> None:
        """Workers are listed in the order of their registration, and counted."""
        ids = [an_id(number) for number in (5, 3, 9)]
        for worker_id in ids:
            self.result_of(self.store.workers.add(a_worker(id=worker_id)))
        self.assertEqual([worker.id for worker in self.result_of(self.store.workers.all())], ids)
        self.assertEqual(self.result_of(self.store.workers.count()), 3)

    def test_counts(self) -> None:
        """Workers are counted by status, and the sick among them."""
        self.assertEqual(self.result_of(self.store.workers.counts()), WorkerCounts())
        for number, (status, sick) in enumerate((("awake", ""), ("awake", "failed"), ("", ""), ("asleep", "failed"))):
            self.result_of(self.store.workers.add(a_worker(id=an_id(number), status=status, sick=sick)))
        expected = WorkerCounts(by_status={"awake": 2, "": 1, "asleep": 1}, sick=2)
        self.assertEqual(self.result_of(self.store.workers.counts()), expected)

    def test_task_types(self) -> None:
        """The task types are those of all workers together."""
        self.assertEqual(self.result_of(self.store.workers.task_types()), frozenset())
        for number, types in enumerate((("a", "b"), ("b", "c"), ())):
            self.result_of(self.store.workers.add(a_worker(id=an_id(number), supported_task_types=types)))
        self.assertEqual(self.result_of(self.store.workers.task_types()), {"a", "b", "c"})

    def test_beat(self) -> None:
        """A heartbeat stores what was noticed, without moving the revision, and leaves alone what was not."""
        worker = a_worker()
        self.result_of(self.store.workers.add(worker))
        noticed: dict[str, Any] = {
            "last_activity": 5.0,
            "address": "10.0.0.9",
            "software": "Flamenco-Worker/2.5",
            "current_task": TASK,
            "current_task_status": "active",
            "current_task_updated": 6.0,
        }
        beats = {WORKER: WorkerBeat(**noticed), an_id(1): WorkerBeat(last_activity=5.0)}
        self.result_of(self.store.workers.beat(beats, {}))
        self.result_of(self.store.workers.beat({WORKER: WorkerBeat()}, {}))
        self.assertEqual(self.result_of(self.store.workers.all()), (evolve(worker, **noticed),))

    def test_beat_beside_change(self) -> None:
        """A change that was decided before a heartbeat leaves what the heartbeat brought."""
        worker = a_worker()
        self.result_of(self.store.workers.add(worker))
        self.assertEqual(self.result_of(self.store.workers.get(WORKER)), worker)
        self.result_of(self.store.workers.beat({WORKER: WorkerBeat(last_activity=5.0)}, {}))
        seen = self.result_of(self.store.workers.get(WORKER))
        self.assertEqual(seen, evolve(worker, last_activity=5.0))
        self.assertTrue(self.result_of(self.store.workers.change(worker, evolve(worker, status="asleep"))))
        (stored,) = self.result_of(self.store.workers.all())
        self.assertEqual((stored.status, stored.last_activity), ("asleep", 5.0))

    def test_times_never_go_back(self) -> None:
        """An earlier time than the one that is stored is dropped, of workers and of tasks."""
        self.result_of(self.store.workers.add(a_worker()))
        self.take_in(a_task(status="active", worker_id=WORKER))
        for time in (7.0, 6.0):
            beat = WorkerBeat(last_activity=time, current_task_updated=time)
            self.result_of(self.store.workers.beat({WORKER: beat}, {TASK: (WORKER, time)}))
        (stored,) = self.result_of(self.store.workers.all())
        self.assertEqual((stored.last_activity, stored.current_task_updated), (7.0, 7.0))
        self.assertEqual(self.task(TASK).last_worker_ping, 7.0)

    def test_ping(self) -> None:
        """A task's ping counts if the worker named still has the task, and does not move its revision."""
        self.take_in(a_task(status="active", worker_id=WORKER), a_task(id=an_id(1), worker_id=an_id(2)))
        self.assertIsNone(self.task(TASK).last_worker_ping)
        pings = {TASK: (WORKER, 5.0), an_id(1): (WORKER, 5.0), an_id(3): (WORKER, 5.0)}
        self.result_of(self.store.workers.beat({}, pings))
        self.assertEqual((self.task(TASK).last_worker_ping, self.task(TASK).revision), (5.0, 0))
        self.assertIsNone(self.task(an_id(1)).last_worker_ping)

    def test_many_beats(self) -> None:
        """A batch of any size is stored whole."""
        for number in range(450):
            self.result_of(self.store.workers.add(a_worker(id=an_id(number))))
        beats = {an_id(number): WorkerBeat(last_activity=5.0) for number in range(450)}
        self.result_of(self.store.workers.beat(beats, {}))
        self.assertEqual({worker.last_activity for worker in self.result_of(self.store.workers.all())}, {5.0})
