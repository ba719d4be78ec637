"""Real twistd processes: started, watched and ended by the tests' reactor."""

import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import treq
from attrs import define, field, frozen
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone
from twisted.internet.interfaces import IProcessTransport, IReactorProcess, IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from twisted.web.client import Agent, HTTPConnectionPool

TWISTD = Path(sys.executable).with_name("twistd")
CHECKOUT = Path(__file__).resolve().parents[2]

POLL = 0.02
"""Seconds between two looks at what another process does."""

PATIENCE = 30.0
"""Seconds until a test gives up; a slow machine takes a few for a start."""


@frozen(kw_only=True)
class Ending:
    """How a process ended, and what it wrote: ``status`` is None if ``signal`` ended it."""

    status: int | None
    signal: int | None
    out: str
    err: str


@define(eq=False)
class Twistd(ProcessProtocol):
    """A twistd process that was started."""

    _out: bytearray = field(factory=bytearray)
    _err: bytearray = field(factory=bytearray)
    _ending: Ending | None = None

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self._process.pid is not None, "it has ended"
        return int(self._process.pid)

    @property
    def ending(self) -> Ending:
        """How it ended."""
        assert self._ending is not None, "it has not ended"
        return self._ending

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._ending is None

    @property
    def out(self) -> str:
        """What it has written to standard output."""
        return self._out.decode()

    @property
    def err(self) -> str:
        """What it has written to standard error."""
        return self._err.decode()

    @property
    def _process(self) -> Any:
        assert IProcessTransport.providedBy(self.transport)
        return self.transport

    def kill(self, number: int) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    def type(self, text: str) -> None:
        """Type something on its terminal."""
        self._process.write(text.encode())

    def outReceived(self, data: bytes) -> None:
        self._out += data

    def errReceived(self, data: bytes) -> None:
        self._err += data

    def processEnded(self, reason: Failure) -> None:
        value: Any = reason.value
        self._ending = Ending(
            status=0 if isinstance(value, ProcessDone) else value.exitCode,
            signal=None if isinstance(value, ProcessDone) else value.signal,
            out=self.out,
            err=self.err,
        )


class ProcessTestCase(TestCase):
    """A run directory of its own, and what is done with Managers in it."""

    timeout = 120
    linked = ""
    """Further lines of the configuration: an id and a secret, a Server's URL."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir()
        self.port = a_free_port()
        self.configure(f"listen: 127.0.0.1:{self.port}\n{self.linked}")
        self.addCleanup(self._end_daemon)

    def configure(self, text: str, name: str = "manager.yaml") -> None:
        """Write the configuration file, readable by its owner alone."""
        path = self.directory / name
        path.write_text(f"_meta: {{version: 2}}\n{text}")
        path.chmod(0o600)

    @property
    def pidfile(self) -> Path:
        """Where twistd writes its process's id."""
        return self.directory / "twistd.pid"

    @property
    def log(self) -> str:
        """The log of a daemon."""
        return (self.directory / "twistd.log").read_text()

    def start(
        self,
        *options: str,
        twistd: tuple[str, ...] = ("-n",),
        directory: Path | None = None,
        terminal: bool = False,
        environment: dict[str, str] | None = None,
    ) -> Twistd:
        """Start ``twistd <twistd> flamenco-manager <options>`` in the run directory, or in another one."""
        process = Twistd()
        found_by = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
        IReactorProcess(reactor).spawnProcess(
            process,
            str(TWISTD),
            [str(TWISTD), *twistd, "flamenco-manager", *options],
            env=found_by | {"PYTHONPATH": str(CHECKOUT), "PYTHONUNBUFFERED": "1"} | (environment or {}),
            path=str(directory or self.directory),
            usePTY=terminal,
        )
        self.addCleanup(self._end, process)
        return process

    async def run_to_the_end(self, *options: str, **how: Any) -> Ending:
        """Start twistd and return how it ended; with ``twistd=()`` that is when the daemon runs, or has failed."""
        process = self.start(*options, **how)
        await self.ended(process)
        return process.ending

    def run_later(self, *options: str, **how: Any) -> "Deferred[Ending]":
        """Do the same beside other things."""
        return Deferred.fromCoroutine(self.run_to_the_end(*options, **how))

    async def ended(self, process: Twistd) -> Ending:
        """Wait for the end of a process, and return it."""
        await self.until(lambda: not process.running, "the end of the process")
        return process.ending

    async def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait until something is so."""
        clock = IReactorTime(reactor)
        limit = clock.seconds() + PATIENCE
        while not condition():
            self.assertLess(clock.seconds(), limit, f"waited in vain for {what}")
            await deferLater(clock, POLL)

    async def ask(self, method: str, path: str, **options: Any) -> tuple[int, bytes]:
        """Send a request on a connection of its own, and return the answer's status and body."""
        agent = Agent(reactor, connectTimeout=5, pool=HTTPConnectionPool(reactor, persistent=False))
        url = f"http://127.0.0.1:{self.port}{path}"
        response = await treq.client.HTTPClient(agent).request(method, url, **options)
        return response.code, await response.content()

    async def get(self, path: str) -> int | None:
        """Return the status of the Manager's answer, or None if nobody listens."""
        try:
            code, _ = await self.ask("GET", path)
        except Exception:  # noqa: BLE001 refused, reset, in the middle of its end: all the same to who waits
            return None
        return code

    async def serving(self, process: Twistd | None = None) -> None:
        """Wait until the Manager answers its Workers."""
        clock = IReactorTime(reactor)
        limit = clock.seconds() + PATIENCE
        while await self.get("/may-i-run/5e6a2b7d9d3b4a0017c0a001") in {None, 503}:
            self.assertTrue(process is None or process.running, process and process.err)
            self.assertLess(clock.seconds(), limit, "the Manager does not serve")
            await deferLater(clock, POLL)

    def daemon_pid(self) -> int:
        """Return the daemon's process id."""
        return int(self.pidfile.read_text())

    async def gone(self, pid: int) -> None:
        """Wait until a process that is not our child has ended."""
        await self.until(lambda: not is_alive(pid), f"the end of process {pid}")

    def _end(self, process: Twistd) -> "Deferred[Ending] | None":
        if not process.running:
            return None
        process.kill(signal.SIGKILL)
        return Deferred.fromCoroutine(self.ended(process))

    def _end_daemon(self) -> "Deferred[None] | None":
        try:
            pid = self.daemon_pid()
            os.kill(pid, signal.SIGKILL)
        except (OSError, ValueError):
            return None
        return Deferred.fromCoroutine(self.gone(pid))


def a_free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_alive(pid: int) -> bool:
    """Whether there is such a process; one that has ended and whose parent has not looked yet is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] != "Z"
