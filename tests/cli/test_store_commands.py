"""The commands that open the store themselves: what they say, and how they end."""

import gzip
import json
from pathlib import Path

from twisted.internet.task import Clock

from flamenco_mgr.store.sqlite import SQLiteStore
from flamenco_mgr.storekeeping.waiting import result_of
from tests.cli.case import CommandLineTestCase
from tests.storekeeping.farms import fill
from tests.threads import at_once


class StoreCommandCase(CommandLineTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.configure("database_path: ./db\ntask_logs_path: ./logs\n")
        (self.directory / "logs").mkdir()

    def open(self, name: str = "db") -> tuple[SQLiteStore, Clock]:
        clock = Clock()
        return SQLiteStore.open(self.directory / name, clock, at_once), clock

    def farm(self) -> None:
        """Let the store have a farm in it, which nobody uses."""
        store, clock = self.open()
        fill(store, lambda awaitable: result_of(clock, awaitable))
        result_of(clock, store.close())

    async def refused(self, words: str, *arguments: str, status: int = 1) -> None:
        """A command says in one line on standard error why it does nothing."""
        ending = await self.run_it(*arguments)
        self.assertEqual((ending.status, ending.out), (status, ""), ending)
        self.assertIn(words, ending.err)
        self.assertEqual(ending.err.count("\n"), 1, ending.err)


class BackupTests(StoreCommandCase):
    async def test_backup_and_restore(self) -> None:
        """A backup, and a restore of it, say what was done; the Manager is not asked."""
        self.farm()
        said = await self.done("backup", "copy.sqlite3")
        self.assertRegex(said, r"copy\.sqlite3: copy of the database, \d{3}\.\d KiB\n")
        self.assertRegex(
            await self.done("backup", "other.jsonl.gz"), r"other\.jsonl\.gz: neutral format, \d+\.\d KiB: "
        )
        told = await self.told("backup", "farm.jsonl.gz")
        self.assertEqual((told["neutral"], told["counts"]["task"]), (True, 41))
        self.assertEqual(Path(told["path"]), self.directory / "farm.jsonl.gz")
        self.assertEqual(told["bytes"], (self.directory / "farm.jsonl.gz").stat().st_size)
        said = await self.done("restore", "farm.jsonl.gz")
        self.assertIn("6 workers, 41 tasks, 1 task set aside", said)
        self.assertIn("What was there before is in ", said)
        told = await self.told("restore", "copy.sqlite3")
        self.assertTrue(Path(told["kept"]).is_file())
        self.assertEqual(self.manager.asked, [])

    async def test_progress(self) -> None:
        """On a terminal it is shown how far the work is; in a file or a pipe nothing of that is."""
        self.farm()
        ending = await self.run_it("backup", "farm.jsonl.gz", terminal=True)
        self.assertEqual(ending.status, 0)
        self.assertIn("writing", ending.out)
        self.assertIn("of 68", ending.out)

    async def test_overwriting(self) -> None:
        """A file that is there stays, but with ``--force``."""
        self.farm()
        (self.directory / "copy.sqlite3").write_text("precious")
        await self.refused("is there already", "backup", "copy.sqlite3")
        self.assertEqual((self.directory / "copy.sqlite3").read_text(), "precious")
        await self.done("backup", "--force", "copy.sqlite3")

    async def test_refused(self) -> None:
        """No store, no backup, and a backup that is damaged end with 1; what cannot be understood with 2."""
        await self.refused("no embedded store", "backup", "copy.sqlite3")
        await self.refused("No such file", "restore", "nothing")
        (self.directory / "cut.jsonl.gz").write_bytes(gzip.compress(b"{}\n"))
        await self.refused("is no backup", "restore", "cut.jsonl.gz")
        for command in ("restore", "backup"):
            await self.refused("no file can have a name of 100,000 bytes", command, "x" * 100_000)
        await self.refused("such a long name", "migrate", "--from", "x" * 100_000, "--to", "y", status=2)
        await self.refused("is no file", "restore", "logs")
        await self.refused("Missing argument", "backup", status=2)
        self.assertFalse((self.directory / "db").exists())

    async def test_while_manager_runs(self) -> None:
        """A restore into a store that a Manager uses ends with 1; a backup of it is made."""
        self.farm()
        store, clock = self.open()
        await self.done("backup", "copy.sqlite3")
        await self.refused("another Manager", "restore", "copy.sqlite3")
        result_of(clock, store.close())


class MigrateTests(StoreCommandCase):
    async def test_migrate(self) -> None:
        """It ends with the numbers and digests of both stores, which agree; what was filled is not filled again."""
        self.farm()
        said = await self.done("migrate", "--from", "db", "--to", "sqlite:other")
        self.assertRegex(said, r"tasks +41 +41 +[0-9a-f]{16}")
        await self.refused("is not empty", "migrate", "--from", "db", "--to", "other")
        told = await self.told("migrate", "--from", "other", "--to", "third")
        self.assertTrue(all(kind["source"] == kind["target"] for kind in told["kinds"]))

    async def test_wrong_usage(self) -> None:
        """What names no store ends with 2."""
        await self.refused("names no store", "migrate", "--from", "db", "--to", "ftp://x/y", status=2)
        await self.refused("which database", "migrate", "--from", "mongodb://x", "--to", "db", status=2)
        await self.refused("Missing option", "migrate", "--from", "db", status=2)
        await self.refused("the same store", "migrate", "--from", "db", "--to", "sqlite:db")


class DoctorTests(StoreCommandCase):
    async def test_warnings(self) -> None:
        """With warnings only it ends with 0."""
        self.farm()
        said = await self.done("doctor")
        self.assertIn("Warning  ", said)
        self.assertNotIn("Damage", said)

    async def test_damage(self) -> None:
        """With damage it ends with 1 and tells what to do; once that is mended, with 0."""
        self.farm()
        store, clock = self.open()
        store._database.open().execute("UPDATE tasks SET open_parents = open_parents + 1")
        result_of(clock, store.close())
        ending = await self.run_it("doctor")
        self.assertEqual(ending.status, 1)
        self.assertIn("Damage   41 tasks wait for another number of parents", ending.out)
        self.assertIn("doctor --repair", ending.out)
        told = await self.told("doctor", "--repair")
        self.assertFalse(told["damaged"])
        self.assertIn("parents", [one["key"] for one in told["findings"] if one["mended"]])
        await self.done("doctor")

    async def test_configuration(self) -> None:
        """Mistakes in the configuration are damage; no configuration at all is wrong usage."""
        self.configure("listen: nowhere\n")
        ending = await self.run_it("doctor", "--json")
        self.assertEqual((ending.status, json.loads(ending.out)["damaged"]), (1, True))
        (self.directory / "manager.yaml").unlink()
        self.assertEqual((await self.run_it("doctor")).status, 2)
