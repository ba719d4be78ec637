"""The simulation itself: the same each time, complete, and able to fail."""

import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import tests
from tests.simulation.running import simulate
from tests.simulation.shrinking import shortest

ROOT = Path(tests.__file__).parent.parent

QUICK = 2
"""A seed that is simulated quickly, with a kill in it."""


FIXED = 1
"""A seed that is simulated to its end."""


class SimulationTests(SynchronousTestCase):
    def test_replayed(self) -> None:
        """A seed's trace is the same in another process, whatever the order of hashes; it is long enough to read."""
        first, second = (self._trace(order) for order in ("1", "2"))
        self.assertEqual(first, second)
        self.assertGreaterEqual(len(first.splitlines()), 50)

    def test_nothing_violated(self) -> None:
        """A farm whose Manager is killed keeps all that it promised."""
        self.assertEqual(simulate(FIXED).violations, ())

    @staticmethod
    def _trace(order: str) -> str:
        command = [sys.executable, "-m", "tests.simulation", "--seed", str(QUICK), "--steps", "150"]
        environment = {**os.environ, "PYTHONHASHSEED": order, "PYTHONIOENCODING": "utf-8"}
        ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True)
        return ended.stdout.decode() + ended.stderr.decode()


class ShrinkingTests(SynchronousTestCase):
    def test_shortest(self) -> None:
        """What is left of a schedule fails, and would not without any one of its faults."""
        found = shortest(range(20), lambda faults: {3, 11, 17} <= set(faults))
        self.assertEqual(found, [3, 11, 17])

    def test_no_fault(self) -> None:
        """A seed that fails without any fault has an empty schedule."""
        self.assertEqual(shortest(range(20), lambda _: True), [])
