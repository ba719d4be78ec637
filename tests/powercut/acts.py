"""One act on a store or a configuration, in a process that is recorded: ``acts WHAT DIRECTORY [BACKUP]``."""

import sys
from contextlib import suppress
from pathlib import Path

from twisted.internet.task import Clock

from flamenco_mgr.options import Options
from flamenco_mgr.store.sqlite import SQLiteStore
from flamenco_mgr.storekeeping.progress import Silent
from flamenco_mgr.storekeeping.restore import restore
from flamenco_mgr.storekeeping.stores import Embedded
from flamenco_mgr.storekeeping.waiting import result_of
from tests.powercut.saying import say
from tests.threads import at_once

NOW = 1_795_000_000.0


def _start(directory: Path) -> None:
    clock = Clock()
    store = SQLiteStore.open(directory / "db", clock, at_once)
    result_of(clock, store.repair())
    say(phase="done")
    result_of(clock, store.close())


def _configure(directory: Path) -> None:
    with suppress(SystemExit):
        Options().parseOptions(["--config", str(directory / "manager.yaml"), "--write-config"])
    say(phase="done")


def main(what: str, directory: str, backup: str = "") -> None:
    """Do it, and say when it is done."""
    if what in {"start", "upgrade"}:
        _start(Path(directory))
    elif what == "configure":
        _configure(Path(directory))
    else:
        restore(Embedded(directory=Path(directory) / "db"), Path(backup), now=NOW, progress=Silent())
        say(phase="done")


if __name__ == "__main__":
    main(*sys.argv[1:])
