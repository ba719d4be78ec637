"""A real bash completes command lines."""

import shutil
import sys
from pathlib import Path

from twisted.trial.unittest import SkipTest

from tests.cli.case import WORKER, CommandLineTestCase, page

# What bash does when somebody types a tab, by its own means.
COMPLETING = r"""
source ./completion
COMP_WORDS=(flamenco-manager "$@")
COMP_CWORD=$#
_flamenco_manager_completion flamenco-manager
printf '%s\n' "${COMPREPLY[@]}"
"""


class CompletionTests(CommandLineTestCase):
    def setUp(self) -> None:
        super().setUp()
        bash = shutil.which("bash")
        if bash is None:
            raise SkipTest("there is no bash")
        self.bash = bash
        program = self.directory / "flamenco-manager"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m flamenco_mgr.cli "$@"\n')
        program.chmod(0o700)
        (self.directory / "completing").write_text(COMPLETING)

    async def completed(self, *words: str) -> set[str]:
        """Return what a bash that has evaluated the script offers for the last word."""
        path = f"{self.directory}:{Path(self.bash).parent}:/usr/bin:/bin"
        ending = await self.spawned(self.bash, "completing", *words, environment={"PATH": path}).ended
        self.assertEqual((ending.status, ending.err), (0, ""))
        return set(ending.out.split())

    async def test_words(self) -> None:
        """Commands, options, those of a group's usual command, and names of Workers are completed."""
        self.answer(
            "GET /api/v1/workers?limit=500", page({"_id": WORKER, "nickname": "render07"}, {"nickname": "other"})
        )
        (self.directory / "completion").write_text(await self.done("completion", "bash"))
        self.assertEqual(await self.completed("wor"), {"workers"})
        self.assertLessEqual({"status", "workers", "doctor"}, await self.completed(""))
        self.assertIn("--config", await self.completed("--"))
        self.assertLessEqual({"list", "show", "requeue"}, await self.completed("tasks", ""))
        self.assertEqual(await self.completed("tasks", "--sta"), {"--status"})
        self.assertEqual(await self.completed("tasks", "--job", "x", "--sta"), {"--status"})
        self.assertEqual(await self.completed("request", "sh"), {"shutdown"})
        self.assertEqual(await self.completed("request", "sleep", "ren"), {"render07"})

    async def test_no_manager(self) -> None:
        """Where no Manager can be asked, nothing is completed, and nothing is said."""
        (self.directory / "completion").write_text(await self.done("completion", "bash"))
        (self.directory / "manager.yaml").unlink()
        self.assertEqual(await self.completed("request", "sleep", "ren"), set())
