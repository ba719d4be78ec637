"""``python -m bench``: how fast the Manager is, next to what it is compared with, on this machine and in one run."""

import argparse
import fcntl
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.figures import claims, costs, depsgraph, mix, silent, slow_disk, start, thousand
from bench.machine import about, idle
from bench.results import Row, all_met, as_markdown, as_text
from bench.surroundings import Surroundings

FIGURES: Mapping[str, Callable[[Surroundings], Sequence[Row]]] = {
    "start": start.measure,
    "claims": claims.measure,
    "mix": mix.measure,
    "costs": costs.measure,
    "silent": silent.measure,
    "thousand": thousand.measure,
    "depsgraph": depsgraph.measure,
    "slow-disk": slow_disk.measure,
}

QUIET = 0.9
"""The share of processor time that has to be unused for figures to be worth keeping."""

RESULTS = Path(__file__).with_name("RESULTS.md")


def main() -> int:
    """Measure what the command line asks for; the exit status is 0 if every target is met."""
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended as well
    unknown = set(options.only) - set(FIGURES)
    if unknown:
        raise SystemExit(f"no such figure: {', '.join(sorted(unknown))}; there are {', '.join(FIGURES)}")
    alone = (_place() / "lock").open("w")
    try:
        fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit("another run is in progress here; both would measure each other") from None
    idle_before = idle()
    if idle_before < QUIET:
        print(f"the machine is only {idle_before:.0%} idle: what is measured will be too slow", file=sys.stderr)
    directory = (options.directory or Path(tempfile.mkdtemp(prefix="run-", dir=_place()))).resolve()
    around = Surroundings(directory=directory, quick=options.quick, profile=options.profile)
    began = time.monotonic()
    rows: list[Row] = []
    for name, measure in FIGURES.items():
        if not options.only or name in options.only:
            print(f"{name} …", file=sys.stderr, flush=True)
            around.tidy()  # also what a run left that broke off
            rows += measure(around)
    around.tidy()
    text = about(" ".join(["python -m bench", *sys.argv[1:]]), time.monotonic() - began, idle_before, directory)
    if options.directory is None:  # what went wrong would still be there to be looked at
        shutil.rmtree(directory)
    print(as_text(rows))
    output = options.output or (None if options.only or options.quick else RESULTS)
    if output is not None:
        output.write_text(f"# Benchmarks\n\n{text}\n{as_markdown(rows)}")
    return 0 if all_met(rows) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--only", type=lambda names: names.split(","), default=[], help="figures: " + ", ".join(FIGURES)
    )
    parser.add_argument("--quick", action="store_true", help="shorter and smaller; for a look, not for a comparison")
    parser.add_argument("--output", type=Path, help="the file for the table; bench/RESULTS.md after a complete run")
    parser.add_argument("--directory", type=Path, help="work there, and keep and reuse its filled stores")
    parser.add_argument("--profile", type=Path, help="run Managers under cProfile, and put the statistics there")
    return parser


def _place() -> Path:
    place = Path.cwd() / "bench-run"
    place.mkdir(exist_ok=True)
    return place


if __name__ == "__main__":
    sys.exit(main())
