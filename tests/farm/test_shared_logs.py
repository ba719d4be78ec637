"""Whether the Managers of a store share the directory of the task logs."""

from pathlib import Path

from attrs import define
from twisted.internet.defer import Deferred
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from flamenco_mgr.farm.shared_logs import MARKER, SharedLogs
from flamenco_mgr.store.interfaces import IFarmMark, StoreUnavailable
from tests.threads import at_once


@implementer(IFarmMark)
@define(eq=False)
class FarmMark:
    """The mark of a farm, in memory."""

    stored: str | None = None
    unavailable: bool = False

    async def value(self, proposal: str | None) -> str | None:
        if self.unavailable:
            raise StoreUnavailable("nobody answers")
        if self.stored is None:
            self.stored = proposal
        return self.stored


class SharedLogsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.mark = FarmMark()
        self.directory = Path(self.mktemp()) / "logs"
        self.told: list[str] = []

    def a_manager(self, directory: Path | None = None, value: str = "first") -> SharedLogs:
        return SharedLogs(
            mark=self.mark, directory=directory or self.directory, in_thread=at_once, new_value=lambda: value
        )

    def look(self, manager: SharedLogs) -> None:
        """Let a Manager look, and note what it tells people."""
        with capturedLogs() as events:
            self.successResultOf(Deferred.fromCoroutine(manager.look()))
        told = [event for event in events if event["log_level"] >= LogLevel.info]
        self.told += [f"{event['log_level'].name}: {event.get('trouble', '')}" for event in told]

    def marked(self, directory: Path | None = None) -> str:
        return ((directory or self.directory) / MARKER).read_text().strip()

    def test_fake(self) -> None:
        """The tests' mark provides the interface."""
        verifyObject(IFarmMark, self.mark)

    def test_first(self) -> None:
        """The first Manager of a farm makes the directory if need be, and marks it; nothing is told."""
        self.look(self.a_manager())
        self.assertEqual((self.marked(), self.mark.stored, self.told), ("first", "first", []))
        self.assertEqual([entry.name for entry in self.directory.iterdir()], [MARKER])

    def test_shared(self) -> None:
        """Another Manager with the same directory, and the first one's next start, find it in order."""
        self.look(self.a_manager())
        self.look(self.a_manager(value="second"))
        self.assertEqual((self.marked(), self.mark.stored, self.told), ("first", "first", []))

    def test_died_before_it_was_stored(self) -> None:
        """If the first Manager died between the file and the store, the file's mark becomes the farm's."""
        self.directory.mkdir(parents=True)
        (self.directory / MARKER).write_text("first\n")
        self.look(self.a_manager(value="second"))
        self.assertEqual((self.marked(), self.mark.stored, self.told), ("first", "first", []))

    def test_not_shared(self) -> None:
        """A directory without the farm's mark is told loudly, once, and is not marked; when it is in order, too."""
        self.look(self.a_manager())
        other = Path(self.mktemp())
        manager = self.a_manager(other)
        self.look(manager)
        self.look(manager)
        (told,) = self.told
        self.assertIn("error: it has no mark", told)
        self.assertIn("marked with first", told)
        self.assertFalse(other.exists())
        other.mkdir()
        (other / MARKER).write_text("first")
        self.look(manager)
        self.assertEqual(self.told[1:], ["info: "])

    def test_another_farms(self) -> None:
        """A directory that another farm has marked is told, and left as it is."""
        self.look(self.a_manager())
        other = Path(self.mktemp())
        other.mkdir()
        (other / MARKER).write_text("another")
        self.look(self.a_manager(other))
        self.assertIn("error: it is marked with another", self.told[0])
        self.assertEqual(self.marked(other), "another")

    def test_cannot_be_written(self) -> None:
        """A directory that cannot be made or marked is told."""
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        self.directory.write_text("no directory")
        self.look(self.a_manager())
        self.assertIn("error: nobody can tell", self.told[0])
        self.assertIsNone(self.mark.stored)

    def test_empty_mark(self) -> None:
        """A file without a mark is no mark."""
        self.directory.mkdir(parents=True)
        (self.directory / MARKER).write_text("\n")
        self.look(self.a_manager())
        self.assertIn("error: it has no mark", self.told[0])

    def test_is_ours(self) -> None:
        """Whether the directory is the farm's is known when it has been looked at, and as it was found last."""
        first, other = self.a_manager(), self.a_manager(Path(self.mktemp()))
        self.assertEqual((first.is_ours, other.is_ours), (False, False))
        self.look(first)
        self.look(other)
        self.assertEqual((first.is_ours, other.is_ours), (True, False))
        self.mark.unavailable = True
        self.look(first)
        self.assertTrue(first.is_ours)
        self.mark.unavailable = False
        (self.directory / MARKER).unlink()
        self.look(first)
        self.assertFalse(first.is_ours)

    def test_store_unavailable(self) -> None:
        """While the store cannot answer nothing is told, and nothing is marked."""
        self.mark.unavailable = True
        self.look(self.a_manager())
        self.assertEqual(self.told, [])
        self.assertFalse(self.directory.exists())
