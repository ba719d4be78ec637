"""The log of runs."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.torture.report import Run, next_seed, record


def a_run(seed: int, killed: int) -> Run:
    """Return a run in which so many forked Managers were killed."""
    done = {"SIGKILL of a forked Manager": killed, "tasks": 120}
    return Run(seed=seed, date="2026-11-25", seconds=60.4, done=done, violations=0)


class ReportTests(SynchronousTestCase):
    def test_adds_up(self) -> None:
        """Each run is a line of its own, what they did is added up, and what else is in the file stays."""
        path = Path(self.mktemp())
        path.write_text("# Reliability\n\n## Fuzzing\n\nMany inputs.\n")
        record(a_run(3, 400), path)
        record(a_run(4, 150), path)
        text = path.read_text()
        self.assertTrue(text.startswith("# Reliability\n\n## Fuzzing\n\nMany inputs.\n\n## Killed processes\n"), text)
        self.assertIn("| 3 | 2026-11-25 |", text)
        self.assertIn("| **all** | | | 120 | 550 | 0 | 0 | 0 | 0 | 240 | 0 | 0 |", text)
        self.assertEqual(next_seed(path), 5)

    def test_new(self) -> None:
        """Without a file one is made, and the first seed is 1."""
        path = Path(self.mktemp())
        self.assertEqual(next_seed(path), 1)
        record(a_run(1, 20), path)
        self.assertTrue(path.read_text().startswith("# Reliability\n\n## Killed processes\n"))
