"""A Manager of the demonstration: a real twistd, as a child process."""

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ProcessExitedAlready, ProcessTerminated
from twisted.internet.interfaces import IReactorProcess, IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.utils import getProcessOutputAndValue
from twisted.python.failure import Failure

import flamenco_mgr

STOPPING_TIME: Final = 15.0
"""Seconds after which a Manager that was asked to stop is killed; more than its own limits together."""

_PACKAGE_PARENT: Final = Path(flamenco_mgr.__file__).parent.parent


class ManagerIsSilent(Exception):
    """A Manager that runs does not say what it is asked."""


@define(eq=False, kw_only=True)
class ManagerProcess:
    """
    One Manager in its own run directory, started and ended as often as one likes.

    ``name`` is what people call it; Workers reach it at ``url``. ``directory`` has its manager.yaml. All that it writes
    goes to ``log``. ``death`` tells how it ended when nobody had asked it to.
    """

    name: str
    url: str
    processes: IReactorProcess
    clock: IReactorTime
    directory: Path
    starts: int = field(init=False, default=0)
    death: str = field(init=False, default="")
    _life: "_Life | None" = field(init=False, default=None)

    @property
    def log(self) -> Path:
        """The file with everything that the Manager says."""
        return self.directory / "manager.log"

    @property
    def pid(self) -> int | None:
        """The number of the process, None if there is none."""
        return None if self._life is None or self._life.transport is None else self._life.transport.pid

    def start(self) -> None:
        """Start the process; it is not ready yet when this returns."""
        self._life = _Life(manager=self)
        arguments = ["--nodaemon", "--rundir", str(self.directory), "--pidfile", "manager.pid", "flamenco-manager"]
        with self.log.open("ab") as log, Path(os.devnull).open("rb") as nothing:
            self.processes.spawnProcess(
                self._life,
                sys.executable,
                [sys.executable, "-m", "flamenco_mgr.demo.bound_twistd", str(os.getpid()), *arguments],
                env=os.environ | {"PYTHONPATH": _python_path()},
                path=str(self.directory),
                childFDs={0: nothing.fileno(), 1: log.fileno(), 2: log.fileno()},
            )
        self.starts += 1

    async def tell(self, *command: str) -> str:
        """
        Return what ``flamenco-manager`` says of this Manager, asked with these words.

        Raises `ManagerIsSilent` with its reason if that is not done.
        """
        said, why, status = await getProcessOutputAndValue(
            sys.executable,
            ["-m", "flamenco_mgr.cli", "--config", str(self.directory / "manager.yaml"), *command],
            env=os.environ | {"PYTHONPATH": _python_path()},
            path=str(self.directory),
            reactor=self.processes,
        )
        if status:
            raise ManagerIsSilent(f"{self.name}: {why.decode(errors='replace').strip()}")
        return str(said.decode())

    async def kill(self) -> None:
        """Kill the process as the kernel does when memory is short: it has no time for anything."""
        if self._life is not None:
            _ = await self._life.end("KILL")

    async def stop(self) -> str:
        """Ask the process to stop, and return how it ended: the empty text if well."""
        life = self._life
        if life is None:
            return self.death
        impatience = self.clock.callLater(STOPPING_TIME, life.send, "KILL")
        how = await life.end("TERM")
        if impatience.active():
            impatience.cancel()
        return how

    def ended(self, how: str, *, expected: bool) -> None:
        """Note that there is no process any more."""
        self._life = None
        if not expected:
            self.death = how or "it stopped by itself"


@define(eq=False, kw_only=True)
class _Life(ProcessProtocol):
    """A process from its start to its end."""

    manager: ManagerProcess
    _wanted: bool = field(init=False, default=False)
    _how: str | None = field(init=False, default=None)
    _waiting: "list[Deferred[str]]" = field(init=False, factory=list)

    def end(self, signal_name: str) -> "Deferred[str]":
        """Send a signal that ends it, and wait until it has."""
        self._wanted = True
        self.send(signal_name)
        if self._how is not None:
            return succeed(self._how)
        self._waiting.append(Deferred())
        return self._waiting[-1]

    def send(self, signal_name: str) -> None:
        """Send a signal, if there is still somebody to get it."""
        with suppress(ProcessExitedAlready):
            if self.transport is not None:
                self.transport.signalProcess(signal_name)

    def processEnded(self, reason: Failure) -> None:
        """Tell everybody how it ended; to end by the signal that asks for it is well."""
        bad = isinstance(reason.value, ProcessTerminated) and reason.value.signal != signal.SIGTERM
        self._how = how = str(reason.value) if bad else ""
        self.manager.ended(how, expected=self._wanted)
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(how)


def _python_path() -> str:
    inherited = os.environ.get("PYTHONPATH")
    return os.pathsep.join([str(_PACKAGE_PARENT), *([inherited] if inherited else [])])
