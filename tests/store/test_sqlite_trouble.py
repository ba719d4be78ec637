"""A disk that is full or broken: nothing is acknowledged that is not durable, and it passes by itself."""

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from attrs import field, frozen
from twisted.internet.interfaces import IReactorTime
from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from zope.interface import implementer

from flamenco_mgr.store.interfaces import IStore, StoreUnavailable
from flamenco_mgr.store.sqlite import SQLiteStore
from tests.builders import TASK, a_task, an_update
from tests.store.contract.case import StoreCase, an_id
from tests.threads import at_once

BIG = "x" * 20_000


@implementer(ILogObserver)
@frozen
class Heard:
    """What the store told the log: how loudly."""

    levels: list[LogLevel] = field(factory=list)

    def __call__(self, event: LogEvent) -> None:
        if str(event.get("log_namespace")).startswith("flamenco_mgr.store"):
            self.levels.append(event["log_level"])


class TroubleTests(StoreCase):
    def make_store(self, clock: IReactorTime) -> IStore:
        self.directory = Path(self.mktemp())
        self.opened = SQLiteStore.open(self.directory, clock, at_once)
        return self.opened

    def setUp(self) -> None:
        super().setUp()
        self.heard = Heard()
        globalLogPublisher.addObserver(self.heard)
        self.addCleanup(globalLogPublisher.removeObserver, self.heard)
        self.add(a_task())

    def tearDown(self) -> None:
        self.result_of(self.store.close())
        self.flushLoggedErrors()

    @property
    def connection(self) -> sqlite3.Connection:
        return self.opened._database.open()

    def assert_queued(self, *numbers: int) -> None:
        """These updates are in the queue, no others, and as many are counted."""
        self.assertEqual([queued.update.id for queued in self.queue()], [an_id(number) for number in numbers])
        self.assertEqual(self.result_of(self.store.updates.waiting()), len(numbers))

    def fill(self) -> None:
        """Let the database grow no more."""
        (pages,) = self.connection.execute("PRAGMA page_count").fetchone()
        self.connection.execute(f"PRAGMA max_page_count = {pages}")

    def make_room(self) -> None:
        self.connection.execute("PRAGMA max_page_count = 1000000")

    @contextmanager
    def broken_disk(self) -> Iterator[None]:
        """Let writes beyond the end of the log fail with an I/O error."""
        log = self.directory / "flamenco.sqlite3-wal"
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    def test_full(self) -> None:
        """On a full disk a change fails in words for people, what shares its commit with it; reads go on."""
        self.fill()
        small = self.store.mark.set("mark")
        error = self.failure_of(self.store.updates.add(an_update(id=an_id(1), log_tail=BIG)), StoreUnavailable)
        self.assertEqual(str(error), "the embedded store cannot be written: database or disk is full")
        self.failure_of(small, StoreUnavailable)
        self.assertEqual((self.task(TASK).id, self.result_of(self.store.mark.get())), (TASK, None))
        self.assert_queued()

    def test_room_again(self) -> None:
        """When there is room again, the same change succeeds."""
        update = an_update(id=an_id(1), log_tail=BIG)
        self.fill()
        self.failure_of(self.store.updates.add(update), StoreUnavailable)
        self.make_room()
        self.result_of(self.store.updates.add(update))
        self.assert_queued(1)

    def test_told_once(self) -> None:
        """Trouble is told loudly when it begins, and once more when nothing failed for some seconds; not each time."""
        self.fill()
        for number in range(5):
            self.clock.advance(1)
            self.failure_of(self.store.updates.add(an_update(id=an_id(number), log_tail=BIG)), StoreUnavailable)
            self.result_of(self.store.mark.set(f"{number}"))
        self.assertEqual(self.heard.levels, [LogLevel.critical])
        self.make_room()
        for _ in range(9):
            self.clock.advance(1)
            self.result_of(self.store.mark.set("mark"))
        self.assertEqual(self.heard.levels, [LogLevel.critical, LogLevel.warn])

    def test_broken(self) -> None:
        """After an I/O error everything that took part has failed, and nothing of it is there."""
        self.result_of(self.store.updates.add(an_update(id=an_id(1))))
        with self.broken_disk():
            changes = [
                self.store.updates.add(an_update(id=an_id(2), status="active")),
                self.store.updates.add(an_update(id=an_id(3), log_tail=BIG * 9)),
            ]
            for change in changes:
                self.failure_of(change, StoreUnavailable)
            self.assert_queued(1)
        self.assert_queued(1)

    def test_works_again(self) -> None:
        """The store recovers from an I/O error by itself, on a new connection, with all that was acknowledged."""
        before = self.connection
        self.result_of(self.store.updates.add(an_update(id=an_id(1))))
        with self.broken_disk():
            for number in (2, 3):
                self.failure_of(self.store.updates.add(an_update(id=an_id(number), log_tail=BIG)), StoreUnavailable)
        self.result_of(self.store.updates.add(an_update(id=an_id(2), log_tail=BIG)))
        self.assertIsNot(self.connection, before)
        self.assert_queued(1, 2)
        self.assertEqual(self.result_of(self.store.repair()), 0)

    def test_locked(self) -> None:
        """While another program writes to the file, changes fail and reads go on; then all is as before."""
        with closing(sqlite3.connect(self.directory / "flamenco.sqlite3", isolation_level=None)) as shell:
            shell.execute("BEGIN IMMEDIATE")
            error = self.failure_of(self.store.mark.set("mark"), StoreUnavailable)
            self.assertEqual(str(error), "the embedded store cannot be written: database is locked")
            self.assertIsNone(self.result_of(self.store.mark.get()))
            self.failure_of(self.store.check(), StoreUnavailable)
            shell.execute("COMMIT")
        self.result_of(self.store.check())
        self.result_of(self.store.mark.set("mark"))
        self.assertEqual(self.result_of(self.store.mark.get()), "mark")

    def test_check(self) -> None:
        """A store that can be read and not written to is of no use, however often one looks, until it can."""
        with self.broken_disk():
            for _ in range(2):
                self.failure_of(self.store.check(), StoreUnavailable)
            self.assertIsNone(self.result_of(self.store.mark.get()))
        self.result_of(self.store.check())

    def test_removed_while_in_use(self) -> None:
        """Files that were removed, or moved away, take no acknowledgement with them: 503 until they are back."""
        path = self.directory / "flamenco.sqlite3"
        moved = path.rename(path.with_name("moved"))
        self.failure_of(self.store.updates.add(an_update()), StoreUnavailable)
        self.assertFalse(path.exists())
        moved.rename(path)
        self.result_of(self.store.updates.add(an_update()))
        self.assertEqual([queued.update.id for queued in self.queue()], [an_update().id])

    def test_log_removed_while_in_use(self) -> None:
        """When the log alone was removed, what had been acknowledged is saved from it."""
        self.result_of(self.store.updates.add(an_update()))
        (self.directory / "flamenco.sqlite3-wal").unlink()
        self.failure_of(self.store.updates.add(an_update(id=an_id(2))), StoreUnavailable)
        self.result_of(self.store.updates.add(an_update(id=an_id(3), status="active")))
        self.assertEqual([queued.update.id for queued in self.queue()], [an_update().id, an_id(3)])

    def test_checkpoint_fails(self) -> None:
        """A checkpoint that fails is told once; the next one, with room, moves what there is."""
        self.result_of(self.store.updates.add(an_update(id=an_id(1), log_tail=BIG * 9)))
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
        try:
            self.result_of(self.store.checkpoint())
            self.result_of(self.store.checkpoint())
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        self.assertEqual(self.heard.levels, [LogLevel.critical])
        self.result_of(self.store.checkpoint())
        self.assertGreater((self.directory / "flamenco.sqlite3").stat().st_size, len(BIG * 9))
