"""One COMMIT serves all that a turn of the reactor brings."""

import sqlite3

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.store.interfaces import StoreUnavailable
from flamenco_mgr.store.sqlite.commits import Commits
from flamenco_mgr.store.sqlite.database import Database


def count(connection: sqlite3.Connection) -> int:
    """Read how many words there are."""
    return int(connection.execute("SELECT count(*) FROM words").fetchone()[0])


def say(connection: sqlite3.Connection, word: str) -> str:
    """Write a word."""
    connection.execute("INSERT INTO words VALUES (?)", (word,))
    return word


def fail(connection: sqlite3.Connection) -> None:
    """Write half of something, and fail."""
    say(connection, "half")
    raise ValueError("the other half")


def spoil(connection: sqlite3.Connection) -> None:
    """Lose the whole transaction, as SQLite does when the disk is full at a bad moment."""
    connection.execute("ROLLBACK")
    connection.execute("SELECT nothing FROM nowhere")


class GroupTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.connection.execute("CREATE TABLE words (word TEXT UNIQUE)")
        self.statements: list[str] = []
        self.connection.set_trace_callback(self.statements.append)
        commits = Commits(clock=self.clock, in_place=lambda: True)
        self.database = Database(connect=lambda: self.connection, count=count, clock=self.clock, commits=commits)

    def counted(self, connection: sqlite3.Connection, word: str) -> str:
        """Say a word, and count it in memory."""
        self.database.tally.value += 1
        return say(connection, word)

    def stored(self) -> list[str]:
        return [word for (word,) in self.connection.execute("SELECT word FROM words ORDER BY rowid")]

    def ran(self, statement: str) -> int:
        return sum(one.startswith(statement) for one in self.statements)

    def test_one_commit(self) -> None:
        """All writes of a turn share one transaction; none has its result before it is committed."""
        writes = [self.database.write(say, word) for word in "abc"]
        for write in writes:
            self.assertNoResult(write)
        self.assertEqual((self.ran("BEGIN"), self.ran("COMMIT")), (1, 0))
        self.clock.advance(0)
        self.assertEqual([self.successResultOf(write) for write in writes], ["a", "b", "c"])
        self.assertEqual((self.ran("BEGIN"), self.ran("COMMIT")), (1, 1))

    def committed_after(self, *words: str, turns_take: float = 0.0) -> int:
        """Write these words in one turn, and return after how many further turns, of so many seconds, they are safe."""
        turns = 0
        committed: list[int] = []

        def turn() -> None:
            nonlocal turns
            turns += 1
            self.clock.rightNow += turns_take
            if not committed:
                self.clock.callLater(0, turn)

        for word in words:
            _ = self.database.write(say, word).addCallback(lambda _: committed.append(turns))
        self.clock.callLater(0, turn)
        self.clock.advance(0)
        return committed[0]

    def test_company(self) -> None:
        """A change alone is committed at the next turn, unless the last COMMIT was slow; several wait for more."""
        took = 0.0

        def ran(statement: str) -> None:
            if statement == "COMMIT":
                self.clock.rightNow += took

        self.connection.set_trace_callback(ran)
        self.assertEqual(self.committed_after("alone"), 0)
        self.assertEqual(self.committed_after("a", "b"), 2)
        took = 0.008
        self.assertEqual(self.committed_after("slow"), 0)
        self.assertEqual(self.committed_after("slow again"), 2)
        took = 0.0
        self.assertEqual(self.committed_after("quick"), 2)
        self.assertEqual(self.committed_after("quick again"), 0)

    def test_patience(self) -> None:
        """A group stays open for others no longer when its turns are long ones."""
        self.assertEqual(self.committed_after("a", "b", turns_take=0.01), 2)
        self.assertEqual(self.committed_after("c", "d", turns_take=0.1), 1)

    def left(self, connection: sqlite3.Connection, word: str, *, then: BaseException | None = None) -> None:
        """Say a word, and say what reading would give now; then fail, if that is wanted."""
        say(connection, word)
        self.database.leave("a", count, count(connection))
        if then is not None:
            raise then

    def test_left(self) -> None:
        """What a write leaves is known without reading as soon as it is durable, until another write touches it."""
        _ = self.database.write_some(("a",), self.left, "one")
        waiting = self.database.read_one("a", count)
        self.assertNoResult(waiting)
        self.clock.advance(0)
        self.statements.clear()
        self.assertEqual(self.successResultOf(self.database.read_one("a", count)), 1)
        self.assertEqual(self.ran("SELECT"), 0)
        _ = self.database.write_some(("a",), self.left, "two")
        _ = self.database.write_some(("a",), say, "three")
        self.clock.advance(0)
        self.assertEqual(self.successResultOf(self.database.read_one("a", count)), 3)

    def test_left_and_undone(self) -> None:
        """What a write would have left is forgotten when the write fails, or is lost with its transaction."""
        failed = self.database.write_some(("a",), self.left, "one", then=ValueError())
        self.failureResultOf(failed, ValueError)
        _ = self.database.write_some(("b",), say, "two")
        self.clock.advance(0)
        self.assertEqual(self.successResultOf(self.database.read_one("a", count)), 1)
        lost = self.database.write_some(("a",), self.left, "three")
        _ = self.database.write_some((), spoil).addErrback(lambda failure: failure.trap(StoreUnavailable))
        self.clock.advance(0)
        self.failureResultOf(lost, StoreUnavailable)
        self.assertEqual(self.successResultOf(self.database.read_one("a", count)), 1)

    def test_next_turn(self) -> None:
        """What is written because a result came is a group of its own."""
        more = self.database.write(say, "a").addCallback(lambda _: self.database.write(say, "b"))
        self.clock.advance(0)
        self.assertEqual((self.successResultOf(more), self.ran("COMMIT")), ("b", 2))

    def test_read_alone(self) -> None:
        """A read has its result at once when nothing is being written, and takes no transaction."""
        self.assertEqual(self.successResultOf(self.database.read(count)), 0)
        self.assertEqual((self.ran("BEGIN"), self.clock.getDelayedCalls()), (0, []))

    def test_read_waits(self) -> None:
        """A read that saw what is not committed yet has its result after the commit."""
        _ = self.database.write(say, "a")
        read = self.database.read(count)
        self.assertNoResult(read)
        self.clock.advance(0)
        self.assertEqual(self.successResultOf(read), 1)

    def test_read_one(self) -> None:
        """A read of one row waits only if the open group touched that row, or may have touched every row."""
        _ = self.database.write_some(("a", "b"), say, "a")
        self.assertEqual(self.successResultOf(self.database.read_one("c", count)), 1)
        waits = [self.database.read_one("a", count), self.database.read(count)]
        _ = self.database.write(say, "b")
        waits.append(self.database.read_one("c", count))
        for read in waits:
            self.assertNoResult(read)
        self.clock.advance(0)
        self.assertEqual([self.successResultOf(read) for read in waits], [1, 1, 2])
        _ = self.database.write_some((), say, "c")
        self.assertEqual(self.successResultOf(self.database.read_one("a", count)), 3)
        self.clock.advance(0)

    def test_remembered(self) -> None:
        """What was read of one row is not read again until a write touches the row, or may have, and succeeds."""

        def asked() -> int:
            return self.successResultOf(self.database.read_one("a", count))

        def write(*touches: str, word: str) -> None:
            _ = self.database.write_some(touches, say, word).addErrback(lambda failure: failure.trap(sqlite3.Error))
            self.clock.advance(0)

        self.assertEqual(asked(), 0)
        write("b", word="a")
        self.assertEqual((asked(), self.ran("SELECT")), (0, 2), "the first one counts for the tally")
        write("a", word="a")
        self.assertEqual(asked(), 0)
        write("a", word="b")
        self.assertEqual(asked(), 2)
        _ = self.database.write(say, "c")
        self.clock.advance(0)
        self.assertEqual(asked(), 3)

    def test_failure_alone(self) -> None:
        """A write that fails is undone whole, and its neighbours before and after it are not concerned."""
        first = self.database.write(self.counted, "a")
        self.failureResultOf(self.database.write(fail), ValueError)
        self.failureResultOf(self.database.write(self.counted, "a"), sqlite3.IntegrityError)
        last = self.database.write(self.counted, "b")
        self.clock.advance(0)
        self.assertEqual([self.successResultOf(write) for write in (first, last)], ["a", "b"])
        self.assertEqual((self.stored(), self.database.tally.value), (["a", "b"], 2))

    def test_only_failures(self) -> None:
        """A turn in which nothing succeeded commits nothing, and the next one works."""
        self.failureResultOf(self.database.write(fail), ValueError)
        self.clock.advance(0)
        self.assertEqual((self.ran("COMMIT"), self.connection.in_transaction), (0, False))
        write = self.database.write(say, "a")
        self.clock.advance(0)
        self.assertEqual(self.successResultOf(write), "a")

    def test_failed_read(self) -> None:
        """A read that fails fails alone."""
        write = self.database.write(say, "a")
        read = self.database.read(lambda connection: connection.execute("SELECT nonsense"))
        self.failureResultOf(read, StoreUnavailable)
        self.clock.advance(0)
        self.assertEqual(self.successResultOf(write), "a")
        self.flushLoggedErrors()

    def test_lost_transaction(self) -> None:
        """If the transaction is lost, all that took part fail, readers too; the next group works."""
        group = [self.database.write(self.counted, "a"), self.database.read(count), self.database.write(spoil)]
        for one in group:
            self.failureResultOf(one, StoreUnavailable)
        self.assertEqual((self.stored(), self.database.tally.value, self.clock.getDelayedCalls()), ([], 0, []))
        write = self.database.write(self.counted, "b")
        self.clock.advance(0)
        self.assertEqual((self.successResultOf(write), self.stored(), self.database.tally.value), ("b", ["b"], 1))

    def test_cannot_be_undone(self) -> None:
        """If a failed operation cannot be undone by itself, the whole group is, and its connection is given up."""

        def slip_away(connection: sqlite3.Connection) -> None:
            connection.execute("RELEASE operation")
            raise ValueError("without a savepoint")

        group = [self.database.write(say, "a"), self.database.write(slip_away)]
        for one in group:
            self.failureResultOf(one, StoreUnavailable)
        self.assertRaises(sqlite3.ProgrammingError, self.stored)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_failed_commit(self) -> None:
        """If the COMMIT fails, all fail; nothing of it is stored or counted."""
        self.connection.executescript(
            "PRAGMA foreign_keys = ON; CREATE TABLE late (word REFERENCES words (word) DEFERRABLE INITIALLY DEFERRED)"
        )
        first = self.database.write(self.counted, "a")
        promise = self.database.write(lambda connection: connection.execute("INSERT INTO late VALUES ('never')"))
        read = self.database.read(count)
        self.clock.advance(0)
        for one in (first, promise, read):
            self.failureResultOf(one, StoreUnavailable)
        self.assertEqual((self.stored(), self.database.tally.value, self.connection.in_transaction), ([], 0, False))

    def test_caller_left(self) -> None:
        """A caller that was cancelled, as Klein does when its client hangs up, keeps nobody from their results."""
        gone, stays = self.database.write(say, "a"), self.database.write(say, "b")
        gone.cancel()
        self.clock.advance(0)
        self.assertEqual((self.successResultOf(stays), self.stored()), ("b", ["a", "b"]))
        self.failureResultOf(gone)

    def test_between_groups(self) -> None:
        """What must not meet a transaction is done at once, or after the commit and before what follows from it."""
        states: list[bool] = []
        self.database.between_groups(lambda: states.append(self.connection.in_transaction))
        _ = self.database.write(say, "a").addCallback(lambda _: self.database.write(say, "b"))
        self.database.between_groups(lambda: states.append(self.connection.in_transaction))
        self.assertEqual(states, [False])
        self.clock.advance(0)
        self.assertEqual(states, [False, False])
        self.clock.advance(0)

    def test_close(self) -> None:
        """Closing commits what was begun; what comes later is refused."""
        write = self.database.write(say, "a")
        self.database.close()
        self.assertEqual((self.successResultOf(write), self.ran("COMMIT")), ("a", 1))
        self.failureResultOf(self.database.write(say, "b"), StoreUnavailable)
        self.failureResultOf(self.database.read(count), StoreUnavailable)
        self.assertEqual(self.clock.getDelayedCalls(), [])
