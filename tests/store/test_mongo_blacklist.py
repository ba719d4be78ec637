"""The blacklist, shared: what other Managers, and the original, do to it."""

from typing import Any

from bson import ObjectId

from flamenco_mgr.domain.blacklist import BlacklistLine
from flamenco_mgr.store.interfaces import StoreUnavailable
from flamenco_mgr.store.mongo import MongoStore
from flamenco_mgr.store.mongo.bans import BLACKLIST
from flamenco_mgr.store.mongo.encoding import from_time
from flamenco_mgr.store.mongo.worker_copies import GOOD_FOR
from tests.builders import JOB, TASK, WORKER, a_task
from tests.store.contract.blacklist import TYPE, a_line
from tests.store.test_mongo_sharing import SharedCase

NOW = 1573567032.0


class SharedBlacklistTests(SharedCase):
    def setUp(self) -> None:
        super().setUp()
        self.add(a_task())

    def given(self, store: MongoStore) -> str | None:
        """Return the id of the task that a store has for the worker."""
        task = self.result_of(store.tasks.candidate(WORKER, (TYPE,), (), 0.0))
        return None if task is None else task.id

    def lines(self, store: MongoStore) -> tuple[BlacklistLine, ...]:
        """Return the lines that a store knows."""
        return self.result_of(store.blacklist.lines(0.0))

    def command(self, **command: Any) -> Any:
        """Send a command of somebody else's."""
        link = self.store._link
        return self.result_of(link.call(lambda db, timeout: db.command({**command}, timeout=timeout)))

    def insert(self, **fields: Any) -> None:
        """Make a line as the original does, which announces nothing."""
        line = {"_id": ObjectId(), "job_id": ObjectId(JOB), "_created": from_time(NOW), **fields}
        self.command(insert=BLACKLIST, documents=[line])

    def test_known_within_a_second(self) -> None:
        """What one Manager adds and removes, the other knows at its next look."""
        self.assertTrue(self.result_of(self.store.blacklist.add(a_line())))
        self.compare()
        self.assertIsNone(self.given(self.other))
        self.assertTrue(self.result_of(self.store.blacklist.remove(WORKER, JOB, TYPE)))
        self.compare()
        self.assertEqual((self.given(self.other), self.lines(self.other)), (TASK, ()))

    def test_both_at_once(self) -> None:
        """Two Managers that add the same line make one; only one of them is told that it did."""
        both = [self.pumped(store.blacklist.add(a_line())) for store in (self.store, self.other)]
        self.assertEqual(sorted(self.successResultOf(one) for one in both), [False, True])
        self.assertEqual([self.lines(store) for store in (self.store, self.other)], [(a_line(),)] * 2)

    def test_announced_before_it_is_made(self) -> None:
        """A change that is made some time after it was announced is seen as well."""
        self.result_of(self.store.blacklist.bans.announce())
        self.compare()
        self.compare()
        self.insert(task_type=TYPE, worker_id=ObjectId(WORKER))
        self.compare()
        self.assertEqual(self.lines(self.other), (a_line(created=NOW),))

    def test_not_looked_for_long(self) -> None:
        """Lines that were not compared for a second are asked for."""
        self.result_of(self.other._comparing.stopService())
        self.result_of(self.store.blacklist.add(a_line()))
        self.other_clock.advance(GOOD_FOR)
        self.assertIsNone(self.given(self.other))

    def test_originals_lines(self) -> None:
        """Lines of the original count, those that say nothing do not; its indexes are in nobody's way."""
        indexes: tuple[tuple[dict[str, int], dict[str, Any]], ...] = (
            ({"worker_id": 1, "job_id": 1, "task_type": 1}, {"name": "unique", "unique": True}),
            ({"_created": 1}, {"name": "cleanup", "expireAfterSeconds": 604800}),
            ({"worker_id": 1}, {"name": "worker-id"}),
        )
        self.command(createIndexes=BLACKLIST, indexes=[{"key": key, **options} for key, options in indexes])
        self.insert(task_type=TYPE, worker_id=ObjectId(WORKER))
        self.insert(task_type=5, worker_id=ObjectId(WORKER))
        self.insert(task_type=TYPE, worker_id=None)
        third = self.another_store(self.store._link.address.database)
        self.assertEqual(self.lines(third), (a_line(created=NOW),))
        self.assertFalse(self.result_of(third.blacklist.add(a_line(created=NOW + 5.0))))
        self.assertIsNone(self.given(third))
        self.assertTrue(self.result_of(third.blacklist.remove(WORKER, JOB, TYPE)))
        self.assertEqual(self.given(third), TASK)

    def test_unavailable(self) -> None:
        """A store that cannot be asked says so, rather than give a banned worker a task."""
        self.result_of(self.other.close())
        self.other_clock.advance(GOOD_FOR)
        self.failure_of(self.other.blacklist.lines(0.0), StoreUnavailable)
