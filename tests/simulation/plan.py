"""The numbers of a simulation, which a seed varies."""

from random import Random
from typing import Final

from attrs import evolve, frozen

from flamenco_mgr.settings import Settings

START: Final = 1_600_000_000.0

MANAGER: Final = "5d7b9f3ae4b0c83a1f2d6e11"
SECRET: Final = "SRVd0ntUseThisSecretItIsOnlyForTheUnitTests00"

STEP: Final = 1.0
"""Seconds between two looks whether all is well."""

ANSWER_LIMIT: Final = 3.0
"""Seconds that a Worker waits for an answer (worker-api.md 1)."""

TO_DRAIN: Final = 1800.0
"""Seconds after the last fault within which everything has to come to its end."""

STANDSTILL: Final = 900.0
"""Seconds for which nothing changes, after the last fault, before nothing is expected any more."""

QUIET: Final = 30.0
"""Seconds for which everything is over before the books are compared."""

SETTINGS: Final = Settings(
    manager_id=MANAGER,
    manager_secret=SECRET,
    flamenco="http://server/",
    own_url="http://manager:8080/",
    download_task_sleep=120.0,
)

_HOURS: Final = 6 * 3600.0

PACE: Final = (0.05, 0.07)
"""How quick the clocks of Workers are that seldom say anything."""

SLOW: Final = 0.25
"""Seconds that a COMMIT takes on a slow disk."""


@frozen(kw_only=True)
class Plan:
    """
    How big a farm is, and for how long (seconds) things go wrong there; ``faults`` is how many times.

    A worker and a task time out after ``worker_silent`` and ``task_silent`` seconds, the Server's clock is
    ``server_ahead`` by so many. A farm that ``lingers`` has Workers that seldom say anything, on a slow disk, and
    nothing happens to its Manager.
    """

    workers: int
    tasks: int
    jobs: int
    seconds: float
    faults: int
    longest_task: float
    worker_silent: float = 60.0
    task_silent: float = 240.0
    server_ahead: float = 0.0
    lingers: bool = False

    @property
    def settings(self) -> Settings:
        """The Manager's, but for its folders."""
        return evolve(
            SETTINGS,
            active_worker_timeout_interval=self.worker_silent,
            active_task_timeout_interval=self.task_silent,
        )

    @classmethod
    def of(cls, chance: Random) -> "Plan":
        """Return a plan: mostly a small farm, now and then a big one, for a short while then, or one that lingers."""
        size, ahead = chance.random(), chance.choice((0.0, 0.0, chance.uniform(-_HOURS, _HOURS)))
        if size < 0.01:
            plan = cls(workers=500, tasks=700, jobs=2, seconds=40.0, faults=6, longest_task=25.0)
        elif size < 0.02:
            workers = chance.randint(100, 250)
            plan = cls(workers=workers, tasks=workers * 3 // 2, jobs=2, seconds=60.0, faults=8, longest_task=25.0)
        elif size < 0.07:
            workers = chance.randint(8, 60)
            plan = cls(workers=workers, tasks=workers * 5 // 2, jobs=3, seconds=150.0, faults=10, longest_task=30.0)
        elif size < 0.12:
            workers = chance.randint(100, 160)
            return cls(
                workers=workers,
                tasks=workers * 2,
                jobs=2,
                seconds=550.0,
                faults=6,
                longest_task=60.0,
                worker_silent=400.0,
                task_silent=30.0,
                server_ahead=ahead,
                lingers=True,
            )
        else:
            plan = cls(
                workers=chance.randint(1, 7),
                tasks=chance.randint(6, 30),
                jobs=chance.randint(1, 3),
                seconds=chance.uniform(120.0, 600.0),
                faults=chance.randint(6, 24),
                longest_task=chance.choice((10.0, 25.0, 60.0)),
            )
        return evolve(plan, task_silent=chance.choice((30.0, 60.0, 240.0)), server_ahead=ahead)
