"""The demonstration as its user starts it: a process whose standard input is closed and whose output is a pipe."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from twisted.internet import reactor
from twisted.internet.interfaces import IReactorProcess, IReactorTime
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from tests.process.twistd import CHECKOUT, PATIENCE, POLL, Twistd, is_alive

QUICK = ("--quiet-day", "--tasks", "8", "--workers", "3", "--speed", "60")


class DemonstrationTestCase(TestCase):
    timeout = 120
    processes: ClassVar[Any] = reactor

    def setUp(self) -> None:
        self.temporary = Path(self.mktemp()).absolute()
        self.temporary.mkdir()

    def start(self, *options: str) -> Twistd:
        """Start a demonstration."""
        demonstration = Twistd()
        assert IReactorProcess.providedBy(self.processes)
        self.processes.spawnProcess(
            demonstration,
            sys.executable,
            [sys.executable, "-W", "error", "-m", "flamenco_mgr.demo", *options],
            env={**os.environ, "PYTHONPATH": str(CHECKOUT), "TMPDIR": str(self.temporary)},
            path=str(self.temporary),
            childFDs={1: "r", 2: "r"},
        )
        self.addCleanup(self._end, demonstration)
        return demonstration

    def _end(self, demonstration: Twistd) -> None:
        if demonstration.running:
            demonstration.kill(signal.SIGKILL)

    async def until(self, condition: Callable[[], bool], demonstration: Twistd) -> None:
        """Wait until something is so."""
        clock = self.processes
        assert IReactorTime.providedBy(clock)
        end = clock.seconds() + 2 * PATIENCE
        while not condition():
            if clock.seconds() > end:
                self.fail(f"it takes too long: {demonstration.out}")
            await deferLater(clock, POLL)

    async def ended(self, demonstration: Twistd) -> None:
        """Wait until the demonstration has ended."""
        await self.until(lambda: not demonstration.running, demonstration)

    def managers(self, directory: Path) -> list[int]:
        """Return the process ids of the Managers that live and were started in a directory."""
        numbers = (path.read_text() for path in directory.glob("manager-*/manager.pid"))
        return [int(number) for number in numbers if number and is_alive(int(number))]
