"""A week on a farm of fifty machines, with all that can happen to it."""

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.tasks import FINISHED
from tests.week.checks import Checks
from tests.week.happenings import Happenings
from tests.week.plan import HOUR, START, TO_DRAIN, WEEK
from tests.week.world import World

SEEDS = [int(seed) for seed in os.environ.get("WEEK_SEEDS", "1").split()]
"""Each is another week; ``WEEK_SEEDS="7 8 9"`` has these simulated instead."""

_QUIET = 2 * HOUR
"""Seconds without a task to do, after which the books are compared."""


class WeekTests(SynchronousTestCase):
    def test_week(self) -> None:
        """
        No task is in two hands, none waits while somebody could do it, and the Server hears of all of it, in order.

        What is checked is said in `Checks`; each week that is simulated must come to its end.
        """
        for seed in SEEDS:
            self._live_through(World(seed=seed, logs=Path(self.mktemp())))

    def _live_through(self, world: World) -> None:
        checks, happenings = Checks(world), Happenings(world)
        happenings.begin()
        while happenings.goes_on:
            world.step(checks.look)
        happenings.end()
        over_since = world.now()
        while world.now() - over_since < _QUIET:
            self.assertLess(world.now(), START + WEEK + TO_DRAIN, f"seed {world.seed}: the farm does not drain")
            world.step(checks.look)
            if not self._is_over(world):
                over_since = world.now()
        self.assertEqual(list(checks.at_the_end()), [], f"seed {world.seed}")

    @staticmethod
    def _is_over(world: World) -> bool:
        return all(task.status in FINISHED for task in world.server.books.tasks())
