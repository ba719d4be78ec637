"""Files and directories have the modes that are meant, under an umask that takes nothing away."""

import os
import stat
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.log_files import log_path
from flamenco_mgr.domain.log_requests import LogRequest
from flamenco_mgr.farm.log_archive import LogArchive
from flamenco_mgr.farm.logs import LINGER, TaskLogs
from flamenco_mgr.farm.shared_logs import MARKER, SharedLogs
from flamenco_mgr.store.sqlite import SQLiteStore
from flamenco_mgr.threads import InThread
from tests.builders import JOB, TASK
from tests.farm.test_shared_logs import FarmMark
from tests.storekeeping.case import StorekeepingCase
from tests.threads import HeldThread, at_once


def modes_below(directory: Path) -> dict[str, str]:
    """Return the modes of a directory and all that is in it, by path."""
    return {
        str(path.relative_to(directory)): oct(stat.S_IMODE(path.stat().st_mode))
        for path in (directory, *directory.rglob("*"))
    }


class ModeTests(SynchronousTestCase):
    def setUp(self) -> None:
        before = os.umask(0)
        self.addCleanup(os.umask, before)

    def test_store(self) -> None:
        """The store, its log and its lock are nobody else's to read or write; directories above it not to write."""
        base = Path(self.mktemp())
        store = SQLiteStore.open(base / "farm" / "db", Clock(), at_once)
        modes = modes_below(base)
        self.successResultOf(store.close())
        self.assertEqual([modes.pop("."), modes.pop("farm"), modes.pop("farm/db")], ["0o755", "0o755", "0o700"])
        self.assertGreater(len(modes), 2)
        self.assertEqual(set(modes.values()), {"0o600"})

    def test_logs(self) -> None:
        """Task logs, rotated and compressed ones too, and the directories made for them are the owner's to write."""
        directory, clock = Path(self.mktemp()) / "logs", Clock()
        logs = TaskLogs(directory=directory, in_thread=at_once, clock=clock)
        for step in (logs.append(JOB, TASK, "old"), logs.rotate(JOB, TASK), logs.append(JOB, TASK, "new")):
            clock.advance(LINGER)
            self.successResultOf(step)
        self.successResultOf(self.begun(directory, at_once)).file.close()
        path = log_path(JOB, TASK)
        folders = [str(parent) for parent in Path(path).parents]
        files = [path, f"{path}.1", f"{path}.gz"]
        self.assertEqual(modes_below(directory), {**dict.fromkeys(folders, "0o755"), **dict.fromkeys(files, "0o644")})

    def test_archive_alone(self) -> None:
        """So it is with the archive of a log that there is not, and while it is written."""
        directory = Path(self.mktemp()) / "logs"
        thread = HeldThread()
        begun = self.begun(directory, thread)
        modes: set[str] = set()
        while not begun.called:
            thread.let_go()
            modes |= set(modes_below(directory).values())
        self.successResultOf(begun).file.close()
        self.assertEqual(modes, {"0o755", "0o644"})

    def test_mark(self) -> None:
        """The mark in the logs' directory, by which Managers know that they share it, is the owner's to write."""
        directory = Path(self.mktemp()) / "logs"
        shared = SharedLogs(mark=FarmMark(), directory=directory, in_thread=at_once, new_value=lambda: "first")
        self.successResultOf(Deferred.fromCoroutine(shared.look()))
        self.assertEqual(modes_below(directory), {".": "0o755", MARKER: "0o644"})

    def begun(self, directory: Path, in_thread: InThread) -> "Deferred[Any]":
        archive = LogArchive(
            directory=directory,
            in_thread=in_thread,
            written=lambda: succeed(None),
            is_ours=lambda: True,
            new_id=lambda: "draft",
        )
        return Deferred.fromCoroutine(archive.archived(LogRequest(job=JOB, task=TASK), lambda: True))


class BackupModeTests(StorekeepingCase):
    def test_backups(self) -> None:
        """A backup of either form is for its owner alone."""
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        store = self.embedded_farm()
        for name in ("copy.sqlite3", "farm.jsonl.gz"):
            path = self.backup(store, name)
            self.assertEqual(oct(stat.S_IMODE(path.stat().st_mode)), "0o600", name)
