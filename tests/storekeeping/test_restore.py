"""A backup becomes the embedded store: checked first, and with a copy of what was there."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from copy import deepcopy
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SkipTest

from flamenco_mgr.store.interfaces import StoreRefused
from flamenco_mgr.store.sqlite import schema
from flamenco_mgr.storekeeping.backup import copied_source
from flamenco_mgr.storekeeping.digests import Summing
from flamenco_mgr.storekeeping.progress import Silent
from flamenco_mgr.storekeeping.records import Mark
from flamenco_mgr.storekeeping.restore import restore
from flamenco_mgr.storekeeping.trouble import BadBackup
from flamenco_mgr.storekeeping.waiting import result_of
from tests.store.contract.case import TYPES, an_id
from tests.storekeeping.case import NOW, lines_of, write_lines
from tests.storekeeping.restoring import RestoreCase

_LIMITED = """
import resource, signal, sys
from pathlib import Path
from flamenco_mgr.storekeeping.progress import Silent
from flamenco_mgr.storekeeping.restore import restore
from flamenco_mgr.storekeeping.stores import store_named
from flamenco_mgr.storekeeping.trouble import NotDone

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
try:
    restore(store_named(sys.argv[1], Path.cwd()), Path(sys.argv[2]), now=0.0, progress=Silent())
except NotDone as e:
    print(e)
"""


class IntoEmbeddedTests(RestoreCase):
    def test_every_form(self) -> None:
        """Both forms of a backup give what was backed up, into a new directory; nothing is left beside it."""
        farm = self.embedded_farm()
        for name in ("copy.sqlite3", "farm.jsonl.gz"):
            target = self.embedded(f"from-{name}")
            done = self.restore(target, self.backup(farm, name))
            self.assertEqual((done.kept, done.freed), ("", 0))
            self.assertEqual(self.content(target), self.content(farm))
            self.assertEqual(
                sorted(one.name for one in target.directory.iterdir()), ["flamenco.lock", "flamenco.sqlite3"]
            )
            self.assertEqual(target.path.stat().st_mode & 0o777, 0o600)

    def test_derived(self) -> None:
        """What a neutral backup does not say is derived: the restored database equals the one that was backed up."""
        farm, target = self.embedded_farm(), self.embedded("other")
        self.restore(target, self.backup(farm))
        for rows in (
            "SELECT * FROM counts WHERE tasks ORDER BY 1, 2, 3",
            "SELECT * FROM totals WHERE tasks ORDER BY 1",
            "SELECT * FROM failures ORDER BY 1, 2, 3, 4",
            "SELECT * FROM parents ORDER BY 1, 2",
            "SELECT * FROM commands ORDER BY 1",
        ):
            self.assertEqual(self.sql(target, rows), self.sql(farm, rows), rows)
        waits = "SELECT id, open_parents, lane IS NULL, held FROM tasks ORDER BY id"
        self.assertEqual(self.sql(target, waits), self.sql(farm, waits))
        clock = Clock()
        store = self.open_embedded(target, clock)
        self.assertEqual(result_of(clock, store.repair()), 0)
        result_of(clock, store.close())

    def test_goes_on(self) -> None:
        """The restored farm gives its tasks out in the same order, and no place in queue or log is used twice."""
        farm, target = self.embedded_farm(), self.embedded("other")
        self.restore(target, self.backup(farm))
        self.assertEqual(self.order_of(target), self.order_of(farm))
        numbers = "SELECT name, seq FROM sqlite_sequence ORDER BY name"
        self.assertEqual(self.sql(target, numbers), self.sql(farm, numbers))

    def order_of(self, store: Any) -> list[str]:
        clock, found = Clock(), list[str]()
        manager = self.open_embedded(store, clock)
        while (task := result_of(clock, manager.tasks.candidate(an_id(5), TYPES, found, 0.0))) is not None:
            found.append(task.id)
        result_of(clock, manager.close())
        return found

    def test_copy_is_kept(self) -> None:
        """What was there before is kept, each time under another name, and can itself be restored."""
        farm, target = self.embedded_farm(), self.embedded_farm("other", tasks=25)
        before, path = self.content(target), self.backup(farm)
        kept = [Path(self.restore(target, path).kept) for _ in range(3)]
        self.assertEqual(kept, self.kept_in(target.directory))
        self.restore(target, kept[0])
        self.assertEqual(self.content(target), before)

    def test_damaged_store_is_kept(self) -> None:
        """A store that cannot be read any more can be replaced, and is kept with its log as it is."""
        path, target = self.backup(self.embedded_farm()), self.embedded("other")
        target.directory.mkdir()
        target.path.write_bytes(b"no database" * 100)
        target.path.with_name("flamenco.sqlite3-wal").write_bytes(b"a log")
        kept = Path(self.restore(target, path).kept)
        self.assertEqual(kept.read_bytes(), b"no database" * 100)
        self.assertEqual(kept.with_name(f"{kept.name}-wal").read_bytes(), b"a log")
        self.assertEqual(self.content(target), self.content(self.embedded()))

    def test_while_manager_runs(self) -> None:
        """While a Manager uses the store, nothing is restored into it."""
        target = self.embedded_farm("other")
        path = self.backup(self.embedded_farm())
        clock = Clock()
        store = self.open_embedded(target, clock)
        self.refused("another Manager", self.restore, target, path)
        self.assertEqual(self.kept_in(target.directory), [])
        result_of(clock, store.close())
        self.restore(target, path)

    def test_keeps_managers_out(self) -> None:
        """While a store is restored, no Manager starts on it."""
        path, target = self.backup(self.embedded_farm()), self.embedded("other")
        case, refused = self, list[StoreRefused]()

        class Meddling(Silent):
            def begin(self, what: str, _total: int) -> None:
                if what == "filling the embedded store":
                    refused.append(case.assertRaises(StoreRefused, case.open_embedded, target))

        restore(target, path, now=NOW, progress=Meddling())
        self.assertIn("another Manager", str(refused[0]))

    def test_orphans(self) -> None:
        """Tasks that are active, of Workers that the backup does not know, may be had by others."""
        farm, target = self.embedded_farm(), self.embedded("other")
        self.sql(farm, "UPDATE tasks SET worker_id = ? WHERE id = ?", an_id(0xBAD), an_id(7))
        for name in ("copy.sqlite3", "farm.jsonl.gz"):
            self.assertEqual(self.restore(target, self.backup(farm, name)).freed, 1)
            self.assertEqual(
                self.sql(target, "SELECT status FROM tasks WHERE id = ?", an_id(7)), [("claimed-by-manager",)]
            )
            told = self.sql(target, "SELECT status FROM updates WHERE task_id = ? ORDER BY seq DESC", an_id(7))
            self.assertEqual(told[0], ("claimed-by-manager",))

    def test_older(self) -> None:
        """A copy of an older Manager's is brought up to date."""
        old = self.directory / "old.sqlite3"
        with closing(sqlite3.connect(old, isolation_level=None)) as connection:
            schema.upgrade(connection, schema.steps()[:1])
            connection.execute("INSERT INTO state VALUES ('depsgraph_last_modified', 'mark')")
        self.restore(self.embedded(), old)
        self.assertEqual(self.content(self.embedded())["Mark"], [Mark(value="mark")])

    def test_killed(self) -> None:
        """Killed at any step, the store before is there as it was, and the same again succeeds."""
        path = self.backup(self.embedded_farm())
        target = self.embedded_farm("other", tasks=25)
        before = target.path.read_bytes()
        for steps in (0, 1, 30, 80, 140, 200):
            ended = self.killed_after(steps, "restore", str(path), str(target.directory))
            self.assertEqual(ended, -signal.SIGKILL, steps)
            self.assertEqual(target.path.read_bytes(), before)
        self.restore(target, path)
        self.assertEqual(self.content(target), self.content(self.embedded()))
        self.assertEqual(len(self.kept_in(target.directory)), 1)

    def test_by_root(self) -> None:
        """What root restores belongs to whoever the store's directory belongs to, or the Manager could not open it."""
        if os.geteuid():
            raise SkipTest("only root can give files away")
        path, target = self.backup(self.embedded_farm()), self.embedded("other")
        target.directory.mkdir()
        os.chown(target.directory, 12345, 12346)
        self.restore(target, path)
        for one in target.directory.iterdir():
            self.assertEqual((one.stat().st_uid, one.stat().st_gid), (12345, 12346), one)

    def test_full_disk(self) -> None:
        """A disk that gets full is told in one line; the store before is there as it was."""
        farm, target = self.embedded_farm(tasks=600), self.embedded_farm("other", tasks=25)
        before = target.path.read_bytes()
        for name, limit in (("copy.sqlite3", 100_000), ("farm.jsonl.gz", 100_000), ("farm.jsonl.gz", 400_000)):
            path = self.backup(farm, name, overwrite=True)
            command = [sys.executable, "-c", _LIMITED, str(target.directory), str(path), str(limit)]
            checkout = Path(__file__).parents[2]
            done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=checkout)
            self.assertIn("nothing was changed", done.stdout)
            self.assertEqual(done.stdout.count("\n"), 1, done.stdout)
            self.assertEqual(target.path.read_bytes(), before)
            self.assertEqual(
                sorted(one.name for one in target.directory.iterdir()), ["flamenco.lock", "flamenco.sqlite3"]
            )


class BadBackupTests(RestoreCase):
    def setUp(self) -> None:
        super().setUp()
        self.farm = self.embedded_farm()
        self.path = self.backup(self.farm, "copy.sqlite3")
        self.target = self.embedded("other")

    def assert_bad(self, words: str) -> None:
        """The backup is refused, and nothing is made of it."""
        self.refused(words, self.restore, self.target, self.path)
        self.assertFalse(self.target.directory.exists())

    def test_cut(self) -> None:
        """A copy that is cut at any page, or within one, is refused."""
        whole = self.path.read_bytes()
        for length in sorted({0, 1, 99, 100, *range(1000, len(whole), 4096 - 7), len(whole) - 4096, len(whole) - 1}):
            self.path.write_bytes(whole[:length])
            self.assert_bad(str(self.path))

    def test_newer(self) -> None:
        """A copy of a newer Manager's is refused by its version."""
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute(f"PRAGMA user_version = {len(schema.steps()) + 1}")
        self.assert_bad("newer Manager")

    def test_others(self) -> None:
        """A database of another program, one without tables, and other files are refused."""
        self.path.unlink()
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute("CREATE TABLE tasks (x)")
        self.assert_bad("of another program")
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        self.assert_bad("has no tables")
        self.path.write_text("_meta: {version: 3}\n" * 100)
        self.assert_bad("neither a SQLite database nor compressed JSON lines")
        self.path.unlink()
        self.assert_bad("No such file")

    def test_foreign_values(self) -> None:
        """A sound copy in which somebody else wrote what no Manager writes is refused, whichever way it is read."""
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute("UPDATE tasks SET parents = '{'")
        self.assert_bad("holds what no Manager has written")
        with copied_source(self.path, "the copy") as source:
            self.assertRaises(BadBackup, list, source.records())

    def test_foreign_names(self) -> None:
        """A copy in which a table has a name that is no UTF-8 is refused, which SQLite says in that name's words."""
        whole = self.path.read_bytes()
        self.assertIn(b"tableworkersworkers", whole)
        self.path.write_bytes(whole.replace(b"tableworkersworkers", b"table\xfforkersworkers", 1))
        self.assert_bad("is cut, or damaged")

    def test_foreign_columns(self) -> None:
        """A copy whose tables lack a column is refused."""
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute("ALTER TABLE tasks RENAME COLUMN revision TO revisiom")
        self.refused("no such column", self.restore, self.target, self.path)
        self.assertFalse(self.target.path.exists())

    def test_taken_in_use(self) -> None:
        """A file that somebody copied out of a store in use lacks what is in its log, and is refused."""
        self.path.with_name("copy.sqlite3-wal").write_bytes(b"x" * 5000)
        self.assert_bad("has a log beside it")

    def test_itself(self) -> None:
        """The store itself is no backup."""
        self.refused("is the store itself", self.restore, self.farm, self.farm.path)

    def test_contradiction(self) -> None:
        """A neutral backup with the same task twice is refused, and nothing is changed."""
        self.refused("contradicts itself", self._restore_doubled)
        self.assertFalse(self.target.path.exists())

    def _restore_doubled(self) -> None:
        path = self.backup(self.farm)
        lines = lines_of(path)
        place = next(number for number, line in enumerate(lines) if "task" in line)
        lines.insert(place, lines[place])
        summing = Summing()
        for line in lines[1:-1]:
            ((name, document),) = line.items()
            summing.add_document(name, deepcopy(document))
        end = {"counts": dict(summing.sums.counts), "digests": dict(summing.sums.digests)}
        write_lines(path, [*lines[:-1], {"end": end}])
        self.restore(self.target, path)
