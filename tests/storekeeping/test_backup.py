"""Backups: online, whole or not there, and never over another file."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from attrs import evolve
from twisted.internet.task import Clock

from flamenco_mgr.domain.updates import Transition
from flamenco_mgr.storekeeping import embedded
from flamenco_mgr.storekeeping.backup import back_up
from flamenco_mgr.storekeeping.progress import Silent
from flamenco_mgr.storekeeping.waiting import result_of
from tests.builders import an_update
from tests.store.contract.case import an_id
from tests.storekeeping.case import NOW, StorekeepingCase, lines_of

_LIMITED = """
import resource, signal, sys
from pathlib import Path
from flamenco_mgr.storekeeping.backup import back_up
from flamenco_mgr.storekeeping.progress import Silent
from flamenco_mgr.storekeeping.stores import store_named
from flamenco_mgr.storekeeping.trouble import NotDone

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
try:
    back_up(store_named(sys.argv[1], Path.cwd()), Path(sys.argv[2]), now=0.0, progress=Silent())
except NotDone as e:
    print(e)
"""


class EmbeddedBackupTests(StorekeepingCase):
    def test_copy(self) -> None:
        """A backup of the embedded store is a database with the same content, for its owner alone, in one file."""
        store = self.embedded_farm()
        path = self.backup(store, "copy.sqlite3")
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        with closing(embedded.resting(path)) as copy, closing(sqlite3.connect(store.path)) as there:
            self.assertEqual(list(copy.iterdump()), list(there.iterdump()))
        self.assertEqual(sorted(one.name for one in self.directory.iterdir()), ["copy.sqlite3", "db"])

    def test_in_use(self) -> None:
        """It is made while a Manager uses the store, and has all that was acknowledged, in the log as well."""
        store, clock = self.embedded_farm(), Clock()
        manager = self.open_embedded(store, clock)
        task = result_of(clock, manager.tasks.get(an_id(10)))
        assert task is not None
        update = an_update(id=an_id(0x999), task_id=task.id, status="completed")
        change = Transition(before=task, after=evolve(task, status="completed"), update=update)
        self.assertTrue(result_of(clock, manager.tasks.apply(change)))
        path = self.backup(store, "copy.sqlite3")
        with closing(embedded.resting(path)) as copy:
            (status,) = copy.execute("SELECT status FROM tasks WHERE id = ?", (task.id,)).fetchone()
        self.assertEqual(status, "completed")
        again = evolve(task, status="completed", revision=task.revision + 1)
        self.assertTrue(result_of(clock, manager.tasks.apply(Transition(before=again, after=evolve(again, name="x")))))
        result_of(clock, manager.close())

    def test_neutral_by_name(self) -> None:
        """A name that ends in ``.jsonl.gz``, or a wish, makes it one for every kind of store."""
        store = self.embedded_farm()
        for path in (self.backup(store, "a.jsonl.gz"), self.backup(store, "b.backup", neutral=True)):
            self.assertEqual(lines_of(path)[0]["format"], "flamenco-manager-backup")

    def test_overwrites_nothing(self) -> None:
        """A file that is there is left alone, unless it is to be overwritten."""
        store = self.embedded_farm()
        path = self.directory / "copy.sqlite3"
        path.write_text("precious")
        self.refused("is there already", back_up, store, path, now=NOW, progress=Silent())
        self.assertEqual(path.read_text(), "precious")
        back_up(store, path, now=NOW, progress=Silent(), overwrite=True)
        embedded.check(path)

    def test_nothing_there(self) -> None:
        """Without a store, or a directory for the backup, it is refused, and nothing is made."""
        self.refused("no embedded store", self.backup, self.embedded(), "copy.sqlite3")
        self.refused("No such file", self.backup, self.embedded_farm(), "missing/copy.sqlite3")
        self.assertEqual([one.name for one in self.directory.iterdir()], ["db"])

    def test_damaged(self) -> None:
        """A store that is damaged makes no backup, which would be found out when it is needed; the store is named."""
        store = self.embedded_farm()
        (page,) = self.sql(store, "SELECT rootpage FROM sqlite_master WHERE name = 'events'")[0]
        with store.path.open("r+b") as file:
            file.seek((page - 1) * 4096)
            file.write(b"\xff" * 4096)
        for name in ("copy.sqlite3", "copy.jsonl.gz"):
            self.refused(f"a copy of {store.path} is cut, or damaged", self.backup, store, name)
        self.assertEqual([one.name for one in self.directory.iterdir()], ["db"])

    def test_full_disk(self) -> None:
        """A disk that gets full is told in one line without passing names, and nothing is left of either form."""
        store = self.embedded_farm(tasks=600)
        for name, limit in (("copy.sqlite3", 100_000), ("farm.jsonl.gz", 1_000), ("farm.jsonl.gz", 400_000)):
            said = self.limited(store.directory, self.directory / name, limit)
            self.assertIn("could not be written", said)
            self.assertNotIn("/.", said)
            self.assertEqual(said.count("\n"), 1, said)
            self.assertEqual([one.name for one in self.directory.iterdir()], ["db"])

    def limited(self, store: Path, path: Path, limit: int) -> str:
        """Make a backup in a process that can write files of so many bytes only; return what it says."""
        command = [sys.executable, "-c", _LIMITED, str(store), str(path), str(limit)]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        return done.stdout


class MongoBackupTests(StorekeepingCase):
    def test_all(self) -> None:
        """A backup of MongoDB has what one of the embedded store with the same farm has, but for places of updates."""
        here, there = self.content(self.embedded_farm()), self.content(self.database_farm())
        for kind in ("Mark", "Worker", "AsideTask", "BlacklistLine"):
            self.assertEqual(here[kind], there[kind])
        for kind in here:
            self.assertEqual(len(here[kind]), len(there[kind]), kind)

    def test_in_use(self) -> None:
        """Updates that are still in their tasks' documents, and events, are in the backup as well."""
        store, clock = self.database_farm(), Clock()
        manager = self.open_database(store, clock)
        task = self.pumped(manager.tasks.get(an_id(10)))
        assert task is not None
        update = an_update(id=an_id(0x999), task_id=task.id, status="completed")
        change = Transition(before=task, after=evolve(task, status="completed"), update=update)
        before = self.content(store)
        self.assertTrue(self.pumped(manager.tasks.apply(change)))
        after = self.content(store)
        self.assertEqual(len(after["WaitingUpdate"]), len(before["WaitingUpdate"]) + 1)
        self.assertEqual(len(after["PastEvent"]), len(before["PastEvent"]) + 1)
        self.pumped(manager.lease.look())
        self.pumped(manager.checkpoint())
        self.assertEqual(self.content(store), after)
        self.pumped(manager.close())

    def test_unreachable(self) -> None:
        """A server that is not there is told in one line, and nothing is made."""
        url = "mongodb://127.0.0.1:1/farm"
        store = evolve(self.database(), url=url)
        self.refused("cannot be used", self.backup, store)
        self.assertEqual(list(self.directory.iterdir()), [])

    def test_odd_documents(self) -> None:
        """Tasks that the Manager left alone, as they make no sense, are not in it, and counted."""
        store = self.database_farm()
        self.within(store).flamenco_tasks.insert_many([{"status": "queued"}, {"_id": 5}])
        made = back_up(store, self.directory / "farm.jsonl.gz", now=NOW, progress=Silent())
        self.assertEqual((made.left_out, made.counts["task"]), (2, 41))

    def test_originals(self) -> None:
        """A database that no Manager of today has used is not backed up: it is the original's."""
        store = self.database()
        self.within(store).flamenco_tasks.insert_one({"status": "queued"})
        self.refused("start it there once", self.backup, store)
