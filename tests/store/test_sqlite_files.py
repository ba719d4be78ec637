"""The store's files: made, locked, refused as they are, upgraded."""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from flamenco_mgr.store.interfaces import StoreRefused
from flamenco_mgr.store.sqlite import SQLiteStore, schema
from tests.store.contract.case import pumped
from tests.threads import at_once

SECOND = "ALTER TABLE tasks ADD COLUMN weight INTEGER NOT NULL DEFAULT 0; CREATE INDEX by_weight ON tasks (weight);"


class FileCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.path = self.directory / "flamenco.sqlite3"

    def open(self, scripts: Sequence[str] | None = None) -> SQLiteStore:
        return SQLiteStore.open(self.directory, Clock(), at_once, scripts)

    def close(self, store: SQLiteStore) -> None:
        self.successResultOf(pumped(Clock(), store.close()))

    def make(self, scripts: Sequence[str] | None = None) -> None:
        """Make a store, and leave it."""
        self.close(self.open(scripts))

    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.directory.iterdir()}

    def assert_refused(self, words: str, scripts: Sequence[str] | None = None) -> None:
        """Opening is refused in one line with these words, and every file is as it was."""
        before = self.files() if self.directory.is_dir() else None
        error = self.assertRaises(StoreRefused, self.open, scripts)
        self.assertIn(words, str(error))
        self.assertNotIn("\n", str(error))
        self.assertEqual(self.files() if self.directory.is_dir() else None, before)


class OpeningTests(FileCase):
    def test_new(self) -> None:
        """A new store is made with its directory; both are its user's alone."""
        self.directory /= "deeper"
        self.path = self.directory / "flamenco.sqlite3"
        store = self.open()
        self.assertEqual((self.directory.stat().st_mode & 0o777, self.path.stat().st_mode & 0o777), (0o700, 0o600))
        self.close(store)

    def test_durable_settings(self) -> None:
        """A COMMIT is on the disk when it returns; a checkpoint never happens within one."""
        store = self.open()
        connection = store._database.open()
        facts = [
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys", "wal_autocheckpoint")
        ]
        self.assertEqual(facts, ["wal", 2, 1, 0])
        self.close(store)

    def test_again(self) -> None:
        """A store that was closed is opened with what was in it, and leaves no log behind."""
        clock = Clock()
        store = SQLiteStore.open(self.directory, clock, at_once)
        adding = pumped(clock, store.mark.set("mark"))
        self.successResultOf(adding)
        self.close(store)
        self.assertEqual(sorted(self.files()), ["flamenco.lock", "flamenco.sqlite3"])
        store = self.open()
        self.assertEqual(self.successResultOf(store.mark.get()), "mark")
        self.close(store)

    def test_empty_file(self) -> None:
        """An empty file, which is what a crash at the very beginning leaves, is a new store."""
        self.directory.mkdir()
        self.path.touch()
        self.make()

    def test_first_start_cut_short(self) -> None:
        """A file whose beginning is not on the disk yet, with the journal that undoes it, is a new store as well."""
        self.directory.mkdir()
        draft = self.directory / "draft"
        with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
            for setting in ("cache_size = 1", "cache_spill = 1", "synchronous = OFF"):
                connection.execute(f"PRAGMA {setting}")
            connection.execute("BEGIN")
            connection.execute("CREATE TABLE tasks (text TEXT)")
            connection.executemany("INSERT INTO tasks VALUES (?)", [("x" * 4000,)] * 50)
            written = draft.read_bytes()
            self.path.write_bytes(bytes(4096) + written[4096:])
            self.path.with_name(f"{self.path.name}-journal").write_bytes(Path(f"{draft}-journal").read_bytes())
            self.assertGreater(len(written), 8192)
            connection.execute("ROLLBACK")
        draft.unlink()
        self.make()
        self.assertEqual(sorted(self.files()), ["flamenco.lock", "flamenco.sqlite3"])

    def test_second_manager(self) -> None:
        """A second Manager on a directory is refused, and told who has it, until the first one is gone."""
        store = self.open()
        before = self.path.read_bytes()
        error = self.assertRaises(StoreRefused, self.open)
        self.assertIn(f"another Manager (process {os.getpid()}) uses {self.directory}", str(error))
        self.assertEqual(self.path.read_bytes(), before)
        self.close(store)
        self.make()


class RefusalTests(FileCase):
    def test_directory_is_a_file(self) -> None:
        """A file in the place of the directory is refused."""
        self.directory.write_bytes(b"x")
        self.assert_refused("is a file")
        self.assertEqual(self.directory.read_bytes(), b"x")

    def test_directory_below_a_file(self) -> None:
        """A directory that cannot be made is refused."""
        self.directory.write_bytes(b"x")
        self.directory /= "db"
        self.assert_refused("cannot make the directory")

    def test_no_database(self) -> None:
        """A file that is no database is left byte for byte, with nothing beside it."""
        self.directory.mkdir()
        for content in (b"x", b"SQLite format 3\0", b"x" * 10_000):
            self.path.write_bytes(content)
            self.assert_refused("is no SQLite database")

    def test_directory_in_its_place(self) -> None:
        """A directory in the place of the database is refused."""
        self.path.mkdir(parents=True)
        self.assertIn("is no file", str(self.assertRaises(StoreRefused, self.open)))

    def test_anothers_database(self) -> None:
        """A database of another program is left as it is."""
        self.directory.mkdir()
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute("CREATE TABLE tasks (x)")
        self.assert_refused("is a database of another program")

    def test_newer(self) -> None:
        """A database of a newer version is refused by its number, and left as it is."""
        self.make([*schema.steps(), SECOND])
        self.assert_refused(f"version {len(schema.steps()) + 1} of its tables, this one knows {len(schema.steps())}")

    def test_damaged(self) -> None:
        """A database of ours whose pages are damaged is refused in one line."""
        self.make()
        content = self.path.read_bytes()
        self.path.write_bytes(content[:100] + b"\xff" * (len(content) - 100))
        self.assertIn("cannot open", str(self.assertRaises(StoreRefused, self.open)))

    def test_damaged_later(self) -> None:
        """Damage that shows only when the tables are read is refused in one line, too, and the lock is let go."""
        self.make()
        with closing(sqlite3.connect(self.path)) as connection:
            pages = connection.execute("SELECT rootpage FROM sqlite_master WHERE tbl_name = 'updates'").fetchall()
        with self.path.open("r+b") as file:
            for (page,) in pages:
                file.seek((page - 1) * 4096)
                file.write(b"\xff" * 4096)
        for _ in range(2):
            self.assertIn("cannot read", str(self.assertRaises(StoreRefused, self.open)))

    def test_not_ours_to_write(self) -> None:
        """A directory or a file that the Manager's user must not write to is refused."""
        if os.geteuid() == 0:
            raise SkipTest("root may write everywhere")
        self.make()
        self.path.chmod(0o400)
        self.assert_refused("give it to the user of the Manager")
        self.directory.chmod(0o500)
        self.addCleanup(self.directory.chmod, 0o700)
        self.assert_refused("give it to the user of the Manager")


class SchemaTests(FileCase):
    def described(self) -> list[tuple[str, ...]]:
        with closing(sqlite3.connect(self.path)) as connection:
            query = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name"
            return connection.execute(query).fetchall()

    def test_upgraded_is_fresh(self) -> None:
        """A database that was upgraded from any version equals one that was made new, and keeps what was in it."""
        scripts = [*schema.steps(), SECOND]
        for version in range(1, len(scripts)):
            self.path.unlink(missing_ok=True)
            self.make(scripts[:version])
            self.make(scripts)
            upgraded = self.described()
            self.path.unlink()
            self.make(scripts)
            self.assertEqual(upgraded, self.described())

    def test_upgrade_keeps(self) -> None:
        """What was in the database before an upgrade is there afterwards."""
        store = self.open()
        connection = store._database.open()
        connection.execute("INSERT INTO state VALUES ('depsgraph_last_modified', 'mark')")
        self.close(store)
        store = self.open([*schema.steps(), SECOND])
        self.assertEqual(self.successResultOf(store.mark.get()), "mark")
        self.close(store)

    def test_failed_step(self) -> None:
        """A step that fails is refused and undone whole; the version before still works."""
        self.make()
        before = self.described()
        error = self.assertRaises(StoreRefused, self.open, [*schema.steps(), "CREATE TABLE half (x); NONSENSE;"])
        self.assertIn("cannot open", str(error))
        self.assertEqual(self.described(), before)
        self.make()

    def test_numbered_files(self) -> None:
        """The steps are the files ``001.sql``, ``002.sql``, … in order; nothing else in the directory counts."""
        self.directory.mkdir()
        for name in ("010.sql", "002.sql", "notes.txt"):
            (self.directory / name).write_text(name)
        self.assertEqual(schema.steps(self.directory), ("002.sql", "010.sql"))

    def test_marked(self) -> None:
        """The file says that it is ours, and its version, in its header."""
        self.make()
        header = self.path.read_bytes()[:100]
        self.assertEqual(header[60:64], len(schema.steps()).to_bytes(4, "big"))
        self.assertEqual(header[68:72], schema.APPLICATION_ID.to_bytes(4, "big"))
