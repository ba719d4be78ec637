"""Tasks' log files."""

from pathlib import Path

from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.log_files import log_path
from flamenco_mgr.farm.logs import AGAIN_AFTER, LINGER, MOST_WAITING, PATIENCE, LogsBehind, TaskLogs
from tests.builders import JOB, TASK
from tests.threads import HeldThread, at_once


class TaskLogsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.directory = Path(self.mktemp())
        self.logs = TaskLogs(directory=self.directory, in_thread=at_once, clock=self.clock)
        self.path = self.directory / log_path(JOB, TASK)

    def append(self, text: str) -> None:
        written = self.logs.append(JOB, TASK, text)
        self.clock.advance(0)
        self.successResultOf(written)

    def rotate(self) -> None:
        rotated = self.logs.rotate(JOB, TASK)
        self.clock.advance(LINGER)
        self.successResultOf(rotated)

    def files(self) -> dict[str, str]:
        return {path.name.removeprefix(self.path.name): path.read_text() for path in self.path.parent.iterdir()}

    def test_append(self) -> None:
        """task-lifecycle.md 20, facts 29 and 32: texts are appended, each ending in a newline."""
        self.append("one\ntwo")
        self.append("three\n")
        self.assertEqual(self.path.read_text(), "one\ntwo\nthree\n")

    def test_nothing(self) -> None:
        """Fact 31: an empty text, or a task without a job, writes nothing."""
        self.successResultOf(self.logs.append(JOB, TASK, ""))
        self.successResultOf(self.logs.append("", TASK, "text"))
        self.assertFalse(self.directory.exists())

    def test_one_trip(self) -> None:
        """What one turn of the reactor brings is one trip to the thread, in the order of the calls."""
        thread = HeldThread()
        self.logs.in_thread = thread
        steps = [self.logs.append(JOB, TASK, "old"), self.logs.rotate(JOB, TASK), self.logs.append(JOB, TASK, "new")]
        self.clock.advance(0)
        self.assertEqual(len(thread.waiting), 1)
        thread.let_go()
        self.assertEqual(self.files(), {"": "new\n", ".1": "old\n"})
        for step in steps:
            self.successResultOf(step)

    def test_linger(self) -> None:
        """What nobody awaits goes along with what somebody does, at once; alone it goes a little later."""
        thread = HeldThread()
        self.logs.in_thread = thread
        _ = self.logs.append(JOB, TASK, "alone", awaited=False)
        self.clock.advance(0)
        self.assertEqual(len(thread.waiting), 0)
        self.clock.advance(LINGER)
        thread.let_go()
        self.assertEqual(self.files(), {"": "alone\n"})
        _ = self.logs.rotate(JOB, TASK)
        _ = self.logs.append(JOB, TASK, "first", awaited=False)
        awaited = self.logs.append(JOB, TASK, "second")
        self.clock.advance(0)
        thread.let_go()
        self.successResultOf(awaited)
        self.assertEqual(self.files(), {".1": "alone\n", "": "first\nsecond\n"})
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_written(self) -> None:
        """Whoever ends waits for what lingers; with nothing to be written there is nothing to wait for."""
        self.successResultOf(self.logs.written())
        _ = self.logs.append(JOB, TASK, "last words", awaited=False)
        written = self.logs.written()
        self.clock.advance(0)
        self.successResultOf(written)
        self.assertEqual(self.files(), {"": "last words\n"})

    def test_rotate_nothing(self) -> None:
        """Facts 89 and 90: rotating no file does nothing; a single file becomes number 1."""
        self.rotate()
        self.assertFalse(self.directory.exists())
        self.append("text")
        self.rotate()
        self.assertEqual(self.files(), {".1": "text\n"})

    def test_rotate_many(self) -> None:
        """Fact 91 (configuration.md 15, fact 36): 1, 2, 3, 5, 7 become 2, 3, 4, 6, 8, and holes stay holes."""
        self.append("0")
        for number in (1, 2, 3, 5, 7):
            self.path.with_name(f"{self.path.name}.{number}").write_text(f"{number}\n")
        self.rotate()
        expected = {".1": "0\n", ".2": "1\n", ".3": "2\n", ".4": "3\n", ".6": "5\n", ".8": "7\n"}
        self.assertEqual(self.files(), expected)

    def test_trouble_is_no_refusal(self) -> None:
        """A file that cannot be written refuses nothing, is logged, and does not keep others from being written."""
        self.path.parent.mkdir(parents=True)
        self.path.symlink_to(self.path.parent / "missing" / "file")
        other = "f" * 24
        with capturedLogs() as captured:
            written = self.logs.append(JOB, TASK, "lost")
            also = self.logs.append(JOB, other, "kept")
            self.clock.advance(0)
        self.successResultOf(written)
        self.successResultOf(also)
        self.assertIn("Task logs cannot be written", formatEvent(captured[-1]))
        self.assertEqual((self.directory / log_path(JOB, other)).read_text(), "kept\n")

    def test_full_disk(self) -> None:
        """What a full disk does not take is written when there is room again, in order, and refuses nothing before."""
        self.path.parent.mkdir(parents=True)
        self.path.symlink_to("/dev/full")
        self.append("first")
        self.successResultOf(self.logs.append(JOB, TASK, "second"))
        self.path.unlink()
        self.clock.advance(AGAIN_AFTER)
        self.assertEqual(self.path.read_text(), "first\nsecond\n")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_patience(self) -> None:
        """Nobody waits longer than a second for a slow disk; the text is written when it can be."""
        thread = HeldThread()
        self.logs.in_thread = thread
        first = self.logs.append(JOB, TASK, "first")
        self.clock.advance(0)
        second = self.logs.append(JOB, TASK, "second")
        self.clock.advance(PATIENCE - 0.01)
        self.assertNoResult(first)
        self.clock.advance(0.01)
        self.successResultOf(first)
        self.successResultOf(second)
        self.successResultOf(self.logs.append(JOB, TASK, "third"))
        thread.let_go()
        self.clock.advance(0)
        thread.let_go()
        self.assertEqual(self.path.read_text(), "first\nsecond\nthird\n")

    def test_no_room(self) -> None:
        """When too much waits for a slow disk, no more is taken until some is written."""
        thread = HeldThread()
        self.logs.in_thread = thread
        self.logs.check_room()
        written = self.logs.append(JOB, TASK, "x" * (MOST_WAITING + 1))
        self.assertRaises(LogsBehind, self.logs.check_room)
        self.clock.advance(0)
        thread.let_go()
        self.successResultOf(written)
        self.logs.check_room()
