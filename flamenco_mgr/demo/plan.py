"""How big the demonstration is, and how fast."""

from pathlib import Path
from typing import Final

from attrs import field, frozen

MANAGER_ID: Final = "5d7b9f3ae4b0c83a1f2d6e11"
MANAGER_SECRET: Final = "SRVd0ntUseThisSecretItIsOnlyForTheDemo0000000"  # noqa: S105 it opens nothing but this farm

PLATFORMS: Final = ("linux", "windows")
"""What the Workers run on, in turn."""

TIME_LIMIT: Final = 55.0
"""Seconds after which a demonstration has failed, unless told otherwise."""

TIME_LIMIT_ON_MONGODB: Final = 85.0
"""The same where a Manager that has died is missed for some seconds, and the server may be slow."""


@frozen(kw_only=True)
class Plan:
    """
    A demonstration as it was asked for.

    ``database_url`` is that of a new database on MongoDB; without one the embedded store is used. ``tasks`` is about
    how many each of the two jobs has. Workers live ``speed`` times faster than real ones. ``accidents``: users change
    their minds, a Worker dies, a Manager is killed. After ``time_limit`` seconds it has failed. All files are below
    ``directory``.
    """

    directory: Path
    database_url: str = field(default="", repr=False)
    workers: int = 8
    tasks: int = 100
    speed: float = 20.0
    seed: int = 2
    accidents: bool = True
    time_limit: float = field()

    @time_limit.default
    def _usual_limit(self) -> float:
        return TIME_LIMIT_ON_MONGODB if self.database_url else TIME_LIMIT
