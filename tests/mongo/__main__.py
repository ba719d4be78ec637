"""
A MongoDB for trying things out: the stand-in of the tests, in memory.

``python -m tests.mongo`` prints the URL of a database and serves until it is interrupted; ``python -m tests.mongo
COMMAND ...`` becomes a command, each ``{}`` in it replaced by that URL, and serves until that has ended.
"""

import os
import signal
import sys
from contextlib import suppress

from tests.mongo.server import MISSING, StandIn


def main(words: list[str]) -> int:
    """Serve, and return the exit status, unless there is a command."""
    if MISSING:
        sys.stderr.write(f"{MISSING}\n")
        return 1
    stand_in = StandIn.start()
    url = stand_in.url("flamenco")
    if words:
        stand_in.outlive_this_program()
        os.execvp(words[0], [word.replace("{}", url) for word in words])  # noqa: S606 what was asked for
    try:
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()
        with suppress(KeyboardInterrupt):
            signal.pause()
    finally:
        stand_in.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
