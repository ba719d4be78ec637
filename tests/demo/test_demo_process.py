"""The demonstration as its user starts it: a process, with a real Manager as its child."""

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


class DemonstrationTests(TestCase):
    timeout = 120
    processes: ClassVar[Any] = reactor

    def setUp(self) -> None:
        self.temporary = Path(self.mktemp()).absolute()
        self.temporary.mkdir()

    def start(self, *options: str) -> Twistd:
        """Start a demonstration whose standard input is closed and whose output is a pipe."""
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

    def has_manager(self, directory: Path) -> bool:
        """Whether the Manager that was started in a directory is alive."""
        try:
            return is_alive(int((directory / "manager.pid").read_text()))
        except (OSError, ValueError):
            return False

    async def test_quick(self) -> None:
        """A small farm runs to its end, its books agree, and it leaves nothing behind."""
        demonstration = self.start(*QUICK)
        await self.ended(demonstration)
        self.assertEqual((demonstration.ending.status, demonstration.ending.err), (0, ""), demonstration.out)
        self.assertIn("The books agree.", demonstration.out)
        self.assertEqual(demonstration.out.count("✓"), 8)
        self.assertEqual(list(self.temporary.iterdir()), [])

    async def test_interrupted(self) -> None:
        """After Ctrl+C the Manager has ended when the demonstration has."""
        directory = self.temporary / "farm"
        demonstration = self.start(*QUICK, "--directory", str(directory))
        await self.until(lambda: self.has_manager(directory), demonstration)
        demonstration.kill(signal.SIGINT)
        await self.ended(demonstration)
        self.assertFalse(self.has_manager(directory))
        self.assertEqual(demonstration.ending.status, 1)
        self.assertIn("Interrupted", demonstration.out)

    async def test_killed(self) -> None:
        """A demonstration that is killed takes its Manager with it."""
        directory = self.temporary / "farm"
        demonstration = self.start(*QUICK, "--directory", str(directory))
        await self.until(lambda: self.has_manager(directory), demonstration)
        demonstration.kill(signal.SIGKILL)
        await self.until(lambda: not self.has_manager(directory), demonstration)

    if sys.platform != "linux":
        test_killed.skip = "only Linux ends a child with its parent"  # type: ignore[attr-defined]

    async def test_out_of_time(self) -> None:
        """A farm that does not get to its end says what is missing and where the Manager's log is, and ends with 1."""
        demonstration = self.start(*QUICK, "--time-limit", "0.2")
        await self.ended(demonstration)
        self.assertEqual((demonstration.ending.status, demonstration.ending.err), (1, ""), demonstration.out)
        self.assertIn("0 of 8 tasks completed", demonstration.out)
        (directory,) = self.temporary.iterdir()
        self.assertIn(str(directory / "manager.log"), demonstration.out)

    async def test_used_directory(self) -> None:
        """A directory that has files in it is refused in a line, and left alone."""
        (self.temporary / "mine").touch()
        demonstration = self.start(*QUICK, "--directory", str(self.temporary))
        await self.ended(demonstration)
        self.assertEqual(demonstration.ending.status, 1)
        self.assertEqual(demonstration.ending.err, f"{self.temporary} is not empty\n")
        self.assertEqual(list(self.temporary.iterdir()), [self.temporary / "mine"])
