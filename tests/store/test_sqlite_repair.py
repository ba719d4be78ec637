"""Repair: derived facts that are wrong, for whatever reason, are right after the start."""

import sqlite3

from twisted.internet.interfaces import IReactorTime

from flamenco_mgr.domain.tasks import FailedBy
from flamenco_mgr.store.interfaces import IStore
from flamenco_mgr.store.sqlite import SQLiteStore
from tests.builders import WORKER, a_task
from tests.store.contract.case import StoreCase, an_id

DERIVED = (
    "SELECT id, open_parents, task_type, job_priority, priority, job, failed_by, head FROM"
    " (SELECT id, open_parents, lane FROM tasks) LEFT JOIN lanes USING (lane) ORDER BY id"
)


class RepairTests(StoreCase):
    def make_store(self, clock: IReactorTime) -> IStore:
        store = SQLiteStore.in_memory(clock)
        self.connection = store._database.open()
        return store

    def setUp(self) -> None:
        super().setUp()
        self.add(
            *(a_task(id=an_id(number), priority=number % 2) for number in range(1, 9)),
            a_task(id=an_id(20), parents=(an_id(1), an_id(2))),
            a_task(id=an_id(21), failed_by=(FailedBy(id=WORKER), FailedBy(id=an_id(7)))),
            a_task(id=an_id(22), status="active"),
        )
        self.right = self.derived()

    def derived(self) -> list[sqlite3.Row]:
        return self.connection.execute(DERIVED).fetchall()

    def assert_repaired(self, damage: str, wrong: int) -> None:
        """So many tasks are found wrong after the damage, and then all is as before, and stays so."""
        self.connection.execute(damage)
        self.assertEqual(self.result_of(self.store.repair()), wrong)
        self.assertEqual(self.derived(), self.right)
        self.assertEqual(self.result_of(self.store.repair()), 0)

    def test_health(self) -> None:
        """Where nothing is wrong, nothing is written."""
        before = self.connection.total_changes
        self.assert_repaired("SELECT 1", 0)
        self.assertEqual(self.connection.total_changes, before)

    def test_counters(self) -> None:
        """Wrong numbers of open parents are counted anew."""
        self.assert_repaired("UPDATE tasks SET open_parents = 7 WHERE number < 4", 3)
        self.assert_repaired("UPDATE tasks SET open_parents = 0", 1)

    def test_lanes(self) -> None:
        """Tasks that are in the wrong lane, in none, or in one that they must not be in, are put right."""
        self.assert_repaired("UPDATE tasks SET lane = NULL WHERE number IN (3, 4)", 2)
        self.assert_repaired("UPDATE tasks SET lane = 999 WHERE number = 5", 1)
        self.assert_repaired("UPDATE tasks SET lane = (SELECT max(lane) FROM lanes)", 10)

    def test_lost_lanes(self) -> None:
        """Lanes that are lost, changed, empty, or led by the wrong task are put right."""
        self.assert_repaired("DELETE FROM lanes", 9)
        self.assert_repaired("UPDATE lanes SET failed_by = '' WHERE failed_by <> ''", 1)
        self.assert_repaired("UPDATE lanes SET head = 'zzz'", 0)
        self.assert_repaired("INSERT INTO lanes VALUES (50, 'x', 1, 1, 'x', '', 'x')", 0)
        self.assertEqual(self.connection.execute("SELECT count(*) FROM lanes WHERE lane = 50").fetchone(), (0,))
