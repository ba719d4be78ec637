"""A backup becomes the store again: any kind, checked first, and with a copy of what was there."""

import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from copy import deepcopy
from pathlib import Path
from typing import Any

from bson import ObjectId
from twisted.internet import reactor
from twisted.internet.task import Clock

from flamenco_mgr.domain.tasks import TaskStatus
from flamenco_mgr.store.interfaces import StoreRefused
from flamenco_mgr.store.mongo import MongoStore
from flamenco_mgr.store.sqlite import schema
from flamenco_mgr.storekeeping.digests import Summing
from flamenco_mgr.storekeeping.progress import Silent
from flamenco_mgr.storekeeping.records import Mark
from flamenco_mgr.storekeeping.restore import Restored, restore
from flamenco_mgr.storekeeping.stores import OnMongoDB, Store
from flamenco_mgr.storekeeping.waiting import result_of
from tests.mongo.pump import pump
from tests.store.contract.case import TYPES, an_id
from tests.storekeeping.case import NOW, StorekeepingCase, lines_of, write_lines

STEPS = "tests.storekeeping.killed"

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


class RestoreCase(StorekeepingCase):
    def restore(self, store: Store, path: Path) -> Restored:
        return restore(store, path, now=NOW, progress=Silent())

    def killed_after(self, steps: int, *arguments: str) -> int:
        """Do something in a process that kills itself after so many steps; return with what it ended."""
        command = [sys.executable, "-m", STEPS, *arguments[:1], str(steps), *arguments[1:]]
        checkout = Path(__file__).parents[2]
        return subprocess.run(command, capture_output=True, check=False, cwd=checkout).returncode

    def kept_in(self, directory: Path) -> list[Path]:
        return sorted(one for one in directory.iterdir() if ".before-" in one.name)


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


class IntoMongoTests(RestoreCase):
    def test_every_form(self) -> None:
        """Both forms give on MongoDB what was backed up; what was there before is kept under other names."""
        farm, target = self.embedded_farm(), self.database()
        self.assertEqual(self.restore(target, self.backup(farm)).kept, "")
        self.assertEqual(self.content(target), self.content(farm))
        before = self.within(target).flamenco_tasks.count_documents({})
        for _ in range(2):
            kept = self.restore(target, self.backup(farm, "copy.sqlite3", overwrite=True)).kept
            self.assertIn("the collections before_", kept)
            name = kept.removeprefix("the collections ").removesuffix("*") + "flamenco_tasks"
            self.assertEqual(self.within(target)[name].count_documents({}), before)
        self.assertEqual(self.content(target), self.content(farm))

    def test_derived(self) -> None:
        """What tasks wait for is derived: a Manager finds nothing to settle, and gives out the same tasks in order."""
        farm, target, orders = self.embedded_farm(), self.database(), list[list[str]]()
        self.restore(target, self.backup(farm))
        self.assertEqual(self.within(target).flamenco_tasks.count_documents({"mgr.due": {"$exists": True}}), 0)
        clock, mongo_clock = Clock(), Clock()
        embedded, mongo = self.open_embedded(farm, clock), self.open_database(target, mongo_clock)
        for ask, store in ((lambda one: result_of(clock, one), embedded), (self.pumped, mongo)):
            found: list[str] = []
            while (task := ask(store.tasks.candidate(an_id(5), TYPES, found, 0.0))) is not None:
                found.append(task.id)
            orders.append(found)
        self.assertEqual(orders[0], orders[1])
        result_of(clock, embedded.close())
        self.pumped(mongo.close())

    def test_lives_on(self) -> None:
        """On the restored database a task's end lets its children go, and the Server hears of all in order."""
        target = self.database()
        self.restore(target, self.backup(self.embedded_farm()))
        clock = Clock()
        store = self.open_database(target, clock)
        self.pumped(store.lease.look())
        places = [queued.sequence for queued in self.pumped(store.updates.oldest(0, 1 << 30))]
        self.assertEqual(places, sorted(places))
        self.assertEqual(self.pumped(store.updates.waiting()), 7)
        self.pumped(store.updates.handled(self.pumped(store.updates.oldest(0, 1 << 30))))
        self.assertEqual(self.pumped(store.updates.waiting()), 0)
        self.pumped(store.close())

    def test_while_manager_runs(self) -> None:
        """While somebody renews the lease, nothing is restored; a holder that was killed is no hindrance."""
        path, target = self.backup(self.embedded_farm()), self.database_farm()
        before = self.content(target)
        settings = self.within(target).settings
        settings.update_one({"_id": "lease"}, {"$set": {"holder": ObjectId(), "name": "render-manager"}})
        done = threading.Event()
        renewing = threading.Thread(target=renew, args=(settings, done))
        renewing.start()
        try:
            self.refused("a Manager runs on", self.restore, target, path)
        finally:
            done.set()
            renewing.join()
        self.assertEqual(self.content(target), before)
        self.restore(target, path)

    def test_killed(self) -> None:
        """Killed midway, no Manager opens what is half done; the same again succeeds, and keeps what was there."""
        path, target = self.backup(self.embedded_farm()), self.database_farm()
        for steps in (100, 170, 200):
            self.assertEqual(self.killed_after(steps, "restore", str(path), target.url), -signal.SIGKILL)
        error = self.assertRaises(StoreRefused, self.open_database_refused, target)
        self.assertIn("has not come to its end", str(error))
        kept = self.restore(target, path).kept
        self.assertEqual(self.content(target), self.content(self.embedded()))
        name = kept.removeprefix("the collections ").removesuffix("*") + "flamenco_tasks"
        self.assertGreater(self.within(target)[name].count_documents({"mgr.queued": {"$exists": True}}), 0)
        self.pumped(self.open_database(target, Clock()).close())

    def open_database_refused(self, target: OnMongoDB) -> None:
        """Open a database, and let its refusal through."""
        clock = Clock()
        store = MongoStore.connect(target.address, clock, reactor, "a test", clock.seconds)
        try:
            raise self.failureResultOf(pump(store.repair()), StoreRefused).value
        finally:
            self.pumped(store.close())

    def test_orphans(self) -> None:
        """Tasks that are active, of Workers that the backup does not know, may be had by others."""
        farm, target = self.embedded_farm(), self.database()
        self.sql(farm, "UPDATE tasks SET worker_id = ? WHERE id = ?", an_id(0xBAD), an_id(7))
        self.assertEqual(self.restore(target, self.backup(farm)).freed, 1)
        store = self.open_database(target, Clock())
        task = self.pumped(store.tasks.get(an_id(7)))
        self.assertEqual(task and task.status, TaskStatus.CLAIMED)
        self.assertTrue(self.pumped(store.tasks.standing([an_id(7)]))[an_id(7)].waiting)
        self.pumped(store.close())

    def test_damaged_database(self) -> None:
        """A database that no Manager opens any more, as its own facts are damaged, can be restored; a newer one not."""
        farm, target = self.embedded_farm(), self.database_farm()
        settings, path = self.within(target).settings, self.backup(farm)
        settings.update_one({"_id": "schema"}, {"$set": {"version": 99}})
        self.refused("newer Manager", self.restore, target, path)
        for damaged in ("schema", "receipts", "farm", "lease"):
            settings.replace_one({"_id": damaged}, {"nonsense": True}, upsert=True)
        self.restore(target, path)
        self.assertEqual(self.content(target), self.content(farm))
        self.pumped(self.open_database(target, Clock()).close())

    def test_manager_meanwhile(self) -> None:
        """If a Manager that was there before anybody looked takes the lease meanwhile, what was filled is not used."""
        farm, target = self.embedded_farm(), self.database_farm()
        settings, path = self.within(target).settings, self.backup(farm)

        class Meddling(Silent):
            def begin(self, what: str, _total: int) -> None:
                if what == "checking what was written":
                    settings.update_one({"_id": "lease"}, {"$set": {"holder": ObjectId()}, "$inc": {"fence": 1}})

        self.refused("started on", restore, target, path, now=NOW, progress=Meddling())
        self.assertIsNotNone(settings.find_one({"_id": "filling"}))

    def test_too_large(self) -> None:
        """What MongoDB cannot hold is named, and nothing is there for a Manager to open."""
        farm, target = self.embedded_farm(), self.database()
        self.sql(farm, "UPDATE tasks SET activity = hex(zeroblob(8388608)) WHERE id = ?", an_id(9))
        self.refused("MongoDB cannot hold", self.restore, target, self.backup(farm))
        self.assertIsNotNone(self.within(target).settings.find_one({"_id": "filling"}))


def renew(settings: Any, done: threading.Event) -> None:
    """Renew the lease, as a Manager does that runs, until told to be done."""
    while not done.wait(0.2):
        settings.update_one({"_id": "lease"}, {"$inc": {"renewals": 1}})
