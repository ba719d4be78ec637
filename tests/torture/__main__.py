"""
Real processes, really killed: ``python -m tests.torture`` tortures farms until so many kills or seconds are over.

It ends with 1 if anything that was acknowledged is lost, a task was in two hands, or books do not agree. It says with
which seed, and leaves the files. ``--log`` adds the run to docs/reliability.md.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from time import monotonic

from tests.torture import report
from tests.torture.farm import NoAnswer, Wrong
from tests.torture.rounds import KINDS, Order, Result
from tests.torture.soak import WORKERS, Soak, write

_SECONDS = 840.0
"""Seconds of torture, unless told otherwise: with what farms then need to come to rest, less than 20 minutes."""


def main(words: Sequence[str]) -> int:
    """Torture, and return the exit status."""
    asked = _asked(words)
    if asked.soak is not None:
        return _soak(asked.soak, asked.workers)
    began = monotonic()
    directory = asked.directory or Path(mkdtemp(prefix="torture-"))
    order = Order(
        kinds=asked.kind or ["forks", "whole"],
        seed=report.next_seed() if asked.seed is None else asked.seed,
        kills=asked.kills,
        seconds=asked.seconds,
        directory=directory,
        farms=asked.farms,
        tasks=asked.tasks,
        keep=asked.keep,
    )
    say(f"Seed {order.seed}; {order.farms} farm(s) at once, each with {', '.join(order.kinds)} in turn")
    done: Counter[str] = Counter()
    wrong = 0
    for result in order.results():
        _tell(result)
        done.update(result.done)
        wrong += len(result.wrong)
    run = report.Run(
        seed=order.seed,
        date=f"{datetime.now(timezone.utc):%Y-%m-%d}",
        seconds=monotonic() - began,
        done=done,
        violations=wrong,
    )
    for what, count in sorted(done.items()):
        say(f"{count:8}  {what}")
    kills = sum(count for what, count in done.items() if what.startswith("SIGKILL"))
    say(f"{kills} SIGKILLs in {run.seconds:.0f} s; {wrong} violations")
    if asked.log:
        report.record(run)
    if not wrong and not asked.keep and asked.directory is None:
        directory.rmdir()
    return bool(wrong) or not done


def _soak(minutes: float, workers: int) -> int:
    with TemporaryDirectory(prefix="soak-") as directory:
        soak = Soak(directory=Path(directory), seconds=60 * minutes, workers=workers)
        try:
            seen = soak.run()
        except (Wrong, NoAnswer) as e:
            say(str(e))
            return 1
    say(write(seen, report.LOG.parent / "reliability" / "soak.json"))
    return 0


def _asked(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=(__doc__ or "").strip())
    parser.add_argument("--kind", action="append", choices=[*KINDS], help="only rounds of this kind; may be repeated")
    parser.add_argument("--kills", type=int, help="kills of Managers on each farm (default: as many as fit)")
    parser.add_argument("--seconds", type=float, default=_SECONDS, help="seconds of torture (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="the seed of everything that is chosen (default: a new one)")
    parser.add_argument("--farms", type=int, default=2, help="farms at the same time (default: %(default)s)")
    parser.add_argument("--directory", type=Path, help="where the files of farms are made, and stay if one fails")
    parser.add_argument("--tasks", type=int, help="tasks that a farm has to do at any time")
    parser.add_argument("--keep", action="store_true", help="leave the files of farms though nothing is wrong")
    parser.add_argument("--log", action="store_true", help="add the run to docs/reliability.md")
    parser.add_argument(
        "--soak", type=float, nargs="?", const=30.0, metavar="MINUTES", help="do no harm for so long, and watch (30)"
    )
    parser.add_argument("--workers", type=int, default=WORKERS, help="Workers of a soak (default: %(default)s)")
    return parser.parse_args(words)


def _tell(result: Result) -> None:
    kills = sum(count for what, count in result.done.items() if what.startswith("SIGKILL"))
    say(f"{result.kind} {result.seed}: {kills} SIGKILLs in {result.seconds:.0f} s; {len(result.wrong)} violations")
    for line in result.wrong:
        say(f"    {line}")
    if result.wrong:
        say(f"    The files are in {result.directory}; the logs there are what to look at first")
        number, _, _ = result.seed.partition("/")
        say(f"    To try again: python -m tests.torture --kind {result.kind} --seed {number}")


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
