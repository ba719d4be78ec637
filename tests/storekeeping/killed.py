"""Restores or migrates, and is killed by itself after so many steps: ``killed WHAT STEPS ARGUMENTS``."""

import os
import signal
import sys
from pathlib import Path

from attrs import define

from flamenco_mgr.storekeeping.migrate import migrate
from flamenco_mgr.storekeeping.restore import restore
from flamenco_mgr.storekeeping.stores import store_named

NOW = 1_795_000_000.0


@define(eq=False)
class Deadly:
    """Progress that does not go beyond so many steps."""

    left: int

    def begin(self, _what: str, _total: int) -> None:
        self.advance()

    def advance(self, steps: int = 1) -> None:
        self.left -= steps
        if self.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def end(self) -> None:
        pass


def main(what: str, steps: int, source: str, target: str) -> None:
    """Do it; what is left of the steps is written to standard output if it comes to its end."""
    progress, here = Deadly(steps), Path.cwd()
    if what == "restore":
        restore(store_named(target, here), Path(source), now=NOW, progress=progress)
    else:
        migrate(store_named(source, here), store_named(target, here), now=NOW, progress=progress)
    print(progress.left)  # noqa: T201 what it is for


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
