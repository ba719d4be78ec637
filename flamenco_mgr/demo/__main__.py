"""``python -m flamenco_mgr.demo``: a whole farm on this machine, in a minute."""

import os
import shutil
import sys
import tempfile
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from functools import partial
from math import inf
from pathlib import Path
from typing import Any, TextIO

from attrs import evolve
from rich.console import Console
from twisted.internet.task import react
from twisted.logger import (
    FilteringLogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    globalLogBeginner,
    textFileLogObserver,
)

from flamenco_mgr.demo.demonstration import Demonstration
from flamenco_mgr.demo.plan import TIME_LIMIT, TIME_LIMIT_ON_MONGODB, Plan
from flamenco_mgr.store.interfaces import StoreRefused
from flamenco_mgr.store.mongo.uri import MongoAddress

LOG = "demo.log"
"""The file with what goes wrong in this process."""

_PIPE_WIDTH = 120
_STANDARD_STREAMS = 3


def _options(arguments: Sequence[str]) -> Namespace:
    usual = Plan(directory=Path())
    parser = ArgumentParser(
        prog="python -m flamenco_mgr.demo", description="A whole farm on this machine, in a minute."
    )
    parser.add_argument("--keep", action="store_true", help="leave the farm running afterwards, until Ctrl+C")
    parser.add_argument(
        "--database",
        type=_database_url,
        metavar="URL",
        help="of a database on MongoDB that does not exist yet: two Managers share it; it is removed in the end",
    )
    parser.add_argument("--quiet-day", action="store_true", help="nobody changes their mind, nothing dies")
    parser.add_argument(
        "--workers", type=_count, default=usual.workers, metavar="N", help="how many Workers [%(default)s]"
    )
    parser.add_argument(
        "--tasks",
        type=_count,
        default=usual.tasks,
        metavar="N",
        help="about how many tasks each job has [%(default)s]",
    )
    parser.add_argument(
        "--speed",
        type=_amount,
        default=usual.speed,
        metavar="X",
        help="how much faster than real Workers [%(default)g]",
    )
    parser.add_argument(
        "--seed", type=int, default=usual.seed, metavar="N", help="of everything that is left to chance [%(default)s]"
    )
    parser.add_argument(
        "--time-limit",
        type=_amount,
        metavar="SECONDS",
        help=f"after which it has failed [{TIME_LIMIT:g}, on MongoDB {TIME_LIMIT_ON_MONGODB:g}]",
    )
    parser.add_argument("--directory", type=Path, help="an empty directory for all files, which are then kept")
    return parser.parse_args(arguments)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


def _amount(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < inf:
        raise ArgumentTypeError(f"{text!r} is no number greater than 0")
    return number


def _database_url(text: str) -> str:
    try:
        MongoAddress.from_text(text)
    except StoreRefused as e:
        raise ArgumentTypeError(str(e)) from e
    return text


def _directory(asked: Path | None) -> Path:
    if asked is None:
        return Path(tempfile.mkdtemp(prefix="flamenco-demo-"))
    directory = asked.absolute()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise SystemExit(f"{directory} is not empty")
    except OSError as e:
        raise SystemExit(f"{directory} cannot be used: {e.strerror}") from e
    return directory


def _with_standard_streams() -> TextIO:
    """Return where to print; whatever standard stream is closed becomes one that nobody hears."""
    # A new file gets the lowest free number. A socket must not get one of these three, which all children inherit.
    while (number := os.open(os.devnull, os.O_RDWR)) < _STANDARD_STREAMS:
        pass
    os.close(number)
    return sys.stdout or Path(os.devnull).open("w")


def main(arguments: Sequence[str]) -> None:
    """Run the demonstration, and end the process with its exit status."""
    output = _with_standard_streams()
    options = _options(arguments)
    directory = _directory(options.directory)
    plan = Plan(
        directory=directory,
        database_url=options.database or "",
        workers=options.workers,
        tasks=options.tasks,
        speed=options.speed,
        seed=options.seed,
        accidents=not options.quiet_day,
    )
    if options.time_limit is not None:
        plan = evolve(plan, time_limit=options.time_limit)
    console = Console(file=output, highlight=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    demonstration = Demonstration(
        plan=plan, console=console, keep=options.keep, files_wanted=options.keep or options.directory is not None
    )
    with (directory / LOG).open("w") as log:
        warnings = FilteringLogObserver(textFileLogObserver(log), [LogLevelFilterPredicate(LogLevel.warn)])
        globalLogBeginner.beginLoggingTo([warnings], redirectStandardIO=False)
        try:
            react(partial(_run, demonstration))
        finally:
            if not demonstration.files_wanted:
                shutil.rmtree(directory, ignore_errors=True)


async def _run(demonstration: Demonstration, reactor: Any) -> None:
    try:
        status = await demonstration.run(reactor)
    except BrokenPipeError:  # whoever read the output has seen enough
        status = 1
    except Exception:
        demonstration.files_wanted = True
        demonstration.console.print(f"The demonstration itself has failed: see {demonstration.plan.directory / LOG}")
        raise
    raise SystemExit(status)


if __name__ == "__main__":
    main(sys.argv[1:])
