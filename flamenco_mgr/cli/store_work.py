"""What the commands that open the store themselves have in common."""

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from rich.console import Console

from flamenco_mgr.cli.invocation import Invocation
from flamenco_mgr.cli.outcome import CannotDo, WrongUsage
from flamenco_mgr.cli.texts import counted, shortened
from flamenco_mgr.storekeeping import stores
from flamenco_mgr.storekeeping.progress import IProgress, OnTerminal, Silent
from flamenco_mgr.storekeeping.records import WORDS
from flamenco_mgr.storekeeping.stores import Store
from flamenco_mgr.storekeeping.trouble import NotDone

_POLITE: Final = 10
"""Added to the process's niceness."""

_LONGEST_NAME: Final = 255
"""Bytes."""


def now() -> float:
    """Return the time, in seconds since 1970."""
    return time.time()


def opened(invocation: Invocation) -> Store:
    """Return the store of the configuration."""
    settings = invocation.loaded().settings
    with doing(invocation):
        return stores.store_of(settings)


def let_others_go_first(invocation: Invocation) -> None:
    """Let the Manager, and whoever else is at work on this machine, have the processor first."""
    if invocation.is_alone:
        os.nice(_POLITE)


def path_of(invocation: Invocation, path: Path) -> Path:
    """Return the absolute path of a file that somebody typed; `CannotDo` if no file can have such a name."""
    longest = max((len(os.fsencode(part)) for part in path.parts), default=0)
    if longest > _LONGEST_NAME:
        raise CannotDo(f"{shortened(str(path))}: no file can have a name of {longest:,} bytes")
    return invocation.rundir / path


def named(invocation: Invocation, text: str) -> Store:
    """Return the store that an option names; `WrongUsage` if it names none."""
    try:
        return stores.store_named(text, invocation.rundir)
    except NotDone as e:
        raise WrongUsage(str(e)) from e


@contextmanager
def doing(invocation: Invocation) -> Iterator[None]:
    """Let what is refused end the command, and SIGTERM like Ctrl+C: what is half done is cleaned up."""
    with _ended_in_order() if invocation.is_alone else nullcontext():
        try:
            yield
        except NotDone as e:
            raise CannotDo(str(e)) from e


@contextmanager
def working(invocation: Invocation) -> Iterator[IProgress]:
    """Do the same for something that takes long; how far it is, is shown on a terminal."""
    console = Console(file=invocation.stderr)
    progress: IProgress = OnTerminal(console) if console.is_terminal and not invocation.as_json else Silent()
    with doing(invocation):
        try:
            yield progress
        finally:
            progress.end()


def counted_records(counts: Mapping[str, int]) -> str:
    """Return how many records of each kind there are, for people, behind a colon; empty if nobody has counted."""
    told = [counted(counts[kind], *words) for kind, words in WORDS.items() if counts.get(kind)]
    return f": {', '.join(told)}" if told else ""


def tell_left_out(invocation: Invocation, count: int) -> None:
    """Say that documents are not in what was made, if there are such."""
    if count:
        invocation.output.warn(
            f"{counted(count, 'document')} of the original Manager's that make no sense were left out"
        )


@contextmanager
def _ended_in_order() -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, _interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupted(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
