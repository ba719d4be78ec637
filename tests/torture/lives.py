"""Manager after Manager on one store: as twistd processes, or forked from this one, which has everything loaded."""

import gc
import os
import resource
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from mmap import mmap
from pathlib import Path
from struct import Struct
from time import sleep
from typing import Any, NoReturn, Protocol

from attrs import define, field
from twisted.logger import globalLogBeginner
from twisted.python import usage

from flamenco_mgr import tap
from flamenco_mgr.demo.bound_twistd import bind
from flamenco_mgr.log_output import LogOutput
from flamenco_mgr.options import Options
from flamenco_mgr.service import ManagerService
from flamenco_mgr.store.sqlite import schema
from tests.torture.talk import CHECKOUT

_SEEN = Struct("=?I")
"""What a forked Manager lets its parent see: whether it serves, and how many requests have come."""


class Lives(Protocol):
    """One Manager at a time."""

    def start(self) -> None:
        """Start the next one; nobody waits until it is ready."""

    def send(self, number: int) -> None:
        """Send it a signal."""

    def limit(self, what: int, soft: int) -> None:
        """Set a limit of what it may have."""

    def ended(self) -> str | None:
        """Tell how it ended by itself; None while it has not."""

    def kill(self) -> None:
        """Kill it, and wait until it is dead."""

    def stop(self) -> str:
        """Ask it to stop, wait, and return how it ended; the empty text if well."""


class _Process:
    """What both kinds have in common: a child process, if there is one."""

    pid: int | None
    _how: str | None = None

    def send(self, number: int) -> None:
        """See `Lives.send`."""
        if self.pid is not None:
            os.kill(self.pid, number)

    def limit(self, what: int, soft: int) -> None:
        """See `Lives.limit`."""
        if self.pid is not None:
            _, hard = resource.prlimit(self.pid, what)
            resource.prlimit(self.pid, what, (hard if soft < 0 else soft, hard))

    def ended(self) -> str | None:
        """See `Lives.ended`."""
        if self.pid is not None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._how = self._over(status) or "in order"
        return self._how

    def kill(self) -> None:
        """See `Lives.kill`."""
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)
            self._over(os.waitpid(self.pid, 0)[1])
        self._how = None

    def stop(self) -> str:
        """See `Lives.stop`."""
        if self.pid is None:
            return "there was none"
        os.kill(self.pid, signal.SIGTERM)
        return self._over(os.waitpid(self.pid, 0)[1])

    def _over(self, status: int) -> str:
        self.pid = None
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            return "" if number == signal.SIGTERM else f"by signal {number}"
        return f"with status {os.WEXITSTATUS(status)}" if os.WEXITSTATUS(status) else ""


@define(eq=False, kw_only=True, slots=False)
class TwistdLives(_Process):
    """Real twistd processes; ``environment`` is what they have besides, ``name`` what their files are called by."""

    directory: Path
    name: str = "manager"
    environment: Mapping[str, str] = field(factory=dict)
    pid: int | None = field(init=False, default=None)

    def start(self) -> None:
        """See `Lives.start`."""
        words = ["--nodaemon", "--rundir", str(self.directory), "--pidfile", f"{self.name}.pid", "flamenco-manager"]
        with (self.directory / f"{self.name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "flamenco_mgr.demo.bound_twistd", str(os.getpid()), *words],
                env={**os.environ, "PYTHONPATH": str(CHECKOUT), **self.environment},
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        process.returncode = 0  # waited for by its number, and not by Popen
        self.pid = process.pid


@define(eq=False, kw_only=True, slots=False)
class ForkedLives(_Process):
    """
    Children of this process, which must never have run a reactor; they begin where twistd runs what it is given.

    So a life costs some milliseconds, not a second, and the whole of it is the Manager's.
    """

    directory: Path
    pid: int | None = field(init=False, default=None)
    _options: Options = field(init=False)
    _seen: mmap = field(init=False, factory=lambda: mmap(-1, _SEEN.size))

    @property
    def is_ready(self) -> bool:
        """Whether the Manager has come so far that it serves."""
        return bool(_SEEN.unpack_from(self._seen)[0])

    @property
    def requests(self) -> int:
        """How many requests have come to it."""
        return int(_SEEN.unpack_from(self._seen)[1])

    def __attrs_post_init__(self) -> None:
        self._options = Options()
        log = self.directory / "manager.log"
        self._options.parent = usage.Options()
        self._options.parent.update(nodaemon=True, rundir=str(self.directory), logfile=str(log))
        self._options.parseOptions(["--log-level=warn"])
        _ = schema.steps()  # which loads what else each life would have to
        gc.collect()
        gc.freeze()

    def start(self) -> None:
        """See `Lives.start`."""
        sys.stdout.flush()
        sys.stderr.flush()
        _SEEN.pack_into(self._seen, 0, False, 0)
        parent, pid = os.getpid(), os.fork()
        if pid:
            self.pid = pid
            return
        _live(parent, self._options, self._seen)


def _live(parent: int, options: Options, seen: mmap) -> NoReturn:
    status = 1
    try:
        bind(parent)
        _be_a_manager(options, seen)
        status = 0
    except BaseException:  # noqa: BLE001 the process ends here, whatever it was
        traceback.print_exc(file=sys.__stderr__)  # what stands for stderr now is the log
    finally:
        os._exit(status)


def _be_a_manager(options: Options, seen: mmap) -> None:
    reactor = _a_reactor_of_its_own()
    output: LogOutput = options["log-output"]
    globalLogBeginner.beginLoggingTo([output.observer(output.sink())])
    service: Any = tap.makeService(options)
    _let_be_seen(next(one for one in service.services if isinstance(one, ManagerService)), seen)
    service.privilegedStartService()
    service.startService()
    reactor.addSystemEventTrigger("before", "shutdown", service.stopService)
    reactor.run()


def _let_be_seen(manager: Any, seen: mmap) -> None:
    """Tell the parent, who shares this memory, when the Manager serves, and how many requests have come."""
    render = manager.gate.render

    def counted(request: object) -> object:
        is_ready, requests = _SEEN.unpack_from(seen)
        _SEEN.pack_into(seen, 0, is_ready, requests + 1)
        return render(request)

    manager.gate.render = counted
    manager.ready = lambda: _SEEN.pack_into(seen, 0, True, _SEEN.unpack_from(seen)[1])


def _a_reactor_of_its_own() -> Any:
    """Return a reactor that shares nothing with the one that importing has made in the parent."""
    import twisted.internet  # noqa: PLC0415
    from twisted.internet import epollreactor  # noqa: PLC0415

    sys.modules.pop("twisted.internet.reactor", None)
    vars(twisted.internet).pop("reactor", None)
    epollreactor.install()
    return sys.modules["twisted.internet.reactor"]


def wait_until(condition: Callable[[], bool], seconds: float, step: float = 0.05) -> bool:
    """Wait until something is so, at the most about so many seconds in which this machine works; tell whether it is."""
    for _ in range(round(seconds / step)):
        if condition():
            return True
        sleep(step)
    return condition()
