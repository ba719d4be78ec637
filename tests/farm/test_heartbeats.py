"""Signs of life."""

from collections.abc import Mapping

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.farm.heartbeats import Heartbeats
from flamenco_mgr.store.interfaces import StoreUnavailable, WorkerBeat
from tests.builders import TASK, WORKER, a_worker


@define(eq=False)
class Notebook:
    """Notes the batches; full, it takes none."""

    batches: list[tuple[Mapping[str, WorkerBeat], Mapping[str, tuple[str, float]]]] = field(factory=list)
    full: bool = False

    async def beat(self, workers: Mapping[str, WorkerBeat], pings: Mapping[str, tuple[str, float]]) -> None:
        if self.full:
            raise StoreUnavailable("full")
        self.batches.append((workers, pings))


class HeartbeatsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.notebook = Notebook()
        self.heartbeats = Heartbeats(workers=self.notebook, clock=self.clock)  # type: ignore[arg-type]  # beat() alone
        self.worker = a_worker(address="10.0.0.7", software="Flamenco-Worker/2.5")

    def flush(self) -> None:
        self.successResultOf(Deferred.fromCoroutine(self.heartbeats.flush()))

    def test_one_batch(self) -> None:
        """Everything since the last batch is one, with the newest times."""
        for _ in range(3):
            self.clock.advance(1)
            self.heartbeats.seen(self.worker, address="10.0.0.7", software="Flamenco-Worker/2.5")
        self.heartbeats.assigned(self.worker, TASK)
        self.heartbeats.pinged(self.worker, TASK, "failed")
        self.heartbeats.pinged(self.worker, TASK)
        self.flush()
        beat = WorkerBeat(last_activity=3.0, current_task=TASK, current_task_status="failed", current_task_updated=3.0)
        self.assertEqual(self.notebook.batches, [({WORKER: beat}, {TASK: (WORKER, 3.0)})])

    def test_moved(self) -> None:
        """A worker that is heard from elsewhere, or of another program, is noted with these."""
        self.heartbeats.seen(self.worker, address="10.0.0.8", software="Flamenco-Worker/2.6")
        self.flush()
        beat = self.notebook.batches[0][0][WORKER]
        self.assertEqual((beat.address, beat.software), ("10.0.0.8", "Flamenco-Worker/2.6"))

    def test_silence(self) -> None:
        """Without a sign of life nothing is written."""
        self.flush()
        self.assertEqual(self.notebook.batches, [])

    def test_full_store(self) -> None:
        """What the store cannot take waits for the next batch; what is newer wins."""
        self.heartbeats.assigned(self.worker, TASK)
        self.heartbeats.pinged(self.worker, "a" * 24)
        self.heartbeats.pinged(self.worker, TASK)
        self.notebook.full = True
        self.flush()
        self.notebook.full = False
        self.clock.advance(5)
        self.heartbeats.pinged(self.worker, TASK)
        self.flush()
        beats, pings = self.notebook.batches[0]
        self.assertEqual(pings, {"a" * 24: (WORKER, 0.0), TASK: (WORKER, 5.0)})
        self.assertEqual((beats[WORKER].current_task, beats[WORKER].current_task_updated), (TASK, 5.0))

    def test_signed_on_anew(self) -> None:
        """A task that a worker had before it signed on is not noted afterwards."""
        self.heartbeats.assigned(self.worker, TASK)
        self.heartbeats.started_anew(self.worker)
        self.heartbeats.seen(self.worker, address="10.0.0.7", software="")
        self.flush()
        self.assertIsNone(self.notebook.batches[0][0][WORKER].current_task)

    def test_unstored(self) -> None:
        """Whoever wants to know when somebody was heard is told what the store does not know yet."""
        self.assertEqual((self.heartbeats.worker_heard(WORKER), self.heartbeats.task_pinged(TASK)), (None, None))
        self.clock.advance(1)
        self.heartbeats.assigned(self.worker, TASK)
        self.assertIsNone(self.heartbeats.worker_heard(WORKER))
        self.heartbeats.seen(self.worker, address="10.0.0.7", software="")
        self.heartbeats.pinged(self.worker, TASK)
        self.assertEqual((self.heartbeats.worker_heard(WORKER), self.heartbeats.task_pinged(TASK)), (1.0, 1.0))
        self.flush()
        self.assertEqual((self.heartbeats.worker_heard(WORKER), self.heartbeats.task_pinged(TASK)), (None, None))

    def test_being_stored(self) -> None:
        """What is just being stored counts as not stored yet."""
        slow = SlowNotebook()
        heartbeats = Heartbeats(workers=slow, clock=self.clock)  # type: ignore[arg-type]  # beat() alone
        heartbeats.pinged(self.worker, TASK)
        heartbeats.seen(self.worker, address="", software="")
        storing = Deferred.fromCoroutine(heartbeats.flush())
        self.assertEqual((heartbeats.worker_heard(WORKER), heartbeats.task_pinged(TASK)), (0.0, 0.0))
        self.clock.advance(1)
        heartbeats.pinged(self.worker, TASK)
        self.assertEqual((heartbeats.worker_heard(WORKER), heartbeats.task_pinged(TASK)), (0.0, 1.0))
        slow.stored.callback(None)
        self.successResultOf(storing)
        self.assertEqual((heartbeats.worker_heard(WORKER), heartbeats.task_pinged(TASK)), (None, 1.0))

    def test_behind(self) -> None:
        """They are behind from when the store could not take them until it has."""
        self.heartbeats.seen(self.worker, address="", software="")
        for full in (False, True, False):
            self.notebook.full = full
            self.heartbeats.seen(self.worker, address="", software="")
            self.flush()
            self.assertEqual(self.heartbeats.behind, full)


@define(eq=False)
class SlowNotebook:
    """Takes its time."""

    stored: "Deferred[None]" = field(factory=Deferred)

    async def beat(self, *_batch: object) -> None:
        await self.stored
