"""What is recorded, and what must be found after a power cut at any instant of it."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from attrs import evolve, frozen
from twisted.internet.task import Clock

from flamenco_mgr.settings import load
from flamenco_mgr.settings.writing import dump
from flamenco_mgr.store.sqlite import SQLiteStore, schema
from flamenco_mgr.store.sqlite.opening import FILE
from flamenco_mgr.storekeeping.backup import back_up
from flamenco_mgr.storekeeping.progress import Silent
from flamenco_mgr.storekeeping.stores import Embedded
from flamenco_mgr.storekeeping.waiting import result_of
from tests.powercut.acts import NOW
from tests.powercut.contents import content, opened
from tests.powercut.disk import Disk, tree_of
from tests.powercut.recording import Recording, kept, recorded
from tests.powercut.verdicts import Changed, Configured, Verdict, WorkingFarm
from tests.storekeeping.farms import fill
from tests.threads import at_once

_ACTS = "tests.powercut.acts"
_EXAMPLE = Path(__file__).resolve().parents[2] / "manager.yaml"


@frozen(eq=False, kw_only=True)
class Bench:
    """
    Where recordings are made: below ``directory``, each once, with a recorder that is built there.

    ``answers``: how many requests a farm answers each time that its Manager is started.
    """

    directory: Path
    library: Path
    seed: int
    answers: int

    def recording(self, name: str, prepare: Callable[[Path], None], *arguments: str, sync_us: int = 0) -> Recording:
        """Prepare a directory and record a process in it, unless that was done before."""
        root = self.directory / name
        found = kept(root)
        if found is None:
            root.mkdir()
            prepare(root)
            found = recorded(self.library, root, arguments, sync_us=sync_us)
            self._see_that_it_is_complete(found)
        return found

    @staticmethod
    def _see_that_it_is_complete(recording: Recording) -> None:
        disk = Disk(recording)
        for record in recording.records:
            disk.take(record)
        assert disk.whole() == tree_of(recording.root), "the record is not all that happened"

    def scratch(self, name: str) -> Path:
        """Return a directory that is not there yet."""
        path = self.directory / name
        shutil.rmtree(path, ignore_errors=True)
        return path


@frozen(eq=False, kw_only=True)
class Scenario:
    """
    Something that the power may cut short.

    ``share``: how many of a hundred cuts are of it. ``make`` gives the recording, and what must be found afterwards.
    """

    name: str
    share: int
    make: Callable[[Bench], tuple[Recording, Verdict]]


def _nothing(_root: Path) -> None:
    """Prepare nothing: the Manager starts for the first time."""


def _at_work(name: str, sync_us: int) -> Callable[[Bench], tuple[Recording, Verdict]]:
    def make(bench: Bench) -> tuple[Recording, Verdict]:
        store, logs = bench.directory / name / "db", bench.directory / f"{name}.logs"
        arguments = ("tests.powercut.farm", str(store), str(logs), str(bench.seed), str(bench.answers))
        recording = bench.recording(name, _nothing, *arguments, sync_us=sync_us)
        return recording, WorkingFarm(fresh=opened(bench.scratch("fresh")))

    return make


def _filled(directory: Path) -> None:
    """Make a store with a farm in it, as it is when its Manager is killed: with much of it in its log."""
    clock = Clock()
    first = directory.with_name("being filled")
    store = SQLiteStore.open(first, clock, at_once)
    fill(store, lambda awaitable: result_of(clock, awaitable))
    result_of(clock, store.mark.set("the last that was done"))
    directory.mkdir()
    for name in (FILE, f"{FILE}-wal"):
        shutil.copy(first / name, directory / name)
    result_of(clock, store.close())
    shutil.rmtree(first)


def _of_version_1(directory: Path) -> None:
    """Make a store as the first version of its tables has it."""
    new = directory.with_name("new")
    _filled(new)
    opened(new)
    directory.mkdir()
    with closing(sqlite3.connect(directory / FILE, isolation_level=None)) as connection:
        schema.upgrade(connection, schema.steps()[:1])
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("ATTACH ? AS new", (str(new / FILE),))
        query = "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        for (table,) in connection.execute(query).fetchall():
            columns = ", ".join(row[1] for row in connection.execute(f"PRAGMA table_info({table})"))
            connection.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM new.{table}")  # noqa: S608
    shutil.rmtree(new)


def _first_started(bench: Bench) -> tuple[Recording, Verdict]:
    root = bench.directory / "start"
    recording = bench.recording("start", _nothing, _ACTS, "start", str(root))
    fresh = content(root / "db" / FILE)
    return recording, Changed(before=fresh, after=fresh)


def _upgraded(bench: Bench) -> tuple[Recording, Verdict]:
    root = bench.directory / "upgrade"
    recording = bench.recording("upgrade", lambda root: _of_version_1(root / "db"), _ACTS, "upgrade", str(root))
    after = content(root / "db" / FILE)
    return recording, Changed(before=after, after=after)


def _restored(name: str, backup: str, *, over: bool) -> Callable[[Bench], tuple[Recording, Verdict]]:
    def make(bench: Bench) -> tuple[Recording, Verdict]:
        root, file = bench.directory / name, bench.directory / f"{name}.{backup}"
        source = bench.directory / f"{name}.source"
        if not source.exists():
            _another(source)
            back_up(Embedded(directory=source), file, now=NOW, progress=Silent())
        recording = bench.recording(
            name, (lambda root: _filled(root / "db")) if over else _nothing, _ACTS, "restore", str(root), str(file)
        )
        before = bench.scratch("before")
        if over:
            shutil.copytree(recording.before / "db", before)
        return recording, Changed(before=opened(before), after=content(root / "db" / FILE), keeps=over)

    return make


def _another(directory: Path) -> None:
    """Make a store of a farm with some tasks more."""
    clock = Clock()
    store = SQLiteStore.open(directory, clock, at_once)
    fill(store, lambda awaitable: result_of(clock, awaitable), 60)
    result_of(clock, store.close())


def _configured(bench: Bench) -> tuple[Recording, Verdict]:
    root = bench.directory / "configuration"

    def prepare(root: Path) -> None:
        settings = load(_EXAMPLE, root).settings
        text = dump(evolve(settings, manager_name="before the power went"), mask_secrets=False)
        (root / "manager.yaml").write_text(text.partition("\n\n")[2])

    recording = bench.recording("configuration", prepare, _ACTS, "configure", str(root))
    before, path = (recording.before / "manager.yaml").read_bytes(), root / "manager.yaml"
    return recording, Configured(before=before, after=path.read_bytes(), settings=load(path, root).settings)


SCENARIOS = (
    Scenario(name="a farm at work, on a quick disk", share=35, make=_at_work("quick", 200)),
    Scenario(name="a farm at work, on a slow disk", share=35, make=_at_work("slow", 4000)),
    Scenario(name="first start", share=5, make=_first_started),
    Scenario(name="upgrade of the tables", share=7, make=_upgraded),
    Scenario(name="restore of a copy", share=5, make=_restored("copy", "sqlite3", over=True)),
    Scenario(name="restore of a neutral backup", share=5, make=_restored("neutral", "jsonl.gz", over=True)),
    Scenario(name="restore where no store is", share=4, make=_restored("first", "sqlite3", over=False)),
    Scenario(name="--write-config", share=4, make=_configured),
)
