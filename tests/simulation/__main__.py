"""``python -m tests.simulation``: simulates farms from seeds."""

import argparse
import sys
from collections.abc import Sequence

from tests.simulation.many import ManySeeds, be_silent, cores
from tests.simulation.running import simulate
from tests.simulation.shrinking import shortest


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; return the process's status, 0 only if nothing was violated."""
    options = _parser().parse_args(arguments)
    be_silent()
    if options.seed is None:
        many = ManySeeds(options.first, options.processes or cores(), _say)
        many.go_on(options.seconds if options.count is None else None, options.count)
        for line in many.report():
            _say(line)
        return bool(many.failed)
    faults = _faults(options.faults)
    if options.shrink:
        return _shrink(options.seed, faults, options.steps)
    result = simulate(options.seed, faults=faults, steps=options.steps, show=_say)
    return bool(result.violations)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    one = parser.add_argument_group("one seed")
    one.add_argument("--seed", type=int, help="the seed; the same one gives the same trace")
    one.add_argument("--steps", type=int, help="seconds of the farm after which to stop; to the end if not given")
    one.add_argument("--faults", default="all", help="all, none, or the numbers of those of its faults that happen")
    one.add_argument("--shrink", action="store_true", help="find the fewest faults with which the seed fails")
    many = parser.add_argument_group("many seeds")
    many.add_argument("--seconds", type=float, default=60.0, help="begin no seed after so long")
    many.add_argument("--count", type=int, help="simulate so many seeds, however long it takes")
    many.add_argument("--first", type=int, default=1, help="the first seed")
    many.add_argument("--processes", type=int, help="how many at a time; as many as there are cores if not given")
    return parser


def _faults(text: str) -> Sequence[int] | None:
    if text == "all":
        return None
    return [] if text == "none" else [int(number) for number in text.split(",")]


def _shrink(seed: int, faults: Sequence[int] | None, steps: int | None) -> int:
    result = simulate(seed, faults=faults, steps=steps)
    if not result.violations:
        _say(f"seed {seed} does not fail")
        return 0

    def fails(fewer: Sequence[int]) -> bool:
        again = bool(simulate(seed, faults=fewer, steps=steps).violations)
        _say(f"{len(fewer)} faults: {'fails' if again else 'does not fail'}")
        return again

    left = shortest([fault.number for fault in result.faults], fails)
    shown = ",".join(map(str, left)) or "none"
    for line in simulate(seed, faults=left, steps=steps).lines:
        _say(line)
    _say(f"python -m tests.simulation --seed {seed} --faults {shown}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
