"""Which files of logs are kept."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.log_limits import LogFile, LogLimits, Stage, log_file, stage, unwanted
from tests.builders import TASK, a_task

NOW = 1_600_000_000.0
X = f"task-{TASK}.txt"
DAY = 86400.0

numbers = st.lists(st.integers(min_value=0, max_value=20), unique=True)


def files(*names: str, age: float = 2 * DAY) -> list[LogFile]:
    """Return files of these names, that old."""
    found = [log_file(name, NOW - age) for name in names]
    return [one for one in found if one is not None]


def names(found: Any) -> list[str]:
    """Return the names of files."""
    return [one.name for one in found]


class NameTests(SynchronousTestCase):
    def test_names(self) -> None:
        """The current log, rotated ones and compressed ones are told by their names."""
        for ending, number in (("", 0), (".gz", 0), (".1", 1), (".12", 12), (".2.gz", 2), (".gz.3", 3)):
            found = log_file(f"{X}{ending}", 5.0)
            self.assertEqual(found, LogFile(name=f"{X}{ending}", task=TASK, number=number, modified=5.0))

    def test_other_names(self) -> None:
        """Whatever is called differently is no log, and is left alone."""
        for name in ("", "x", ".flamenco-farm", f".{X}.1.partial", f"{X}.abc", f"{X}.-4", f"{X}.1.2", f"{X}*", f"a{X}"):
            self.assertIsNone(log_file(name, 5.0), name)
        self.assertIsNone(log_file(f"task-{'g' * 24}.txt", 5.0))


class LimitTests(SynchronousTestCase):
    def test_stages(self) -> None:
        """A task that is not here is over; one that is to be cancelled may still run."""
        for status, expected in (
            ("active", Stage.RUNNING),
            ("cancel-requested", Stage.RUNNING),
            ("claimed-by-manager", Stage.WAITING),
            ("soft-failed", Stage.WAITING),
            ("paused", Stage.WAITING),
            ("completed", Stage.OVER),
            ("failed", Stage.OVER),
            ("canceled", Stage.OVER),
        ):
            self.assertIs(stage(a_task(status=status)), expected, status)
        self.assertIs(stage(None), Stage.OVER)

    def test_number(self) -> None:
        """Of rotated files so many numbers are kept, the lowest, which are the latest; holes do not count."""
        limits = LogLimits(max_files=2, max_age=0.0)
        all_of_them = files(X, f"{X}.gz", f"{X}.1", f"{X}.2", f"{X}.2.gz", f"{X}.5", f"{X}.gz.7")
        for one in (Stage.WAITING, Stage.OVER):
            self.assertEqual(names(unwanted(all_of_them, limits, one, NOW)), [f"{X}.5", f"{X}.gz.7"])

    def test_age(self) -> None:
        """Beyond the age all files go of a task that is over; of one that waits, the current log stays."""
        limits = LogLimits(max_files=0, max_age=DAY)
        old, new = files(X, f"{X}.gz", f"{X}.1"), files(f"{X}.2", age=DAY)
        self.assertEqual(unwanted([*old, *new], limits, Stage.OVER, NOW), tuple(old))
        self.assertEqual(names(unwanted([*old, *new], limits, Stage.WAITING, NOW)), [f"{X}.1"])

    def test_off(self) -> None:
        """Only without either limit everything is kept."""
        for most, age in ((0, DAY), (1, 0.0), (1, DAY)):
            self.assertIs(LogLimits(max_files=most, max_age=age).off, False)
        self.assertIs(LogLimits(max_files=0, max_age=0.0).off, True)

    def test_young(self) -> None:
        """A file that is younger than the age stays."""
        limits = LogLimits(max_files=0, max_age=DAY)
        self.assertEqual(unwanted(files(X, f"{X}.1", age=DAY / 2), limits, Stage.OVER, NOW), ())

    @given(numbers=numbers, most=st.integers(0, 5), age=st.sampled_from([0.0, DAY]))
    def test_running(self, numbers: list[int], most: int, age: float) -> None:
        """No file of a running task is ever touched, and without limits none at all."""
        some = files(*(f"{X}.{number}" if number else X for number in numbers))
        self.assertEqual(unwanted(some, LogLimits(max_files=most, max_age=age), Stage.RUNNING, NOW), ())
        off = LogLimits(max_files=0, max_age=0.0)
        self.assertTrue(off.off)
        self.assertEqual(unwanted(some, off, Stage.OVER, NOW), ())
