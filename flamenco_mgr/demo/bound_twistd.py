"""
Run twistd bound to the process that started it: ``python -m flamenco_mgr.demo.bound_twistd <its pid> <arguments>``.

On Linux the kernel kills it when that process dies in whatever way. In a session of its own it gets no signal from the
terminal, so that its starter alone decides how it ends.
"""

import ctypes
import os
import signal
import sys

from twisted.scripts import twistd

_PR_SET_PDEATHSIG = 1


def bind(starter: int) -> None:
    """Die with ``starter``, which may be dead already."""
    os.setsid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != starter:
        raise SystemExit("whoever started this is dead")


if __name__ == "__main__":
    bind(int(sys.argv[1]))
    sys.argv = ["twistd", *sys.argv[2:]]
    twistd.run()
