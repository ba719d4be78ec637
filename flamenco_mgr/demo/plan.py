"""How big the demonstration is, and how fast."""

from pathlib import Path
from typing import Final

from attrs import field, frozen

from flamenco_mgr.demo.real.studio import Studio, here

MANAGER_ID: Final = "5d7b9f3ae4b0c83a1f2d6e11"
MANAGER_SECRET: Final = "SRVd0ntUseThisSecretItIsOnlyForTheDemo0000000"  # noqa: S105 it opens nothing but this farm

PLATFORMS: Final = ("linux", "windows")
"""What the Workers run on, in turn."""

TIME_LIMIT: Final = 55.0
"""Seconds after which a demonstration has failed, unless told otherwise."""

TIME_LIMIT_ON_MONGODB: Final = 85.0
"""The same where a Manager that has died is missed for some seconds, and the server may be slow."""

TIME_LIMIT_FOR_REAL: Final = 300.0
"""The same where Workers render, on whatever machine this is."""

FAILURES_OF_A_TASK: Final = 3
"""On so many Workers a task fails until it has failed for good."""

FAILURES_OF_A_WORKER: Final = 3
"""At so many tasks of a kind a Worker fails until it gets no more of them."""

SIMULATORS: Final = 4
"""So many Workers, the last ones, know how to simulate; the very last believes so."""

WORKERS: Final = 8
TASKS: Final = 100
REAL_WORKERS: Final = 2
REAL_TASKS: Final = 10
"""What is usual, and what is where Workers render."""


@frozen(kw_only=True)
class Plan:
    """
    A demonstration as it was asked for.

    ``database_url`` is that of a new database on MongoDB; without one the embedded store is used. ``tasks`` is about
    how many each of the two jobs has. Workers live ``speed`` times faster than real ones. ``accidents``: users change
    their minds, a Worker dies, a Manager is killed, and, if there are enough Workers, some tasks fail and a Worker has
    to sleep. With a ``studio`` there is one job, and Workers do it for real. After ``time_limit`` seconds the
    demonstration has failed. All files are below ``directory``.
    """

    directory: Path
    database_url: str = field(default="", repr=False)
    studio: Studio | None = None
    workers: int = WORKERS
    tasks: int = TASKS
    speed: float = 20.0
    seed: int = 2
    accidents: bool = True
    time_limit: float = field()

    @property
    def platforms(self) -> tuple[str, ...]:
        """What the Workers run on, in turn."""
        return PLATFORMS if self.studio is None else (here(),)

    @property
    def failures(self) -> bool:
        """Whether some tasks fail, those of a third job, and a Worker has to sleep."""
        return self.accidents and self.workers >= SIMULATORS

    @time_limit.default
    def _usual_limit(self) -> float:
        if self.studio is not None:
            return TIME_LIMIT_FOR_REAL
        return TIME_LIMIT_ON_MONGODB if self.database_url else TIME_LIMIT
