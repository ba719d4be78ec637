"""Several Managers on one database know of each other's doings within a second."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.updates import Transition
from flamenco_mgr.store.interfaces import LeaseLost, StoreRefused, WorkerBeat
from flamenco_mgr.store.mongo import MongoStore, indexes
from flamenco_mgr.store.mongo.documents import TASKS
from flamenco_mgr.store.mongo.orders import Orders
from flamenco_mgr.store.mongo.queries import EVERYTHING
from flamenco_mgr.store.mongo.update_documents import QUEUE
from flamenco_mgr.store.mongo.worker_copies import COMPARE_EVERY, GOOD_FOR
from tests.builders import TASK, WORKER, a_task, a_worker, an_update
from tests.mongo.pump import turn
from tests.store.contract.case import StoreCase, an_id
from tests.store.mongo_case import OnMongoDB


class SharedCase(OnMongoDB, StoreCase):
    """A store, and another one with its own clock on the same database."""

    store: MongoStore

    def setUp(self) -> None:
        super().setUp()
        self.other_clock = Clock()
        self.other = self.another_store(self.store._link.address.database, self.other_clock)

    def compare(self) -> None:
        """Let the other store find out what has changed."""
        self.other_clock.advance(COMPARE_EVERY)
        turn(lambda: not self.other._link.in_flight)


class WorkerCopyTests(SharedCase):
    def setUp(self) -> None:
        super().setUp()
        self.result_of(self.store.workers.add(a_worker()))
        self.assertEqual(self.result_of(self.other.workers.get(WORKER)), a_worker())

    def seen(self) -> object:
        """Return the copy of the worker that the other store has."""
        return self.other.workers.copies.get(WORKER)

    def test_changed_elsewhere(self) -> None:
        """What another Manager changes of a worker is known at the next comparison, and can be built upon."""
        changed = evolve(a_worker(), hashed_secret=b"$2b$04$another", status_requested="shutdown")
        self.assertTrue(self.result_of(self.store.workers.change(a_worker(), changed)))
        self.compare()
        self.assertEqual(self.seen(), evolve(changed, revision=1))
        now = self.result_of(self.other.workers.get(WORKER))
        assert now is not None
        self.assertTrue(self.result_of(self.other.workers.change(now, evolve(now, status="asleep"))))

    def test_late_change(self) -> None:
        """A change that was decided on an old copy does nothing, and the worker is read anew at once."""
        self.assertTrue(self.result_of(self.store.workers.change(a_worker(), a_worker(status="asleep"))))
        self.assertFalse(self.result_of(self.other.workers.change(a_worker(), a_worker(status="error"))))
        now = self.result_of(self.other.workers.get(WORKER))
        self.assertEqual(now, a_worker(status="asleep", revision=1))

    def test_beat_elsewhere(self) -> None:
        """A new address or task that another Manager noticed is known as well; that the worker lives is not news."""
        beats = (WorkerBeat(last_activity=5.0), WorkerBeat(address="10.0.0.9"), WorkerBeat(current_task=TASK))
        expected = (a_worker(), evolve(a_worker(), last_activity=5.0, address="10.0.0.9"))
        for beat, copy in zip(beats, (*expected, evolve(expected[1], current_task=TASK)), strict=True):
            self.result_of(self.store.workers.beat({WORKER: beat}, {}))
            self.compare()
            self.assertEqual(self.seen(), copy)

    def test_removed_elsewhere(self) -> None:
        """A worker that is removed from the database is unknown at the next comparison."""
        self.result_of(self.store.workers.workers.remove({}))
        self.compare()
        self.assertIsNone(self.result_of(self.other.workers.get(WORKER)))

    def test_old_copies(self) -> None:
        """Copies that could not be compared for a second are not used."""
        self.result_of(self.other._link.close())
        self.other_clock.advance(COMPARE_EVERY)
        self.assertEqual(self.seen(), a_worker())
        self.other_clock.advance(GOOD_FOR - COMPARE_EVERY)
        self.assertIsNone(self.seen())

    def test_unknown_worker(self) -> None:
        """A worker that was not there is asked for each time, so that it is known as soon as it registers."""
        self.assertIsNone(self.result_of(self.other.workers.get(an_id(1))))
        self.result_of(self.store.workers.add(a_worker(id=an_id(1))))
        self.assertIsNotNone(self.result_of(self.other.workers.get(an_id(1))))


class FactTests(SharedCase):
    def test_receipts(self) -> None:
        """Receipts are counted by all together; the number may be as old as a second, and then it is too low."""
        self.assertEqual(self.result_of(self.other.updates.receipts()), 0)
        for number in range(2):
            self.result_of(self.store.updates.add(an_update(id=an_id(number), task_id=an_id(9))))
            self.result_of(self.store.updates.handled(self.queue()))
        self.assertEqual(self.result_of(self.store.updates.receipts()), 2)
        self.assertEqual(self.result_of(self.other.updates.receipts()), 0)
        self.other_clock.advance(1)
        self.assertEqual(self.result_of(self.other.updates.receipts()), 2)

    def test_mark_of_an_old_term(self) -> None:
        """A Manager whose term is over cannot set the mark any more; the mark of the newer term stays."""
        for store in (self.store, self.other):  # the second takes over from the first, which was stopped
            self.result_of(store.lease.look())
            self.result_of(store.lease.look())
            if store is self.store:
                self.result_of(store.mark.set("old"))
        self.other_clock.advance(5)
        self.result_of(self.other.lease.look())
        self.assertGreater(self.other.lease.fence, self.store.lease.fence)
        self.result_of(self.other.mark.set("new"))
        self.failure_of(self.store.mark.set("late"), LeaseLost)
        self.failure_of(self.store.mark.set(None), LeaseLost)
        self.assertEqual(self.result_of(self.store.mark.get()), "new")


class ChangeTests(SharedCase):
    def test_read_elsewhere(self) -> None:
        """A change that was decided on what another process read is told after what that one told before."""
        self.take_in(a_task())
        self.change(TASK, an_update(id=an_id(1), status="active"), status="active")
        before = self.task(TASK)
        for update, expected in ((an_update(id=an_id(2), status="completed"), True), (an_update(id=an_id(3)), False)):
            transition = Transition(before=before, after=evolve(before, activity="x"), update=update)
            self.assertEqual(self.result_of(self.other.tasks.apply(transition)), expected)
        self.assertEqual([one.update.status for one in self.queue()], ["active", "completed"])

    def test_nothing_told(self) -> None:
        """One of which the Server is told nothing needs to know nothing of what was told."""
        self.take_in(a_task())
        before = self.task(TASK)
        transition = Transition(before=before, after=evolve(before, activity="x"))
        self.assertEqual([self.result_of(self.other.tasks.apply(transition)) for _ in range(2)], [True, False])


class LeftoverTests(SharedCase):
    def half_done(self) -> None:
        """Let a parent be completed by a process that is killed before its child knows."""
        self.add(a_task(parents=(an_id(1),), priority=99), a_task(id=an_id(1)))
        self.result_of(self.store.tasks.settling.settled())
        link = self.store._link
        before = self.task(an_id(1))
        update = an_update(task_id=an_id(1), status="completed")
        applying = Deferred.fromCoroutine(
            self.store.tasks.apply(Transition(before=before, after=evolve(before, status="completed"), update=update))
        )
        turn(lambda: applying.called)
        closing = Deferred.fromCoroutine(link.close())
        turn(lambda: closing.called)

    def test_checkpoint(self) -> None:
        """What a process has left half done is done by the one that has the lease, at its next checkpoint."""
        self.half_done()
        self.result_of(self.other.checkpoint())
        self.store, killed = self.other, self.store
        self.assertIsNone(self.candidate())
        self.result_of(self.other.lease.look())
        self.result_of(self.other.checkpoint())
        self.assertEqual(self.candidate(), TASK)
        documents = self.result_of(self.other.updates.queue.find(EVERYTHING))
        self.assertEqual([document["task_status"] for document in documents], ["completed"])
        self.store = killed

    def test_repair(self) -> None:
        """It is done by the next start as well, which says how many tasks were wrong."""
        self.half_done()
        self.assertEqual([self.result_of(self.other.repair()) for _ in range(2)], [1, 0])


class IndexTests(SharedCase):
    def test_twice(self) -> None:
        """Indexes that are there are left alone."""
        self.result_of(indexes.prepare(self.store._link))
        answer = self.result_of(
            self.store._link.call(lambda db, timeout: db.command({"listIndexes": TASKS}, timeout=timeout))
        )
        names = [index["name"] for index in answer["cursor"]["firstBatch"]]
        self.assertEqual(sorted(names), sorted(["_id_", *(index.name for index in indexes.INDEXES[TASKS])]))

    def test_other_keys(self) -> None:
        """An index of one of our names with other keys, or of our keys with other options, is refused by its name."""
        wanted = indexes.INDEXES[QUEUE][0]
        for specification in (
            {"key": {"worker": 1}, "name": wanted.name},
            {"key": dict(wanted.keys), "name": "theirs", "unique": True},
        ):
            with self.subTest(name=specification["name"]):
                link = self.store._link
                self.result_of(link.call(_command({"dropIndexes": QUEUE, "index": wanted.name})))
                self.result_of(link.call(_command({"createIndexes": QUEUE, "indexes": [specification]})))
                refused = self.failure_of(indexes.prepare(link), StoreRefused)
                self.assertIn(f"has an index {specification['name']} that is not the Manager's", str(refused))
                self.result_of(link.call(_command({"dropIndexes": QUEUE, "index": specification["name"]})))
                self.result_of(indexes.prepare(link))


class OrderTests(SynchronousTestCase):
    def test_grows(self) -> None:
        """Places are microseconds, but each is greater than all given before, though the clock stands or goes back."""
        clock = Clock()
        clock.advance(2.0)
        orders = Orders(clock)
        self.assertEqual([orders.new(), orders.new()], [2_000_000, 2_000_001])
        clock.advance(-1.0)
        self.assertEqual(orders.new(), 2_000_002)

    def test_after(self) -> None:
        """A place comes after what another Manager's clock has given, and so do all that follow."""
        orders = Orders(Clock())
        self.assertEqual(
            [orders.new(after=3_600_000_000), orders.new(), orders.new(after=5)], [3_600_000_001 + n for n in range(3)]
        )

    def test_forgotten(self) -> None:
        """What was seen of a task counts in that revision only; of very many tasks the oldest are forgotten."""
        orders = Orders(Clock())
        for number in range(20_001):
            orders.see(str(number), 1, number)
        found = [orders.latest(*one) for one in (("0", 1), ("1", 1), ("1", 2), ("20000", 1), ("x", 0))]
        self.assertEqual(found, [None, 1, None, 20_000, None])


def _command(command: Mapping[str, Any]) -> Callable[[Any, float], Awaitable[Any]]:
    return lambda db, timeout: db.command(dict(command), timeout=timeout)
