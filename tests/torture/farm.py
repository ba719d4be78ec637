"""A farm that is tortured: its processes, its directory, and its end."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from time import sleep
from typing import Any

import yaml
from attrs import Factory, define, field

from flamenco_mgr.demo.configuration import VARIABLES, manager_yaml
from flamenco_mgr.demo.managers import HERE, free_port
from tests.torture.lives import Lives, wait_until
from tests.torture.talk import CHECKOUT, NoAnswer, Servant

STOPPED_FOR = 8.0
"""Seconds for which a process is paused: longer than any time limit of the farm but those of the next start."""

_LIMITS: Mapping[str, str] = {"active_worker_timeout_interval": "5s", "active_task_timeout_interval": "6s"}

_AT_REST = 4
"""Looks at which nobody has anything left to do, one after the other: then the farm is at rest."""

_TURNS = 600
"""
Half seconds in which a farm that nobody tortures must come to rest.

They are counted, and not measured: when the whole machine is paused for a while, nothing happens meanwhile.
"""


class Wrong(Exception):
    """Something is not as it must be."""


@define(eq=False, kw_only=True)
class Farm:
    """
    One farm below a directory: a Server, crews of Workers, and as many Managers as ``urls``, not started yet.

    ``speed`` is how much faster than real ones its Workers live; ``saves`` whether the Server may be killed.
    ``settings`` are further ones of the Managers.
    """

    directory: Path
    seed: str
    speed: float
    workers: int = 8
    crews: int = 1
    managers: int = 1
    saves: bool = True
    settings: Mapping[str, str] = field(factory=dict)
    database: Mapping[str, str] = field()
    chance: Random = field(init=False, default=Factory(lambda self: Random(self.seed), takes_self=True))
    urls: Sequence[str] = field(init=False)
    server: Servant = field(init=False)
    workforce: Sequence[Servant] = field(init=False)

    @database.default
    def _embedded(self) -> Mapping[str, str]:
        return {"database_path": str(self.directory / "db")}

    def __attrs_post_init__(self) -> None:
        port = free_port()
        self.urls = [self._configured(number, f"http://{HERE}:{port}/") for number in range(1, self.managers + 1)]
        self.server = Servant(
            module="tests.torture.server_process",
            arguments=[str(self.directory), str(port), self.seed, str(int(self.saves))],
            errors=self.directory / "server.log",
        )
        words = [str(self.directory), str(self.workers // self.crews), str(self.speed)]
        self.workforce = [
            Servant(
                module="tests.torture.crew_process",
                arguments=[*words, str(self.chance.getrandbits(30)), *self.urls],
                errors=self.directory / f"crew-{number}.log",
            )
            for number in range(1, self.crews + 1)
        ]

    def home(self, number: int = 1) -> Path:
        """Return the run directory of a Manager."""
        return self.directory / f"manager-{number}"

    def _configured(self, number: int, server_url: str) -> str:
        home, port = self.home(number), free_port()
        home.mkdir(parents=True)
        text = manager_yaml(
            server_url=server_url,
            manager_port=port,
            database=self.database,
            task_logs=self.directory / "task-logs",
            variables=VARIABLES,
        )
        path = home / "manager.yaml"
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump({**yaml.safe_load(text), **_LIMITS, **self.settings}, sort_keys=False))
        return f"http://{HERE}:{port}/"

    def open(self, tasks: int) -> None:
        """Start everything but the Managers."""
        self.server.start()
        self.server.ask("jobs", tasks)
        for crew in self.workforce:
            crew.start()
            crew.ask("start")

    def sight(self) -> dict[str, int]:
        """Return how much is left to do."""
        seen: dict[str, int] = self.server.ask("sight")
        for crew in self.workforce:
            for what, count in crew.ask("sight").items():
                seen[what] = seen.get(what, 0) + count
        return seen

    def ended(self, lives: Sequence[Lives], done: Counter[str]) -> Iterator[str]:
        """Let the farm come to its end, yield what does not agree, and add the figures of what was compared."""
        self._drain(lives)
        self.close(lives)
        self.server.kill()
        found, figures = self._compared()
        done.update(figures)
        yield from found

    def _drain(self, lives: Sequence[Lives]) -> None:
        """Let the farm come to its end, with Managers that run; raises `Wrong` if it comes to none."""
        rest = 0
        seen: dict[str, int] = {}
        for _ in range(_TURNS):
            for number, life in enumerate(lives, 1):
                how = life.ended()
                if how is not None:
                    raise Wrong(f"Manager {number} has ended by itself, {how}; see {self.home(number)}/manager.log")
            self.server.ask("calm")
            seen = self.sight()
            left = ("unfinished", "uncompleted", "logs", "busy", "unsent")
            rest = 0 if any(seen[what] for what in left) else rest + 1
            if rest == _AT_REST:
                return
            sleep(0.5)
        raise Wrong(f"the farm does not come to rest: {seen}")

    def close(self, lives: Sequence[Lives]) -> None:
        """End all in order, and write down what the Workers did; raises `Wrong` if something does not end well."""
        for crew in self.workforce:
            crew.ask("dismiss")
        if not wait_until(lambda: all(crew.ask("gone") for crew in self.workforce), _TURNS / 2):
            raise Wrong("the Workers do not sign off")
        for number, crew in enumerate(self.workforce, 1):
            crew.ask("save", str(self.directory / f"crew-{number}.pickle"))
        for number, life in enumerate(lives, 1):
            how = life.stop()
            if how:
                raise Wrong(f"Manager {number} was asked to stop, and ended {how}; see {self.home(number)}/manager.log")

    def _compared(self) -> tuple[list[str], Mapping[str, int]]:
        """Return what does not agree, and the figures of what was compared."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.torture.checking", str(self.directory)],
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Wrong(f"the books cannot be compared: {done.stderr.strip()}")
        *lines, last = done.stdout.splitlines()
        figures: Any = json.loads(last)
        return lines, figures

    def kill(self, lives: Sequence[Lives] = ()) -> None:
        """End whatever is left."""
        for servant in (*self.workforce, self.server):
            servant.kill()
        for life in lives:
            life.kill()


__all__ = ["Farm", "NoAnswer", "Wrong"]
