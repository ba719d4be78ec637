"""How big the demonstration is, and how fast."""

from pathlib import Path
from typing import Final

from attrs import frozen

MANAGER_ID: Final = "5d7b9f3ae4b0c83a1f2d6e11"
MANAGER_SECRET: Final = "SRVd0ntUseThisSecretItIsOnlyForTheDemo0000000"  # noqa: S105 it opens nothing but this farm

PLATFORMS: Final = ("linux", "windows")
"""What the Workers run on, in turn."""


@frozen(kw_only=True)
class Plan:
    """
    A demonstration as it was asked for.

    ``tasks`` is about how many each of the two jobs has. Workers live ``speed`` times faster than real ones.
    ``accidents``: users change their minds, a Worker dies, the Manager is killed. After ``time_limit`` seconds it has
    failed. Everything is below ``directory``.
    """

    directory: Path
    workers: int = 8
    tasks: int = 100
    speed: float = 20.0
    seed: int = 2
    time_limit: float = 55.0
    accidents: bool = True
