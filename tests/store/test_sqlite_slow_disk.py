"""On a slow disk a COMMIT is made in a thread, and what needs no database goes on."""

import sqlite3
import threading

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.store.interfaces import StoreUnavailable
from flamenco_mgr.store.sqlite.commits import Commits
from flamenco_mgr.store.sqlite.database import Database
from tests.store.test_sqlite_groups import count, fail, say
from tests.threads import HeldThread


def word_is(connection: sqlite3.Connection, word: str) -> bool:
    """Read whether a word was said."""
    return bool(connection.execute("SELECT count(*) FROM words WHERE word = ?", (word,)).fetchone()[0])


def stumble(connection: sqlite3.Connection) -> int:
    """Go wrong in a way that nobody has foreseen."""
    raise ValueError(f"of {count(connection)}")


class SlowDiskTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.thread = HeldThread()
        self.took = 0.008
        self.connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self.connection.execute("CREATE TABLE words (word TEXT UNIQUE)")
        self.statements: list[str] = []
        self.connection.set_trace_callback(self.traced)
        commits = Commits(clock=self.clock, in_place=lambda: True, in_thread=self.thread)
        self.database = Database(connect=lambda: self.connection, count=count, clock=self.clock, commits=commits)
        known = self.database.write_some(["a"], say, "a")
        self.turns()
        self.successResultOf(known)
        self.assertEqual(self.thread.waiting, [], "what a COMMIT takes is found out by the first one")

    def traced(self, statement: str) -> None:
        self.statements.append(statement)
        if statement == "COMMIT":
            self.clock.rightNow += self.took

    def turns(self) -> None:
        for _ in range(6):
            self.clock.advance(0)

    def test_in_a_thread(self) -> None:
        """After a slow COMMIT the next one is made in a thread; its group is told when that is done."""
        write = self.database.write(say, "b")
        self.turns()
        self.assertEqual(len(self.thread.waiting), 1)
        self.assertNoResult(write)
        self.thread.let_go()
        self.assertEqual(self.successResultOf(write), "b")

    def test_remembered(self) -> None:
        """What is remembered is told at once, while a COMMIT is on its way."""
        self.successResultOf(self.database.read_one("a", word_is, "a"))
        _ = self.database.write_some(["b"], say, "b")
        self.turns()
        self.assertTrue(self.successResultOf(self.database.read_one("a", word_is, "a")))

    def test_wait_for_the_connection(self) -> None:
        """What needs the database meanwhile is done in order when the COMMIT is done, and writes share the next one."""
        first = self.database.write(say, "b")
        self.turns()
        read = self.database.read(count)
        writes = [self.database.write(say, word) for word in "cd"]
        glance = self.database.glance(count)
        for one in (first, *writes):
            self.assertNoResult(one)
        for look in (read, glance):
            self.assertNoResult(look)
        self.thread.let_go()
        self.assertEqual(self.successResultOf(first), "b")
        self.assertEqual([self.successResultOf(look) for look in (read, glance)], [2, 4])
        self.turns()
        self.assertEqual(len(self.thread.waiting), 1)
        self.thread.let_go()
        self.assertEqual([self.successResultOf(write) for write in writes], ["c", "d"])

    def test_failure_alone(self) -> None:
        """A write that waited and fails, fails alone."""
        _ = self.database.write(say, "b")
        self.turns()
        bad, good = self.database.write(fail), self.database.write(say, "c")
        self.thread.let_go()
        self.failureResultOf(bad, ValueError)
        self.turns()
        self.thread.let_go()
        self.assertEqual(self.successResultOf(good), "c")

    def test_mistake(self) -> None:
        """A look that goes wrong in an unforeseen way keeps nobody waiting who waits behind it."""
        _ = self.database.write(say, "b")
        self.turns()
        bad, good = self.database.glance(stumble), self.database.glance(count)
        self.thread.let_go()
        self.failureResultOf(bad, ValueError)
        self.assertEqual(self.successResultOf(good), 2)

    def test_failed_commit(self) -> None:
        """A COMMIT that fails in the thread fails its group, and whatever waited is done in a new one."""
        write = self.database.write(say, "b")
        self.turns()
        waited = self.database.write(say, "c")
        self.connection.set_trace_callback(None)
        self.connection.execute("ROLLBACK")  # then the COMMIT finds no transaction
        self.thread.let_go()
        self.failureResultOf(write, StoreUnavailable)
        self.turns()
        self.thread.let_go()
        self.assertEqual(self.successResultOf(waited), "c")
        self.flushLoggedErrors()

    def test_quick_again(self) -> None:
        """When the disk is quick again, COMMITs are made at once again."""
        self.took = 0.0
        slow = self.database.write(say, "b")
        self.turns()
        self.thread.let_go()
        self.successResultOf(slow)
        quick = self.database.write(say, "c")
        self.turns()
        self.assertEqual((self.thread.waiting, self.successResultOf(quick)), ([], "c"))

    def test_between_groups(self) -> None:
        """What is to be done between groups waits for the COMMIT that is on its way."""
        done: list[bool] = []
        _ = self.database.write(say, "b")
        self.turns()
        self.database.between_groups(lambda: done.append(self.connection.in_transaction))
        self.assertEqual(done, [])
        self.thread.let_go()
        self.assertEqual(done, [False])

    def test_close(self) -> None:
        """Closing waits for the COMMIT that is on its way, and commits what waited for it."""
        write = self.database.write(say, "b")
        self.turns()
        waited = self.database.write(say, "c")
        ((work, _),) = self.thread.waiting
        thread = threading.Thread(target=work)
        thread.start()
        self.database.close()
        thread.join()
        self.assertEqual((self.successResultOf(write), self.successResultOf(waited)), ("b", "c"))
        self.assertEqual(self.statements.count("COMMIT"), 3)
        self.failureResultOf(self.database.write(say, "d"), StoreUnavailable)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.thread.let_go()
