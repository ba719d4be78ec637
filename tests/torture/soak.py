"""
A long quiet time: many Workers and one Manager, whose memory, descriptors, log and tables are looked at every second.

What is seen is written as JSON, with the slope of each line after the first minutes, and drawn if matplotlib is there.
"""

import json
import resource
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from statistics import linear_regression
from time import monotonic, sleep
from typing import Any, Final

from attrs import define, field

from flamenco_mgr.store.sqlite.opening import FILE
from tests.torture.farm import Farm, Wrong
from tests.torture.lives import TwistdLives, wait_until
from tests.torture.report import machine
from tests.torture.troubles import answers

WORKERS: Final = 500
CREWS: Final = 2
_SPEED: Final = 1.0
_TASKS: Final = 2000
_SETTLED_AFTER: Final = 600.0
"""Seconds until nothing should grow any more."""

_KEPT: Final = {"task_cleanup_max_age": "2m", "event_log_max_age": "2m"}
"""For how long what is over is kept, so that what comes and what goes are soon as much."""

_EVERY: Final = 1.0

_LINES: Final = ("rss_mb", "descriptors", "wal_mb", "database_mb", "tasks", "updates", "events", "answers_per_s")


@define(eq=False, kw_only=True)
class Soak:
    """A farm that nobody disturbs for ``seconds``; ``samples`` is what was seen."""

    directory: Path
    seconds: float
    workers: int = WORKERS
    samples: list[dict[str, float]] = field(init=False, factory=list)
    _answered: tuple[float, int] = field(init=False, default=(0.0, 0))

    def run(self) -> Mapping[str, Any]:
        """Let it work, and return what was seen, and where it tends to; raises `Wrong` if the farm does not."""
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        farm = Farm(
            directory=self.directory,
            seed="soak",
            speed=_SPEED,
            workers=self.workers,
            crews=CREWS,
            saves=False,
            settings=_KEPT,
        )
        life = TwistdLives(directory=farm.home())
        try:
            life.start()
            farm.open(_TASKS)
            if not wait_until(lambda: answers(farm.urls[0]), 120.0):
                raise Wrong("the Manager does not serve")
            self._watch(farm, life)
            farm.close([life])
        finally:
            farm.kill([life])
        return {
            "machine": machine(),
            "workers": self.workers,
            "seconds": self.seconds,
            "settled_after": self._settled(),
            "slopes_per_hour": self._slopes(),
            "samples": self.samples,
        }

    def _watch(self, farm: Farm, life: TwistdLives) -> None:
        began = monotonic()
        while monotonic() - began < self.seconds:
            how = life.ended()
            if how is not None:
                raise Wrong(f"the Manager has ended by itself, {how}")
            self.samples.append({"at": monotonic() - began, **self._look(farm, life)})
            farm.server.ask("jobs", _TASKS)
            sleep(_EVERY)

    def _look(self, farm: Farm, life: TwistdLives) -> Mapping[str, float]:
        process = Path(f"/proc/{life.pid}")
        words = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
        path = self.directory / "db" / FILE
        wal = path.with_name(f"{FILE}-wal")
        before, self._answered = (
            self._answered,
            (monotonic(), sum(crew.ask("sight")["answers"] for crew in farm.workforce)),
        )
        return {
            "rss_mb": int(words["VmRSS"].split()[0]) / 1024,
            "descriptors": len(list((process / "fd").iterdir())),
            "wal_mb": wal.stat().st_size / (1 << 20) if wal.exists() else 0.0,
            "database_mb": path.stat().st_size / (1 << 20),
            "answers_per_s": (self._answered[1] - before[1]) / (self._answered[0] - before[0]),
            **dict(_rows(path)),
        }

    def _settled(self) -> float:
        return min(_SETTLED_AFTER, self.seconds / 2)

    def _slopes(self) -> Mapping[str, float]:
        late = [sample for sample in self.samples if sample["at"] >= self._settled()]
        return {line: round(_slope(late, line) * 3600, 3) for line in _LINES} if len(late) > 1 else {}


def _rows(path: Path) -> Iterator[tuple[str, float]]:
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
        for table in ("tasks", "updates", "events"):
            yield table, connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 from above


def _slope(samples: Sequence[Mapping[str, float]], line: str) -> float:
    return linear_regression([sample["at"] for sample in samples], [sample[line] for sample in samples]).slope


def write(seen: Mapping[str, Any], path: Path) -> str:
    """Write what was seen as JSON, and draw it beside that; return what to tell of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(seen, indent=1) + "\n")
    return (
        f"{path}{_drawn(seen, path.with_suffix('.svg'))}\nper hour, after {seen['settled_after']:.0f} s: "
        + ", ".join(f"{line} {slope:+g}" for line, slope in seen["slopes_per_hour"].items())
    )


def _drawn(seen: Mapping[str, Any], path: Path) -> str:
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 it may not be there
    except ImportError:
        return ", not drawn, as there is no matplotlib"
    figure = Figure(figsize=(9, 12), layout="constrained")
    places: Any = figure.subplots(len(_LINES), sharex=True)
    minutes = [sample["at"] / 60 for sample in seen["samples"]]
    for place, line in zip(places, _LINES, strict=True):
        place.plot(minutes, [sample[line] for sample in seen["samples"]], linewidth=0.8)
        place.axvline(seen["settled_after"] / 60, color="grey", linestyle=":")
        place.set_ylabel(line)
        place.set_ylim(bottom=0)
    places[-1].set_xlabel(f"minutes; {seen['workers']} Workers, {seen['machine']}")
    figure.savefig(path)
    return f", drawn in {path}"
