"""Two Managers as twistd processes on one database, whose server is killed as well."""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from attrs import define, field

from tests.mongo.server import MISSING, StandIn
from tests.torture.clock_jump import JumpingClock
from tests.torture.farm import STOPPED_FOR, Farm, Wrong
from tests.torture.lives import TwistdLives, wait_until
from tests.torture.troubles import Troubles, answers

_SPEED: Final = 25.0

KILLS: Final = "SIGKILL of a twistd Manager"


@define(eq=False, kw_only=True)
class OnMongoDB:
    """A farm on the stand-in for MongoDB, in a file; see `Whole`."""

    directory: Path
    seed: str
    kills: int
    seconds: float
    tasks: int = 100
    done: Counter[str] = field(init=False, factory=Counter)
    _server: StandIn = field(init=False)

    def run(self) -> Iterator[str]:
        """Torture, let the farm come to rest, and yield what does not agree; `Wrong` if it does not get so far."""
        if MISSING:
            raise Wrong(MISSING)
        self.directory.mkdir(parents=True)
        self._server = StandIn.start(file=self.directory / "mongo.file")
        database = {"database_url": self._server.url("torture")}
        farm = Farm(directory=self.directory, seed=self.seed, speed=_SPEED, crews=2, managers=2, database=database)
        clock = JumpingClock(directory=self.directory)
        lives = [TwistdLives(directory=farm.home(number), environment=clock.environment) for number in (1, 2)]
        troubles = Troubles(farm=farm, lives=lives, clock=clock, done=self.done)
        try:
            farm.open(self.tasks)
            self._torture(farm, troubles, monotonic() + self.seconds)
            troubles.serve_all()
            yield from farm.ended(lives, self.done)
        finally:
            farm.kill(lives)
            self._server.kill()

    def _torture(self, farm: Farm, troubles: Troubles, limit: float) -> None:
        paused = False
        troubles.serve_all()
        while self.done[KILLS] < self.kills and monotonic() < limit:
            if not paused and self.done[KILLS] >= self.kills / 2:
                troubles.paused()
                self._pause_database()
                paused = True
            if farm.chance.random() < 0.25:
                troubles.serve_all()
                sleep(farm.chance.uniform(0.0, 0.5))
                self._kill_database(farm.chance.uniform(0.0, 2.0))
            else:
                troubles.happen()
            farm.server.ask("jobs", self.tasks)
        wait_until(lambda: all(answers(url) for url in farm.urls), 1.0)

    def _kill_database(self, seconds: float) -> None:
        ports = self._server.ports
        self._server.kill()
        self.done["SIGKILL of the database"] += 1
        sleep(seconds)
        self._server = StandIn.start(*ports, file=self.directory / "mongo.file")

    def _pause_database(self) -> None:
        os.kill(self._server.pid, signal.SIGSTOP)
        sleep(STOPPED_FOR)
        os.kill(self._server.pid, signal.SIGCONT)
        self.done["SIGSTOP of the database"] += 1
