"""
Fuzzes every target, or one, and adds up what was done.

``python -m tests.fuzz [--target NAME] [--inputs N | --seconds S] [--jobs J] [--seed N] [--work DIRECTORY]
[--by-chance] [--list]``.
What reached something new is in the work directory, and the next run goes on from there; a run that was ended loses
only itself. The exit status is 0 only if nothing was found; what was is in ``findings/`` there.
"""

import argparse
import json
import os
import secrets
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from tests.fuzz.engines import Outcome, Task, as_line, is_guided, run
from tests.fuzz.targets import ALL

_SECONDS = 10.0
"""Of each target, unless it is said otherwise."""

_LOG = "runs.jsonl"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz what reads strangers' bytes.")
    parser.add_argument(
        "--target", action="append", choices=sorted(ALL), metavar="NAME", help="only this one; repeatable"
    )
    bound = parser.add_mutually_exclusive_group()
    bound.add_argument("--inputs", type=int, default=0, metavar="N", help="so many inputs of each target")
    bound.add_argument("--seconds", type=float, default=0, metavar="S", help=f"so long for each, else {_SECONDS:g}")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="J", help="so many at once")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="else one by chance")
    parser.add_argument("--work", type=Path, default=Path("fuzz-run"), metavar="DIRECTORY", help="where all of it goes")
    parser.add_argument("--by-chance", action="store_true", help="do without guidance, which takes long to begin")
    parser.add_argument("--list", action="store_true", help="name the targets")
    return parser.parse_args()


def main() -> int:
    """Do what the command line says."""
    given = _arguments()
    if given.list:
        _say(*ALL)
        return 0
    work: Path = given.work.absolute()
    work.mkdir(parents=True, exist_ok=True)
    seed = given.seed or secrets.randbelow(1 << 31) + 1
    seconds = given.seconds if given.seconds or given.inputs else _SECONDS
    guided = is_guided() and not given.by_chance
    _say(f"seed {seed}; {'guided by what is covered' if guided else 'by chance alone'}")
    tasks = [
        Task(target=name, inputs=given.inputs, seconds=seconds, seed=seed, work=work, guided=guided)
        for name in given.target or ALL
    ]
    found = False
    with ThreadPoolExecutor(given.jobs) as pool:
        for done in as_completed([pool.submit(run, task) for task in tasks]):
            outcome = done.result()
            found = found or bool(outcome.trouble)
            with (work / _LOG).open("a", encoding="utf-8") as log:
                log.write(f"{as_line(outcome)}\n")
            _tell(outcome)
    _say(*_totals(work / _LOG))
    return int(found)


def _tell(outcome: Outcome) -> None:
    _say(f"{outcome.target:<24} {outcome.inputs:>12,} inputs {outcome.seconds:>8.1f} s")
    if outcome.trouble:
        _say(f"FOUND, with seed {outcome.seed}:", outcome.trouble)


def _totals(log: Path) -> Iterable[str]:
    runs = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    yield f"{sum(one['inputs'] for one in runs):,} inputs in {len(runs)} runs so far, all told ({log.name})"


def _say(*lines: str) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
