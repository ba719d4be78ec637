"""Counts and events of tasks that change together are written together."""

import sqlite3

from attrs import evolve
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.events import Event
from flamenco_mgr.domain.tasks import Task
from flamenco_mgr.store.interfaces import StoreUnavailable
from flamenco_mgr.store.sqlite import counts, events, schema
from flamenco_mgr.store.sqlite.commits import Commits
from flamenco_mgr.store.sqlite.database import Database
from tests.builders import WORKER, a_task

WAITS, RUNS, DONE = "claimed-by-manager", "active", "completed"


def texts(connection: sqlite3.Connection) -> list[str]:
    """Read what the events say."""
    return [text for (text,) in connection.execute("SELECT text FROM events ORDER BY place")]


class LedgerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.addCleanup(self.connection.close)
        for step in schema.steps():
            self.connection.executescript(step)
        counts.book(self.connection, {counts.kind(a_task()): 3})
        self.statements: list[str] = []
        self.connection.set_trace_callback(self.statements.append)
        self.database = Database(
            connect=lambda: self.connection,
            count=lambda _: 0,
            clock=self.clock,
            commits=Commits(clock=self.clock, in_place=lambda: True),
        )

    def become(self, _: sqlite3.Connection, before: Task, status: str) -> Task:
        """Note that a task has another status; it says so."""
        after = evolve(before, status=status, activity=f"{before.id} is {status}", worker_id=WORKER)
        self.database.ledger.note(before, after)
        return after

    def half(self, connection: sqlite3.Connection, before: Task) -> None:
        """Note something, and fail."""
        self.become(connection, before, RUNS)
        raise ValueError("the other half")

    def ran(self, beginning: str) -> int:
        """Return how many different statements ran; those with triggers are reported once more for each."""
        return len({one for one in self.statements if one.lstrip().startswith(beginning)})

    def test_together(self) -> None:
        """Changes of one group are counted once for all tasks of a kind, and told in their order."""
        tasks = [a_task(id=f"{number:024x}") for number in range(3)]
        running = [self.database.write_noting([one.id], self.become, one, RUNS) for one in tasks]
        _ = self.database.write_noting([tasks[0].id], self.become, evolve(tasks[0], status=RUNS), DONE)
        self.clock.advance(0)
        self.assertEqual([self.successResultOf(one).status for one in running], [RUNS] * 3)
        self.assertEqual(counts.totals(self.connection), {RUNS: 2, DONE: 1})
        self.assertEqual([text.rpartition(" ")[2] for text in texts(self.connection)], [RUNS, RUNS, RUNS, DONE])
        self.assertEqual((self.ran("INSERT INTO counts"), self.ran("UPDATE counts"), self.ran("COMMIT")), (2, 1, 1))
        self.assertEqual(len(self.database.ledger), 0)

    def test_looked_at(self) -> None:
        """Who looks within the group finds all that was noted, and what others record keeps its place."""
        _ = self.database.write_noting(["a"], self.become, a_task(), RUNS)
        seen = self.database.read(counts.totals)
        _ = self.database.write_some((), events.record, Event(at=1.0, kind="operator", text="an act"))
        _ = self.database.write_noting(["a"], self.become, a_task(status=RUNS), DONE)
        self.clock.advance(0)
        self.assertEqual(self.successResultOf(seen), {WAITS: 2, RUNS: 1})
        self.assertEqual([text.rpartition(" ")[2] for text in texts(self.connection)], [RUNS, "act", DONE])

    def test_undone(self) -> None:
        """Of an operation that fails nothing is written down, and all of its neighbours'."""
        _ = self.database.write_noting(["a"], self.become, a_task(), RUNS)
        failing = self.database.write_noting(["b"], self.half, a_task())
        _ = self.database.write_noting(["c"], self.become, a_task(), DONE)
        self.clock.advance(0)
        self.failureResultOf(failing, ValueError)
        self.assertEqual(counts.totals(self.connection), {WAITS: 1, RUNS: 1, DONE: 1})
        self.assertEqual(len(texts(self.connection)), 2)

    def test_cannot_be_written(self) -> None:
        """If it cannot be written down, all of the group fail, whoever finds that out; the next group works."""
        self.connection.execute("ALTER TABLE events RENAME TO elsewhere")
        for find_out in (
            lambda: None,
            lambda: self.database.read(counts.totals),
            lambda: self.database.write(events.record, Event(at=1.0, kind="operator")),
        ):
            change = self.database.write_noting(["a"], self.become, a_task(), RUNS)
            found = find_out()
            self.clock.advance(0)
            self.failureResultOf(change, StoreUnavailable)
            if found is not None:
                self.failureResultOf(found, StoreUnavailable)
            self.assertEqual((len(self.database.ledger), self.clock.getDelayedCalls()), (0, []))
        self.connection.execute("ALTER TABLE elsewhere RENAME TO events")
        self.assertEqual((counts.totals(self.connection), texts(self.connection)), ({WAITS: 3}, []))
        change = self.database.write_noting(["a"], self.become, a_task(), RUNS)
        self.clock.advance(0)
        self.assertEqual(self.successResultOf(change).status, RUNS)
        self.assertEqual(counts.totals(self.connection), {WAITS: 2, RUNS: 1})
