"""Many short lives: Managers forked from a warm process, killed at any instant, one after the other on one store."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from time import monotonic, sleep
from typing import Final

from attrs import define, field

from tests.torture.checking import damages
from tests.torture.farm import Farm, Wrong
from tests.torture.lives import ForkedLives, wait_until

_LOOK_EVERY: Final = 20
"""Lives between two looks at the store that nobody uses, and at whether the Server has jobs enough."""

_IDLE: Final = 2.0
"""Seconds that a Manager lives at the most, should nobody ask it anything."""

_START: Final = 120.0
"""Seconds that a Manager may need until it serves; the machine may be frozen for a part of them."""

_SPEED: Final = 60.0

_ACTS: Final = ("cancel", "requeue", "log", "log", "priority")
_FAULTS: Final = ("lose", "refuse", "slow")


@define(eq=False, kw_only=True)
class Forks:
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
    _farm: Farm = field(init=False)
    _lives: ForkedLives = field(init=False)
    _starting: float = field(init=False, default=0.05)

    def run(self) -> Iterator[str]:
        """Torture, let the farm come to rest, and yield what does not agree; `Wrong` if it does not get so far."""
        self._farm = Farm(directory=self.directory, seed=self.seed, speed=_SPEED)
        self._lives = ForkedLives(directory=self._farm.home())
        try:
            self._farm.open(self.tasks)
            self._torture(monotonic() + self.seconds)
            self._lives.start()
            yield from self._farm.ended([self._lives], self.done)
        finally:
            self._farm.kill([self._lives])

    def _torture(self, limit: float) -> None:
        chance = self._farm.chance
        while self.done["SIGKILL of a forked Manager"] < self.kills and monotonic() < limit:
            self._lives.start()
            self._disturb(chance)
            self._live(chance)
            how = self._lives.ended()
            if how is not None:
                raise Wrong(f"the Manager has ended by itself, {how}; see {self._farm.home()}/manager.log")
            self.done["of these while it started"] += not self._lives.is_ready
            self._lives.kill()
            self.done["SIGKILL of a forked Manager"] += 1
            if not self.done["SIGKILL of a forked Manager"] % _LOOK_EVERY:
                self._look()

    def _live(self, chance: Random) -> None:
        """
        Let a Manager live: often just a part of its start, mostly for some requests, at times for a checkpoint.

        After how many it dies is chosen, and not when: so on a busy machine lives are longer, and as full.
        """
        began, kind = monotonic(), chance.random()
        if kind < 0.25:
            sleep(chance.uniform(0.0, self._starting))
            return
        if not wait_until(lambda: self._lives.is_ready or self._lives.ended() is not None, _START, 0.001):
            raise Wrong(f"the Manager does not begin to serve; see {self._farm.home()}/manager.log")
        self._starting += (min(monotonic() - began, 1.0) - self._starting) / 10
        requests = self._lives.requests + chance.randrange(12)
        _ = wait_until(lambda: self._lives.requests >= requests, _IDLE, 0.001)
        self.done["requests between starts and kills"] += self._lives.requests
        sleep(chance.uniform(0.0, 0.006) if kind < 0.98 else chance.uniform(0.2, 1.5))

    def _disturb(self, chance: Random) -> None:
        """Have something happen while the Manager lives, or just before."""
        if chance.random() < 0.12:
            what = chance.choice(_ACTS)
            if self._farm.server.ask("act", what):
                self.done[f"users' {what}"] += 1
        elif chance.random() < 0.04:
            self.done[f"the Server's {self._farm.chance.choice(_FAULTS)}"] += 1
            self._farm.server.ask("misbehave", self._farm.chance.choice(_FAULTS))
        elif chance.random() < 0.02:
            self._farm.workforce[0].ask("replace", chance.randrange(100))
            self.done["deaths of a Worker"] += 1

    def _look(self) -> None:
        found = list(damages(self.directory / "db"))
        if found:
            raise Wrong(f"after life {self.done['SIGKILL of a forked Manager']}: {'; '.join(found)}")
        self.done["looks at the store"] += 1
        self._farm.server.ask("jobs", self.tasks)
