"""The disk that the power is cut from: what is on it for good, and what may be."""

from pathlib import Path
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from tests.powercut.disk import Disk, Tree, tree_of
from tests.powercut.leaving import Fate, PowerCut
from tests.powercut.recording import Kind, Record, Recording

_DIRECTORY, _FILE, _OTHER = 1, 2, 3
_OLD, _NEW = b"o" * 2048, b"n" * 2048


class DiskTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.root, before = Path(self.mktemp()).absolute(), Path(self.mktemp()).absolute()
        before.mkdir()
        (before / "old").write_bytes(_OLD)
        recording = Recording(root=self.root, before=before, numbers={".": _DIRECTORY, "old": _FILE}, records=())
        self.assertEqual(tree_of(before), {"old": _OLD})
        self.disk = Disk(recording)

    def happen(self, kind: Kind, file: int = 0, number: int = 0, text: bytes = b"") -> None:
        self.disk.take(Record(kind, file, number, text))

    def named(self, kind: Kind, *names: str, file: int = 0) -> None:
        self.happen(kind, file, text=b"\0".join(str(self.root / name).encode() for name in names))

    def sync(self, file: int, number: int = 1) -> None:
        self.happen(Kind.SYNC, file, number)
        self.happen(Kind.SYNCED, file, number)

    def left(self, fate: Fate) -> list[Tree]:
        """Return what a hundred power cuts leave."""
        return [PowerCut(Random(seed), fate).leaves(self.disk) for seed in range(100)]

    def test_not_synced(self) -> None:
        """What was written and not synced may be there, or be gone, or be torn at sectors."""
        self.happen(Kind.WRITE, _FILE, 0, _NEW)
        self.assertEqual(self.disk.whole(), {"old": _NEW})
        self.assertEqual({left["old"] for left in self.left(Fate.GONE)}, {_OLD})
        self.assertEqual({left["old"] for left in self.left(Fate.THERE)}, {_NEW})
        self.assertEqual({left["old"] for left in self.left(Fate.ANY)}, {_OLD, _NEW})
        torn = {left["old"] for left in self.left(Fate.TORN)}
        sectors = {left[at : at + 512] for left in torn if left for at in range(0, 2048, 512)}
        self.assertEqual(sectors, {_OLD[:512], _NEW[:512]})
        self.assertGreater(len(torn), 8)

    def test_synced(self) -> None:
        """What was synced is there, whatever becomes of what was written later."""
        self.happen(Kind.WRITE, _FILE, 0, _NEW)
        self.sync(_FILE)
        self.happen(Kind.WRITE, _FILE, 4096, b"later")
        for fate in Fate:
            for left in self.left(fate):
                found = left["old"]
                assert found is not None
                self.assertEqual(found[:2048], _NEW)

    def test_written_while_syncing(self) -> None:
        """A sync is of what was written before it began, and is done when it ends."""
        self.happen(Kind.WRITE, _FILE, 0, b"first")
        self.happen(Kind.SYNC, _FILE, 1)
        self.happen(Kind.WRITE, _FILE, 5, b"second")
        self.assertEqual({left["old"] for left in self.left(Fate.GONE)}, {_OLD})
        self.happen(Kind.SYNCED, _FILE, 1)
        self.assertEqual({left["old"] for left in self.left(Fate.GONE)}, {b"first" + _OLD[5:]})

    def test_out_of_order(self) -> None:
        """A later write may be there without an earlier one, and a longer file without what was written to it."""
        self.happen(Kind.WRITE, _FILE, 2048, b"a" * 512)
        self.happen(Kind.WRITE, _FILE, 2560, b"b" * 512)
        found = [left["old"] or b"" for left in self.left(Fate.ANY)]
        self.assertTrue(any(one[2560:] == b"b" * 512 and one[2048:2560] == bytes(512) for one in found))
        self.assertTrue(any(len(one) > 2048 and set(one[2048:]).isdisjoint(b"ab") for one in found))

    def test_truncated(self) -> None:
        """A truncation that was not synced may not have happened."""
        self.happen(Kind.TRUNCATE, _FILE, 0)
        self.assertEqual({left["old"] for left in self.left(Fate.ANY)}, {_OLD, b""})

    def test_names(self) -> None:
        """A file that was made, renamed or removed is where it was until its directory is synced."""
        self.named(Kind.CREATE, "draft", file=_OTHER)
        self.happen(Kind.WRITE, _OTHER, 0, _NEW)
        self.sync(_OTHER)
        self.named(Kind.RENAME, "draft", "old")
        self.assertEqual(self.disk.whole(), {"old": _NEW})
        self.assertEqual(self.left(Fate.GONE), [{"old": _OLD}] * 100)
        self.assertIn({"old": _OLD, "draft": _NEW}, self.left(Fate.ANY))
        self.sync(_DIRECTORY, 2)
        self.assertEqual(self.left(Fate.ANY), [{"old": _NEW}] * 100)

    def test_directories(self) -> None:
        """A directory whose own name was not synced is gone with all that is in it."""
        self.named(Kind.MKDIR, "db", file=4)
        self.named(Kind.CREATE, "db/store", file=_OTHER)
        self.sync(4)
        self.assertEqual(self.left(Fate.GONE), [{"old": _OLD}] * 100)
        self.sync(_DIRECTORY, 2)
        self.assertEqual(self.left(Fate.GONE), [{"old": _OLD, "db": None, "db/store": b""}] * 100)

    def test_ignored(self) -> None:
        """A disk that lies about a file has nothing of it for good."""
        self.disk.ignores = lambda name: name == "old"
        self.happen(Kind.WRITE, _FILE, 0, _NEW)
        self.sync(_FILE)
        self.assertEqual({left["old"] for left in self.left(Fate.GONE)}, {_OLD})
