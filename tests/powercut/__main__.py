"""Cuts the power of stores that are at work, many times: ``python -m tests.powercut --seed N --cuts 1000``."""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

from attrs import define, field

from tests.powercut.cutting import Cut, Cutting, the_log
from tests.powercut.disk import never
from tests.powercut.leaving import Fate
from tests.powercut.recording import built, compiler
from tests.powercut.scenarios import SCENARIOS, Bench, Scenario

_TELL_EVERY = 100
_MOST_TOLD = 3
"""Complaints about one cut: after a great loss there are hundreds."""


def tell(text: str) -> None:
    """Print a line."""
    print(text, flush=True)  # noqa: T201 what it is for


@define(eq=False)
class Tally:
    """Counts what was cut, and how."""

    cuts: int = field(init=False, default=0)
    wrong: int = field(init=False, default=0)
    fates: Counter[Fate] = field(init=False, factory=Counter)
    during: Counter[str] = field(init=False, factory=Counter)

    def add(self, cut: Cut) -> None:
        """Count a cut."""
        self.cuts += 1
        self.wrong += bool(cut.complaints)
        self.fates[cut.fate] += 1
        self.during[cut.during] += 1


def shares(cuts: int) -> dict[str, int]:
    """Return how many cuts each scenario has of so many."""
    counts = {scenario.name: cuts * scenario.share // 100 for scenario in SCENARIOS}
    counts[SCENARIOS[0].name] += cuts - sum(counts.values())
    return counts


def run(bench: Bench, scenario: Scenario, count: int, seed: int, *, lying: bool) -> Tally:
    """Cut so many times, and print what is wrong."""
    recording, verdict = scenario.make(bench)
    cutting = Cutting(
        recording=recording, verdict=verdict, scratch=bench.directory, ignores=the_log if lying else never
    )
    chance = Random(f"{seed}/{scenario.name}")
    instants = cutting.instants(count, chance)
    tell(f"{scenario.name}: {count} cuts of {len(recording.records):,} records")
    tally = Tally()
    for cut in cutting.cuts(instants, chance):
        tally.add(cut)
        for complaint in cut.complaints[:_MOST_TOLD]:
            tell(f"  WRONG after record {cut.at} ({cut.during}; {cut.fate}): {complaint}")
        if tally.cuts % _TELL_EVERY == 0:
            tell(f"  {tally.cuts} cuts, {tally.wrong} wrong")
    for during, times in tally.during.most_common():
        tell(f"  {times:5} {during}")
    return tally


def main(arguments: Sequence[str]) -> int:
    """Cut, print a summary, and return what the process ends with."""
    parser = argparse.ArgumentParser(prog="python -m tests.powercut", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cuts", type=int, default=1000)
    parser.add_argument("--answers", type=int, default=300, help="requests that a recorded farm answers, twice")
    parser.add_argument("--directory", type=Path, help="keep the recordings here, or use those that are here")
    parser.add_argument("--lying", action="store_true", help="let the disk ignore the syncs of logs: this must fail")
    given = parser.parse_args(arguments)
    if compiler() is None:
        tell("There is no C compiler (cc): nothing can be recorded")
        return 2
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="powercut-", dir=_quick_directory()) as temporary:
        directory = (given.directory or Path(temporary)).absolute()
        directory.mkdir(exist_ok=True)
        bench = Bench(directory=directory, library=built(directory), seed=given.seed, answers=given.answers)
        tallies = {
            scenario.name: run(bench, scenario, count, given.seed, lying=given.lying)
            for scenario, count in zip(SCENARIOS, shares(given.cuts).values(), strict=True)
        }
    fates = sum((tally.fates for tally in tallies.values()), Counter[Fate]())
    for name, tally in tallies.items():
        tell(f"{tally.cuts:6} cuts, {tally.wrong:4} wrong: {name}")
    for fate, times in fates.most_common():
        tell(f"{times:6} cuts: of what was not synced, {fate}")
    cuts, wrong = (sum(getattr(tally, one) for tally in tallies.values()) for one in ("cuts", "wrong"))
    tell(f"seed {given.seed}: {cuts} power cuts, {wrong} wrong, {time.monotonic() - began:.0f} s")
    return 1 if wrong else 0


def _quick_directory() -> Path | None:
    """Return where files are in memory, as what is written here need not be synced."""
    memory = Path("/dev/shm")  # noqa: S108
    return memory if memory.is_dir() else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
