"""
``python -m bench``: how fast the Manager is, next to what it is compared with, on this machine and in one run.

Each figure is kept as soon as it has been measured, in a file of its own, so that a run that breaks off leaves what it
has; then docs/performance.md is brought up to date. Runs that say less (``--quick`` and the like) are kept elsewhere.
"""

import argparse
import fcntl
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from bench import document, plots
from bench.databases import Databases
from bench.figures import (
    backup,
    claims,
    connections,
    costs,
    depsgraph,
    durability,
    growth,
    layers,
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
    start,
    stranded,
    thousand,
    upkeep,
    workers,
)
from bench.measuring import Figures, measured, origin_of
from bench.records import KEPT, kept
from bench.results import all_met, as_text
from bench.surroundings import Surroundings
from flamenco_mgr.store.interfaces import StoreRefused
from flamenco_mgr.store.mongo.uri import MongoAddress

FIGURES: Figures = {
    "start": start.measure,
    "claims": claims.measure,
    "mix": mix.measure,
    "costs": costs.measure,
    "layers": layers.measure,
    "connections": connections.measure,
    "workers": workers.measure,
    "durability": durability.measure,
    "growth": growth.measure,
    "silent": silent.measure,
    "thousand": thousand.measure,
    "depsgraph": depsgraph.measure,
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


def main() -> int:
    """Measure what the command line asks for; the exit status is 0 if every target is met."""
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended as well
    wanted = FIGURES if options.database is None else {name: FIGURES[name] for name in OF_ANY_STORE}
    unknown = set(options.only + options.but) - set(wanted)
    if unknown:
        raise SystemExit(f"no such figure: {', '.join(sorted(unknown))}; there are {', '.join(wanted)}")
    wanted = {
        name: measure
        for name, measure in wanted.items()
        if (name in options.only or not options.only) and name not in options.but
    }
    if options.list:
        _tell_times(wanted)
        return 0
    alone = (_place() / "lock").open("w")
    try:
        fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit("another run is in progress here; both would measure each other") from None
    directory = (options.directory or Path(tempfile.mkdtemp(prefix="run-", dir=_place()))).resolve()
    directory.mkdir(parents=True, exist_ok=True)
    around = Surroundings(
        directory=directory,
        quick=options.quick,
        profile=options.profile,
        databases=None if options.database is None else Databases(options.database),
        most=options.most,
    )
    says_less = options.quick or options.most or options.database or options.profile
    results = options.results or (_place() / "results" if says_less else KEPT)
    try:
        rows, broken = measured(around, wanted, origin_of(around, _command(options)), results)
    finally:
        if options.directory is None:  # what went wrong would still be there to be looked at
            shutil.rmtree(directory)
        if results == KEPT:
            _show()
    print(as_text(rows))
    if broken:
        print(f"broken: {', '.join(broken)}", file=sys.stderr)
    return 0 if all_met(rows) and not broken else 1


def _show() -> None:
    """Bring the document up to date, and its plots where they can be drawn."""
    document.refresh()
    if plots.can_draw():
        plots.draw_all()
    else:
        print("The plots are as they were: matplotlib is not installed", file=sys.stderr)


def _tell_times(figures: Figures) -> None:
    """Write which figures there are, and how long each took when it was measured last."""
    records = kept()
    for name in figures:
        took = f"{records[name].origin.seconds:.0f} s" if name in records else "not measured yet"
        print(f"{name:<20} {took}")


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
    parser.add_argument("--but", type=lambda names: names.split(","), default=[], help="all figures but these")
    parser.add_argument("--list", action="store_true", help="name the figures, and how long each took last time")
    parser.add_argument("--quick", action="store_true", help="shorter and smaller; for a look, not for a comparison")
    parser.add_argument(
        "--results",
        type=Path,
        help="the directory for the results; bench/results, or bench-run/results if they say less",
    )
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
