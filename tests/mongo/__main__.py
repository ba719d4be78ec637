"""
A MongoDB for trying things out: the stand-in of the tests, in memory.

``python -m tests.mongo`` prints the URL of a database and serves until it is interrupted; ``python -m tests.mongo
COMMAND ...`` runs a command, each ``{}`` in it replaced by that URL, and ends with its status.
"""

import signal
import subprocess
import sys
from contextlib import suppress

from tests.mongo.server import MISSING, StandIn


def main(words: list[str]) -> int:
    """Serve, and return the exit status."""
    if MISSING:
        sys.stderr.write(f"{MISSING}\n")
        return 1
    stand_in = StandIn.start()
    url = stand_in.url("flamenco")
    try:
        with suppress(KeyboardInterrupt):
            if words:
                return subprocess.run([word.replace("{}", url) for word in words], check=False).returncode
            sys.stdout.write(f"{url}\n")
            sys.stdout.flush()
            signal.pause()
    finally:
        stand_in.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
