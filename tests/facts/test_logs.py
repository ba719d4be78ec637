"""The acceptance list of task-lifecycle.md 20: facts 92 to 96."""

import gzip
import os

from flamenco_mgr.demo.standin.entries import StandInTask
from flamenco_mgr.demo.standin.jobs import flat_job
from flamenco_mgr.demo.standin.record import UploadedLog
from flamenco_mgr.demo.standin.statuses import TaskStatus
from flamenco_mgr.domain.log_files import log_path
from flamenco_mgr.farm.log_archive import NO_LOG
from tests.harness import FarmTestCase


class LogUploadFacts(FarmTestCase):
    def setUp(self) -> None:
        super().setUp()
        (self.wanted,) = self.server.books.add_job(flat_job(1)).tasks.values()
        self.server.books.set_task_status(self.wanted.id, TaskStatus.COMPLETED)
        self.path = self.logs / log_path(self.wanted.job, self.wanted.id)
        self.packed = self.path.with_name(f"{self.path.name}.gz")

    def write(self, *, text: bytes | None = None, packed: bytes | None = None) -> None:
        """Put files there, the packed one the newer."""
        self.path.parent.mkdir(parents=True)
        if text is not None:
            self.path.write_bytes(text)
            os.utime(self.path, (1000, 1000))
        if packed is not None:
            self.packed.write_bytes(packed)

    def uploaded(self, task: StandInTask) -> UploadedLog:
        """Return what the Server has got a while after a user asked for a log."""
        self.server.books.request_log(task.job, task.id)
        self.start()
        self.pass_time(1.0)
        (log,) = self.server.record.logs
        self.assertEqual(self.server.books.wanted_logs, {})
        return log

    def test_fact_92(self) -> None:
        """Fact 92: compressing gives ``<file>.gz`` that unpacks to the content; the plain file stays."""
        self.write(text=b"line 1\nline 2\n")
        log = self.uploaded(self.wanted)
        self.assertEqual(gzip.decompress(log.content), b"line 1\nline 2\n")
        self.assertEqual((self.packed.read_bytes(), self.path.read_bytes()), (log.content, b"line 1\nline 2\n"))

    def test_fact_93(self) -> None:
        """Fact 93: an existing newer ``.gz`` is used unchanged."""
        self.write(text=b"text", packed=b"newer, whatever it is")
        self.assertEqual(self.uploaded(self.wanted).content, b"newer, whatever it is")

    def test_fact_94(self) -> None:
        """Fact 94: a ``.gz`` without plain file is used unchanged."""
        self.write(packed=b"all that is left")
        self.assertEqual(self.uploaded(self.wanted).content, b"all that is left")
        self.assertFalse(self.path.exists())

    def test_fact_95(self) -> None:
        """Fact 95 (server-api.md 17.13): neither: a ``.gz`` of the words that say so, and no plain file."""
        self.assertEqual(gzip.decompress(self.uploaded(self.wanted).content), NO_LOG)
        self.assertEqual(NO_LOG, b"log file does not exist on Flamenco Manager")
        self.assertFalse(self.path.exists())

    def test_fact_96(self) -> None:
        """Fact 96: one POST with one file part ``logfile`` of type ``text/plain+gzip``, the file's bytes unchanged."""
        content = bytes(range(256)) * 1000 + b"\r\n--x--\r\n"
        self.write(packed=content)
        log = self.uploaded(self.wanted)
        self.assertEqual((log.task_id, log.file_name), (self.wanted.id, f"task-{self.wanted.id}.txt.gz"))
        self.assertEqual(log.content, content)
