"""Logs are read from their files."""

import gzip
import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.log_excerpts import abridged, readable_size
from flamenco_mgr.farm.log_reading import AbridgedLog, GzippedLog, LogReader, PlainLog
from tests.builders import JOB, TASK
from tests.threads import at_once


class ExcerptTests(SynchronousTestCase):
    """Dashboard.md 8: the middle of a long log is left out."""

    def test_abridged(self) -> None:
        """The head, the note with its blanks, and the tail from its first whole line on."""
        self.assertEqual(
            abridged(b"head", b"half a line\nline\n", 15360 + 512),
            b"head...\n\n... Skipped 512.0 B, use WGet or Curl to download the entire log ... \n\nline\n",
        )

    def test_one_long_line(self) -> None:
        """A tail without any line end is shown as it is."""
        self.assertTrue(abridged(b"", b"xxx", 20000).endswith(b" \n\nxxx"))

    def test_sizes(self) -> None:
        """Sizes are divided by 1024 while they are greater than that, and have one decimal."""
        for size, text in (
            (0, "0.0 B"),
            (512, "512.0 B"),
            (1024, "1024.0 B"),
            (1025, "1.0 KiB"),
            (1.5 * 1024**2, "1.5 MiB"),
            (1024**3 + 1, "1.0 GiB"),
            (5000 * 1024**4, "5000.0 TiB"),
        ):
            self.assertEqual(readable_size(size), text)


class LogReaderTests(SynchronousTestCase):
    """Dashboard.md 8: which file is read, and how much of it."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.reader = LogReader(directory=self.directory, in_thread=at_once)
        self.path = self.directory / f"job-{JOB[:4]}" / JOB / f"task-{TASK}.txt"
        self.path.parent.mkdir(parents=True)

    def read(self, *, whole: bool = False, unpacked: bool = False) -> object:
        """Read the log."""
        return self.successResultOf(self.reader.read(JOB, TASK, whole=whole, unpacked=unpacked))

    def assert_content(self, log: object, content: bytes) -> None:
        """The log's content is this, and its file can be closed."""
        assert isinstance(log, (PlainLog, GzippedLog))
        self.assertEqual(self.successResultOf(log.content.read(1 << 20)), content)
        self.successResultOf(log.content.close())
        self.assertTrue(log.content.file.closed)

    def test_none(self) -> None:
        """Neither a plain nor a compressed file: nothing, also if there is not even a directory."""
        self.assertIsNone(self.read())
        self.path.parent.rmdir()
        self.assertIsNone(self.read(unpacked=True))

    def test_short(self) -> None:
        """A log of less than 15 KiB comes whole, with its size and time."""
        self.path.write_bytes(b"x" * 15359)
        os.utime(self.path, (1000, 2000))
        log = self.read()
        assert isinstance(log, PlainLog)
        self.assertEqual((log.size, log.modified), (15359, 2000.0))
        self.assert_content(log, b"x" * 15359)

    def test_long(self) -> None:
        """One of 15 KiB or more is abridged, unless all of it is wanted."""
        content = b"a" * 5120 + b"b" * 1024 + b"c" * 240 + b"\n" + b"d" * 9999
        self.path.write_bytes(content)
        log = self.read()
        assert isinstance(log, AbridgedLog)
        self.assertEqual(log.text, abridged(content[:5120], content[-10240:], len(content)))
        self.assertTrue(log.text.endswith(b" \n\n" + b"d" * 9999))
        self.assertIn(b"Skipped 1024.0 B,", log.text)
        self.assert_content(self.read(whole=True), content)

    def test_compressed(self) -> None:
        """Without the plain file the compressed copy comes, as it is or unpacked."""
        packed = gzip.compress(b"x" * 50_000)
        self.path.with_name(f"{self.path.name}.gz").write_bytes(packed)
        log = self.read()
        assert isinstance(log, GzippedLog)
        self.assertEqual(log.size, len(packed))
        self.assert_content(log, packed)
        log = self.read(unpacked=True)
        assert isinstance(log, GzippedLog)
        self.assertIsNone(log.size)
        self.assert_content(log, b"x" * 50_000)

    def test_plain_first(self) -> None:
        """With both files the plain one counts."""
        self.path.write_bytes(b"plain")
        self.path.with_name(f"{self.path.name}.gz").write_bytes(gzip.compress(b"packed"))
        self.assert_content(self.read(), b"plain")

    def test_trouble(self) -> None:
        """A file that cannot be read is an error, not an absent one."""
        self.path.mkdir()
        reading = self.reader.read(JOB, TASK, whole=False, unpacked=False)
        self.failureResultOf(reading, OSError)
