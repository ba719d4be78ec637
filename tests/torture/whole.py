"""Whole twistd processes, Workers and the Server in processes of their own, and everything that may happen to them."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Final

from attrs import define, field

from tests.torture.checking import damages
from tests.torture.clock_jump import JumpingClock
from tests.torture.farm import Farm, Wrong
from tests.torture.lives import TwistdLives
from tests.torture.troubles import Troubles

_SPEED: Final = 25.0
_LOOK_EVERY: Final = 5

KILLS: Final = "SIGKILL of a twistd Manager"


@define(eq=False, kw_only=True)
class Whole:
    """
    A farm whose Manager is killed ``kills`` times, or until ``seconds`` are over.

    ``done`` counts what was done to it; ``tasks`` is how many are not over at any time.
    """

    directory: Path
    seed: str
    kills: int
    seconds: float
    tasks: int = 120
    done: Counter[str] = field(init=False, factory=Counter)

    def run(self) -> Iterator[str]:
        """Torture, let the farm come to rest, and yield what does not agree; `Wrong` if it does not get so far."""
        farm = Farm(directory=self.directory, seed=self.seed, speed=_SPEED, crews=2)
        clock = JumpingClock(directory=self.directory)
        lives = [TwistdLives(directory=farm.home(1), environment=clock.environment)]
        troubles = Troubles(farm=farm, lives=lives, clock=clock, done=self.done)
        try:
            farm.open(self.tasks)
            self._torture(farm, troubles, monotonic() + self.seconds)
            troubles.serve_all()
            yield from farm.ended(lives, self.done)
        finally:
            farm.kill(lives)

    def _torture(self, farm: Farm, troubles: Troubles, limit: float) -> None:
        paused = False
        for number in range(1, 1 << 30):
            if self.done[KILLS] >= self.kills or monotonic() > limit:
                return
            if not paused and self.done[KILLS] >= self.kills / 2:
                troubles.paused()
                paused = True
            troubles.happen()
            if number % _LOOK_EVERY == 0:
                found = list(damages(self.directory / "db"))
                if found:
                    raise Wrong("; ".join(found))
                farm.server.ask("jobs", self.tasks)
