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
from flamenco_mgr.demo.plan import (
    REAL_TASKS,
    REAL_WORKERS,
    SIMULATORS,
    TASKS,
    TIME_LIMIT,
    TIME_LIMIT_FOR_REAL,
    TIME_LIMIT_ON_MONGODB,
    WORKERS,
    Plan,
)
from flamenco_mgr.demo.real.studio import RESULTS, ProgramsMissing, Studio
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
    parser.add_argument(
        "--real",
        action="store_true",
        help="Workers render a small job with Blender, and make a video of it with ffmpeg, on a quiet day",
    )
    parser.add_argument(
        "--quiet-day", action="store_true", help="nobody changes their mind, nothing fails, sleeps or dies"
    )
    parser.add_argument(
        "--workers",
        type=_count,
        metavar="N",
        help=f"how many Workers; if fewer than {SIMULATORS}, no task fails, and none sleeps [{WORKERS}, for real "
        f"{REAL_WORKERS}]",
    )
    parser.add_argument(
        "--tasks",
        type=_count,
        metavar="N",
        help=f"about how many tasks each job has [{TASKS}, for real {REAL_TASKS}]",
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
        help=f"after which it has failed [{TIME_LIMIT:g}, on MongoDB {TIME_LIMIT_ON_MONGODB:g}, for real "
        f"{TIME_LIMIT_FOR_REAL:g}]",
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


def _plan(options: Namespace, directory: Path) -> Plan:
    try:
        studio = Studio.of(directory) if options.real else None
    except ProgramsMissing as e:
        if options.directory is None:
            directory.rmdir()
        raise SystemExit(str(e)) from e
    plan = Plan(
        directory=directory,
        database_url=options.database or "",
        studio=studio,
        workers=options.workers or (REAL_WORKERS if options.real else WORKERS),
        tasks=options.tasks or (REAL_TASKS if options.real else TASKS),
        speed=options.speed,
        seed=options.seed,
        accidents=not (options.quiet_day or options.real),
    )
    return plan if options.time_limit is None else evolve(plan, time_limit=options.time_limit)


def _remove(directory: Path, but: str) -> None:
    """Remove a directory; if it has a folder of this name, all else that is in it."""
    if not (but and (directory / but).is_dir()):
        shutil.rmtree(directory, ignore_errors=True)
        return
    for entry in directory.iterdir():
        if entry.name != but and entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        elif entry.name != but:
            entry.unlink(missing_ok=True)


def main(arguments: Sequence[str]) -> None:
    """Run the demonstration, and end the process with its exit status."""
    output = _with_standard_streams()
    options = _options(arguments)
    directory = _directory(options.directory)
    plan = _plan(options, directory)
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
                _remove(directory, but=RESULTS if options.real else "")


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
