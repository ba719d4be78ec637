"""The demonstration on the embedded store, with a real Manager as its child."""

import signal
import sys

from tests.demo.demonstrated import QUICK, DemonstrationTestCase


class DemonstrationTests(DemonstrationTestCase):
    async def test_quick(self) -> None:
        """A small farm runs to its end, its books agree, and it leaves nothing behind."""
        demonstration = self.start(*QUICK)
        await self.ended(demonstration)
        self.assertEqual((demonstration.ending.status, demonstration.ending.err), (0, ""), demonstration.out)
        self.assertIn("The books agree.", demonstration.out)
        self.assertIn("The tasks were kept in the embedded store.", demonstration.out)
        self.assertRegex(demonstration.out, r"\nManager  Demonstration, version .*, running for \d+ s\n")
        self.assertEqual(demonstration.out.count("✓"), 12)
        self.assertEqual(list(self.temporary.iterdir()), [])

    async def test_mishaps(self) -> None:
        """Tasks fail, a Worker sleeps, one dies, the Manager is killed; each is told, and the books agree."""
        demonstration = self.start("--tasks", "40", "--workers", "4", "--speed", "40")
        await self.ended(demonstration)
        self.assertEqual((demonstration.ending.status, demonstration.ending.err), (0, ""), demonstration.out)
        for words in (
            r"simulate-1 has failed on .*, .* and .*: nobody else tries it",
            r"(?P<name>\S+) sleeps, and what it had(.|\n)*The Manager is killed(.|\n)*(?P=name) is awake\n",
            r"A user asks for the log of simulate-1, which is failed\n",
            r"The Server asked for the log of simulate-1, and got its [1-9]\d+ bytes\.\n",
            r"\nsimulate-1 +failed ",
            r"(?s)The books agree\.\n$",
        ):
            self.assertRegex(demonstration.out, words)

    async def test_interrupted(self) -> None:
        """After Ctrl+C the Manager has ended when the demonstration has."""
        directory = self.temporary / "farm"
        demonstration = self.start(*QUICK, "--directory", str(directory))
        await self.until(lambda: bool(self.managers(directory)), demonstration)
        demonstration.kill(signal.SIGINT)
        await self.ended(demonstration)
        self.assertEqual(self.managers(directory), [])
        self.assertEqual(demonstration.ending.status, 1)
        self.assertIn("Interrupted", demonstration.out)

    async def test_killed(self) -> None:
        """A demonstration that is killed takes its Manager with it."""
        directory = self.temporary / "farm"
        demonstration = self.start(*QUICK, "--directory", str(directory))
        await self.until(lambda: bool(self.managers(directory)), demonstration)
        demonstration.kill(signal.SIGKILL)
        await self.until(lambda: not self.managers(directory), demonstration)

    if sys.platform != "linux":
        test_killed.skip = "only Linux ends a child with its parent"  # type: ignore[attr-defined]

    async def test_out_of_time(self) -> None:
        """A farm that does not get to its end says what is missing and where the Manager's log is, and ends with 1."""
        demonstration = self.start(*QUICK, "--time-limit", "0.2")
        await self.ended(demonstration)
        self.assertEqual((demonstration.ending.status, demonstration.ending.err), (1, ""), demonstration.out)
        self.assertIn("0 of 8 tasks completed", demonstration.out)
        (directory,) = self.temporary.iterdir()
        self.assertIn(str(directory / "manager-1/manager.log"), demonstration.out)

    async def test_used_directory(self) -> None:
        """A directory that has files in it is refused in a line, and left alone."""
        (self.temporary / "mine").touch()
        demonstration = self.start(*QUICK, "--directory", str(self.temporary))
        await self.ended(demonstration)
        self.assertEqual(demonstration.ending.status, 1)
        self.assertEqual(demonstration.ending.err, f"{self.temporary} is not empty\n")
        self.assertEqual(list(self.temporary.iterdir()), [self.temporary / "mine"])
