"""Rounds of torture, several farms at once, each in a process of its own that has everything loaded."""

import json
import os
import select
import shutil
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import monotonic
from typing import Any, Final, Protocol

from attrs import asdict, field, frozen

from tests.torture.farm import NoAnswer, Wrong
from tests.torture.forks import Forks
from tests.torture.on_mongodb import OnMongoDB
from tests.torture.whole import Whole


class Torture(Protocol):
    """One farm that is tortured once."""

    @property
    def done(self) -> dict[str, int]:
        """What was done to it, counted."""

    def run(self) -> Iterator[str]:
        """Torture it and yield what does not agree."""


KINDS: Final[dict[str, Callable[..., Any]]] = {"forks": Forks, "whole": Whole, "mongodb": OnMongoDB}

KILLS: Final = {"forks": 400, "whole": 30, "mongodb": 12}
"""Kills of a round, unless told otherwise."""

_LONGEST: Final = 400.0
"""Seconds of a round until its farm is left in peace."""

_NOT_WORTH_IT: Final = 20.0
"""Seconds that are too few for another round."""


@frozen(kw_only=True)
class Result:
    """What a round has come to; ``wrong`` says what does not agree, ``directory`` has its files then."""

    kind: str
    seed: str
    seconds: float
    directory: str
    done: dict[str, int] = field(factory=dict)
    wrong: Sequence[str] = ()


@frozen(kw_only=True)
class Order:
    """
    What is to be done: rounds of these kinds in turn, until ``kills`` or ``seconds`` are used up.

    ``tasks`` is how many a farm has to do at any time; with ``keep`` the files stay though all is well.
    """

    kinds: Sequence[str]
    seed: int
    kills: int | None
    seconds: float
    directory: Path
    farms: int = 1
    tasks: int | None = None
    keep: bool = False

    def results(self) -> Iterator[Result]:
        """Yield the rounds as they come to their ends, of all farms."""
        pipes = {}
        for farm in range(self.farms):
            reading, writing = os.pipe()
            if not os.fork():
                os.close(reading)
                self._serve(farm, writing)
            os.close(writing)
            pipes[reading] = bytearray()
        while pipes:
            for pipe in select.select(list(pipes), [], [])[0]:
                new = os.read(pipe, 1 << 16)
                pipes[pipe] += new
                *lines, rest = bytes(pipes[pipe]).split(b"\n")
                pipes[pipe][:] = rest
                yield from (Result(**json.loads(line)) for line in lines)
                if not new:
                    os.close(pipe)
                    del pipes[pipe]
                    os.wait()

    def _serve(self, farm: int, writing: int) -> None:
        status = 1
        try:
            for result in self._rounds(farm):
                os.write(writing, json.dumps(asdict(result)).encode() + b"\n")
            status = 0
        finally:
            os._exit(status)

    def _rounds(self, farm: int) -> Iterator[Result]:
        limit, left = monotonic() + self.seconds, self.kills
        for number in range(1 << 30):
            seconds = limit - monotonic()
            if seconds < (_NOT_WORTH_IT if number else 0) or left == 0:
                return
            kind = self.kinds[(number + farm) % len(self.kinds)]
            kills = KILLS[kind] if left is None else min(left, KILLS[kind])
            left = None if left is None else left - kills
            yield self._round(kind, f"{self.seed}/{farm}/{number}", kills, min(seconds, _LONGEST))

    def _round(self, kind: str, seed: str, kills: int, seconds: float) -> Result:
        directory = self.directory / f"{kind}-{seed.replace('/', '-')}"
        began = monotonic()
        more = {} if self.tasks is None else {"tasks": self.tasks}
        torture = KINDS[kind](directory=directory, seed=seed, kills=kills, seconds=seconds, **more)
        try:
            wrong = list(torture.run())
        except (Wrong, NoAnswer) as e:
            wrong = [str(e)]
        except Exception as e:  # noqa: BLE001 a farm that the harness itself has broken is no farm that is well
            traceback.print_exc()
            wrong = [f"the torture broke off: {e!r}"]
        if not wrong and not self.keep:
            shutil.rmtree(directory)
        return Result(
            kind=kind,
            seed=seed,
            seconds=monotonic() - began,
            directory=str(directory),
            done=dict(torture.done),
            wrong=wrong,
        )
