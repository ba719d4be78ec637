"""The write-ahead log is moved into the database beside the requests, and never grows for long."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime

from flamenco_mgr.store.interfaces import IStore
from flamenco_mgr.store.sqlite import SQLiteStore
from flamenco_mgr.threads import InThread
from tests.builders import TASK, a_task
from tests.store.contract.case import StoreCase, pumped
from tests.threads import HeldThread

T = TypeVar("T")

MIB = 1 << 20


@define
class HurriedThread:
    """A thread beside which requests go on: its work never gets to the end of what was written."""

    directory: Path
    meanwhile: Callable[[], None] = field(init=False)

    def __call__(self, work: Callable[[], T], /) -> "Deferred[T]":
        with closing(sqlite3.connect(self.directory / "flamenco.sqlite3", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM tasks").fetchone()
            self.meanwhile()
            return succeed(work())


class LogCase(StoreCase):
    def make_thread(self) -> InThread:
        raise NotImplementedError

    def make_store(self, clock: IReactorTime) -> IStore:
        self.directory = Path(self.mktemp())
        return SQLiteStore.open(self.directory, clock, self.make_thread())

    def setUp(self) -> None:
        super().setUp()
        self.add(a_task())
        self.written = 0

    def tearDown(self) -> None:
        self.result_of(self.store.close())

    def write(self, pages: int) -> None:
        """Change the task's long text, which takes so many pages of the log."""
        self.written += 1
        self.change(TASK, activity=str(self.written % 10) * pages * 4096)

    def size(self, suffix: str = "") -> int:
        return (self.directory / f"flamenco.sqlite3{suffix}").stat().st_size


class LogTests(LogCase):
    def make_thread(self) -> InThread:
        self.thread = HeldThread()
        return self.thread

    def test_beside_requests(self) -> None:
        """The work is done in a thread, while requests read and write."""
        self.write(100)
        before = self.size()
        running = pumped(self.clock, self.store.checkpoint())
        self.assertNoResult(running)
        self.write(1)
        self.assertEqual(self.size(), before)
        self.thread.let_go()
        self.successResultOf(running)
        self.assertGreater(self.size(), before)

    def test_only_when_something_changed(self) -> None:
        """Where nothing was written since the last time, no thread is asked."""
        for asked in (1, 0, 0):
            running = pumped(self.clock, self.store.checkpoint())
            self.assertEqual(len(self.thread.waiting), asked)
            self.thread.let_go()
            self.successResultOf(running)

    def test_in_the_middle_of_a_group(self) -> None:
        """A checkpoint that ends while a group is open leaves the group as it is, and the log begins anew after it."""
        for _ in range(10):
            self.write(500)
        running = pumped(self.clock, self.store.checkpoint())
        setting = self.store.mark.set("mark")
        self.thread.let_go()
        self.successResultOf(running)
        self.assertNoResult(setting)
        self.result_of(setting)
        length = self.size("-wal")
        self.write(500)
        self.assertEqual(self.result_of(self.store.mark.get()), "mark")
        self.assertLessEqual(self.size("-wal"), length)

    def test_short_again(self) -> None:
        """A log that has become long in a rush gives back its part of the disk when it begins anew."""
        for _ in range(8):
            self.write(500)
        self.assertGreater(self.size("-wal"), 12 * MIB)
        running = pumped(self.clock, self.store.checkpoint())
        self.thread.let_go()
        self.successResultOf(running)
        self.write(1)
        self.assertLessEqual(self.size("-wal"), 8 * MIB)


class BoundedLogTests(LogCase):
    def make_thread(self) -> InThread:
        self.thread = HurriedThread(self.directory)
        return self.thread

    def test_bounded(self) -> None:
        """While 80 MB are written, also beside every checkpoint, the log stays below a third, and nothing is lost."""
        self.thread.meanwhile = lambda: self.write(1)
        for _ in range(40):
            self.write(500)
            self.result_of(self.store.checkpoint())
        self.assertLess(self.size("-wal"), 24 * MIB)
        self.assertEqual(self.task(TASK).activity, str(self.written % 10) * 4096)

    def test_bounded_in_a_hurry(self) -> None:
        """The log stays bounded also if more is written beside a checkpoint than is left for the reactor's thread."""
        self.thread.meanwhile = lambda: self.write(400)
        for _ in range(20):
            self.write(500)
            self.result_of(self.store.checkpoint())
        self.assertLess(self.size("-wal"), 32 * MIB)
