"""The numbers of a simulation, which a seed varies."""

from random import Random
from typing import Final

from attrs import frozen

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

WORKER_SILENT: Final = 60.0
TASK_SILENT: Final = 240.0

SETTINGS: Final = Settings(
    manager_id=MANAGER,
    manager_secret=SECRET,
    flamenco="http://server/",
    own_url="http://manager:8080/",
    active_worker_timeout_interval=WORKER_SILENT,
    active_task_timeout_interval=TASK_SILENT,
    download_task_sleep=120.0,
)

_MANY: Final = 500
_SOME: Final = 60


@frozen(kw_only=True)
class Plan:
    """How big a farm is, and for how long (seconds) things go wrong there; ``faults`` is how many times."""

    workers: int
    tasks: int
    jobs: int
    seconds: float
    faults: int
    longest_task: float

    @classmethod
    def of(cls, chance: Random) -> "Plan":
        """Return a plan: mostly a small farm, now and then a big one, for a short while then."""
        size = chance.random()
        if size < 0.01:
            return cls(workers=_MANY, tasks=700, jobs=2, seconds=40.0, faults=6, longest_task=25.0)
        if size < 0.04:
            return cls(workers=_SOME, tasks=150, jobs=3, seconds=150.0, faults=10, longest_task=30.0)
        return cls(
            workers=chance.randint(1, 7),
            tasks=chance.randint(6, 30),
            jobs=chance.randint(1, 3),
            seconds=chance.uniform(120.0, 600.0),
            faults=chance.randint(6, 24),
            longest_task=chance.choice((10.0, 25.0, 60.0)),
        )
