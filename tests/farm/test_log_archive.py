"""Task logs are compressed, and are complete or not there."""

import gzip
import os
import random
import resource
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from flamenco_mgr.domain.log_files import log_path
from flamenco_mgr.domain.log_requests import LogRequest
from flamenco_mgr.farm.log_archive import NO_LOG, SLICE, LogArchive
from flamenco_mgr.server.interfaces import ArchivedLog, ILogArchive, LogNotHere
from flamenco_mgr.threads import InThread
from tests.builders import JOB, TASK
from tests.threads import HeldThread, at_once

T = TypeVar("T")

WANTED = LogRequest(job=JOB, task=TASK)


class ArchiveTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.path = self.directory / log_path(JOB, TASK)
        self.packed = self.path.with_name(f"{self.path.name}.gz")
        self.is_ours = True
        self.going_on = True
        self.thread: InThread = at_once
        self.written: Deferred[None] = succeed(None)
        self.archive = LogArchive(
            directory=self.directory,
            in_thread=self.in_thread,
            written=lambda: self.written,
            is_ours=lambda: self.is_ours,
            new_id=lambda: "draft",
        )

    def in_thread(self, work: Callable[[], T], /) -> "Deferred[T]":
        return self.thread(work)

    def write(self, text: bytes, *, age: float = 100.0) -> None:
        """Write a log that changed last so many seconds ago."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_bytes(text)
        self.make_older(self.path, age)

    def make_older(self, path: Path, age: float) -> None:
        changed = path.stat().st_mtime - age
        os.utime(path, (changed, changed))

    def begun(self) -> "Deferred[ArchivedLog | None]":
        return Deferred.fromCoroutine(self.archive.archived(WANTED, lambda: self.going_on))

    def archived(self) -> bytes:
        """Return the archive as it would be sent."""
        log = self.successResultOf(self.begun())
        assert log is not None
        with log.file as file:
            content = file.read()
        self.assertEqual((log.name, log.size), (self.packed.name, len(content)))
        return content

    def text(self) -> bytes:
        return gzip.decompress(self.archived())

    def files(self) -> list[str]:
        return sorted(path.name for path in self.path.parent.iterdir())


class LogArchiveTests(ArchiveTestCase):
    def test_interface(self) -> None:
        """It provides what the uploader asks for."""
        verifyObject(ILogArchive, self.archive)

    def test_level(self) -> None:
        """Fact 95 of task-lifecycle.md 20: a placeholder is a gzip file of level 9, which its header says."""
        self.assertEqual(self.archived()[8], 2)

    def test_directory_is_made(self) -> None:
        """task-lifecycle.md 21.29: the placeholder of a job without a directory can be written; no log appears."""
        self.assertEqual(self.text(), NO_LOG)
        self.assertEqual(self.files(), [self.packed.name])

    def test_not_known_to_be_ours(self) -> None:
        """While the directory may not be the farm's, a log that is not here is not said not to exist."""
        self.is_ours = False
        self.failureResultOf(self.begun(), LogNotHere)
        self.assertFalse(self.directory.exists())
        self.write(b"but this one is here\n")
        self.assertEqual(self.text(), b"but this one is here\n")

    def test_log_after_placeholder(self) -> None:
        """A log that begins after its placeholder was sent takes its place the next time."""
        self.assertEqual(self.text(), NO_LOG)
        self.make_older(self.packed, 50)
        self.write(b"begun\n", age=0)
        self.assertEqual(self.text(), b"begun\n")

    def test_grown(self) -> None:
        """A log that has grown is packed anew; one that has not is not."""
        self.write(b"one\n")
        self.text()
        before = self.packed.stat()
        self.assertEqual(self.text(), b"one\n")
        self.assertEqual(self.packed.stat().st_ino, before.st_ino)
        with self.path.open("ab") as log:
            log.write(b"two\n")
        self.assertEqual(self.text(), b"one\ntwo\n")

    def test_growing_meanwhile(self) -> None:
        """What is appended while a log is packed makes no broken archive, and is in the next one."""
        self.thread = thread = HeldThread()
        noise = random.Random(1).randbytes(SLICE + 1)
        self.write(noise)
        result = self.begun()
        thread.let_go()
        (draft,) = self.path.parent.glob(".*.partial")
        just_after_the_beginning = draft.stat().st_mtime_ns + 1
        thread.let_go()
        with self.path.open("ab") as log:
            log.write(b"more\n")
        os.utime(self.path, ns=(just_after_the_beginning, just_after_the_beginning))
        while not result.called:
            thread.let_go()
        log_sent = self.successResultOf(result)
        assert log_sent is not None
        with log_sent.file as file:
            self.assertEqual(gzip.decompress(file.read()), noise)
        self.thread = at_once
        self.assertEqual(self.text(), noise + b"more\n")

    def test_in_slices(self) -> None:
        """A large log leaves the thread to others after each slice, and takes no more memory than a slice."""
        self.thread = thread = HeldThread()
        self.write(b"")
        os.truncate(self.path, 4 * SLICE)
        self.make_older(self.path, 100)
        result = self.begun()
        trips = 0
        while not result.called:
            self.assertEqual(len(thread.waiting), 1)
            thread.let_go()
            trips += 1
        self.assertEqual(trips, 1 + 4 + 1 + 1)
        log = self.successResultOf(result)
        assert log is not None
        log.file.close()

    def test_cut_while_packed(self) -> None:
        """A log that becomes shorter while it is packed is packed as far as it goes."""
        self.write(b"x" * (SLICE + 10))
        self.thread = thread = HeldThread()
        result = self.begun()
        thread.let_go()
        thread.let_go()
        os.truncate(self.path, 5)
        while not result.called:
            thread.let_go()
        log = self.successResultOf(result)
        assert log is not None
        with log.file as file:
            self.assertEqual(gzip.decompress(file.read()), b"x" * SLICE)

    def test_given_up(self) -> None:
        """Whoever has to stop leaves neither an archive nor a draft."""
        self.write(b"x" * (SLICE + 1))
        self.going_on = False
        self.assertIsNone(self.successResultOf(self.begun()))
        self.assertEqual(self.files(), [self.path.name])

    def test_full_disk(self) -> None:
        """An archive that finds no room is not there at all, and the old one stays as it was."""
        self.write(b"old\n")
        self.text()
        old = self.packed.read_bytes()
        self.write(random.Random(2).randbytes(SLICE), age=0)
        os.utime(self.packed, (0, 0))
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (SLICE // 2, hard))
        try:
            self.failureResultOf(self.begun(), OSError)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        self.assertEqual((self.files(), self.packed.read_bytes()), ([self.path.name, self.packed.name], old))

    def test_left_behind(self) -> None:
        """A draft of a process that died is removed a day later, not one of a process that may live."""
        self.write(b"text\n")
        for name, age in (("dead", 2 * 86400), ("alive", 3600)):
            left = self.path.with_name(f".{self.path.name}.{name}.partial")
            left.write_bytes(b"\x1f\x8b")
            self.make_older(left, age)
        self.text()
        self.assertEqual(self.files(), [f".{self.path.name}.alive.partial", self.path.name, self.packed.name])

    def test_waits_for_what_is_being_written(self) -> None:
        """What waits to be written to logs is written before one is packed."""
        written: Deferred[None] = Deferred()
        self.written = written
        result = self.begun()
        self.assertNoResult(result)
        self.write(b"the last line\n")
        written.callback(None)
        log = self.successResultOf(result)
        assert log is not None
        with log.file as file:
            self.assertEqual(gzip.decompress(file.read()), b"the last line\n")
