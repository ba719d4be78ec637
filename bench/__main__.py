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

from bench.databases import Databases
from bench.figures import (
    backup,
    claims,
    costs,
    depsgraph,
    mix,
    mongodb_claims,
    mongodb_commands,
    mongodb_costs,
    mongodb_gone,
    mongodb_managers,
    mongodb_mix,
    mongodb_takeover,
    pages,
    silent,
    slow_disk,
    start,
    stranded,
    thousand,
    upkeep,
)
from bench.machine import about, idle
from bench.results import Row, all_met, as_markdown, as_text
from bench.surroundings import Surroundings
from flamenco_mgr.store.interfaces import StoreRefused
from flamenco_mgr.store.mongo.uri import MongoAddress

Figures = Mapping[str, Callable[[Surroundings], Sequence[Row]]]

FIGURES: Figures = {
    "start": start.measure,
    "claims": claims.measure,
    "mix": mix.measure,
    "costs": costs.measure,
    "silent": silent.measure,
    "thousand": thousand.measure,
    "depsgraph": depsgraph.measure,
    "slow-disk": slow_disk.measure,
    "pages": pages.measure,
    "backup": backup.measure,
    "stranded": stranded.measure,
    "upkeep": upkeep.measure,
    "mongodb-commands": mongodb_commands.measure,
    "mongodb-claims": mongodb_claims.measure,
    "mongodb-mix": mongodb_mix.measure,
    "mongodb-costs": mongodb_costs.measure,
    "mongodb-managers": mongodb_managers.measure,
    "mongodb-takeover": mongodb_takeover.measure,
    "mongodb-gone": mongodb_gone.measure,
}

OF_ANY_STORE = ("start", "claims", "mix", "costs", "silent", "thousand", "depsgraph")
"""The figures that can be measured on a MongoDB that somebody runs; those called mongodb-… start one for tests."""

QUIET = 0.9
"""The share of processor time that has to be unused for figures to be worth keeping."""

RESULTS = Path(__file__).with_name("RESULTS.md")


def main() -> int:
    """Measure what the command line asks for; the exit status is 0 if every target is met."""
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended as well
    wanted = FIGURES if options.database is None else {name: FIGURES[name] for name in OF_ANY_STORE}
    unknown = set(options.only) - set(wanted)
    if unknown:
        raise SystemExit(f"no such figure: {', '.join(sorted(unknown))}; there are {', '.join(wanted)}")
    alone = (_place() / "lock").open("w")
    try:
        fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit("another run is in progress here; both would measure each other") from None
    idle_before = idle()
    if idle_before < QUIET:
        print(f"the machine is only {idle_before:.0%} idle: what is measured will be too slow", file=sys.stderr)
    directory = (options.directory or Path(tempfile.mkdtemp(prefix="run-", dir=_place()))).resolve()
    around = Surroundings(
        directory=directory,
        quick=options.quick,
        profile=options.profile,
        databases=None if options.database is None else Databases(options.database),
        most=options.most,
    )
    began = time.monotonic()
    rows = _measured(around, {name: wanted[name] for name in wanted if not options.only or name in options.only})
    text = about(_command(options), time.monotonic() - began, idle_before, directory)
    if options.directory is None:  # what went wrong would still be there to be looked at
        shutil.rmtree(directory)
    print(as_text(rows))
    partly = options.only or options.quick or options.most or options.database
    output = options.output or (None if partly else RESULTS)
    if output is not None:
        output.write_text(f"# Benchmarks\n\n{text}\n{as_markdown(rows)}")
    return 0 if all_met(rows) else 1


def _measured(around: Surroundings, figures: Figures) -> list[Row]:
    rows: list[Row] = []
    try:
        for name, measure in figures.items():
            print(f"{name} …", file=sys.stderr, flush=True)
            around.tidy()  # also what a run left that broke off
            rows += measure(around)
    finally:
        around.tidy()
    return rows


def _command(options: argparse.Namespace) -> str:
    """Return the command line as it may be shown."""
    shown = MongoAddress.from_text(options.database).shown if options.database else ""
    words = [word.replace(options.database, shown) if options.database else word for word in sys.argv[1:]]
    return " ".join(["python -m bench", *words])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--only", type=lambda names: names.split(","), default=[], help="figures: " + ", ".join(FIGURES)
    )
    parser.add_argument("--quick", action="store_true", help="shorter and smaller; for a look, not for a comparison")
    parser.add_argument("--output", type=Path, help="the file for the table; bench/RESULTS.md after a complete run")
    parser.add_argument(
        "--database",
        metavar="URL",
        type=_database,
        help="measure "
        + ",".join(OF_ANY_STORE)
        + " on this MongoDB; databases whose names begin with the one named here are made and removed",
    )
    parser.add_argument("--most", type=int, metavar="COUNT", help="the most tasks of a kind in any store")
    parser.add_argument("--directory", type=Path, help="work there, and keep and reuse its filled stores")
    parser.add_argument("--profile", type=Path, help="run Managers under cProfile, and put the statistics there")
    return parser


def _database(url: str) -> str:
    try:
        MongoAddress.from_text(url)
    except StoreRefused as e:
        raise argparse.ArgumentTypeError(str(e)) from e
    return url


def _place() -> Path:
    place = Path.cwd() / "bench-run"
    place.mkdir(exist_ok=True)
    return place


if __name__ == "__main__":
    sys.exit(main())
