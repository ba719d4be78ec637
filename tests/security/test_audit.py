"""What CI makes of the reports of pip-audit that are kept beside this module."""

import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).parents[2]
REPORTS = Path(__file__).parent / "audits"


class AuditTests(SynchronousTestCase):
    def judged(self, name: str) -> tuple[int, str]:
        """Return how the audit ends with a report, and what it says."""
        command = [sys.executable, str(ROOT / ".ci/audit"), "--report", str(REPORTS / f"{name}.json")]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual(done.stderr, "")
        return done.returncode, done.stdout

    def test_clean(self) -> None:
        """Without a vulnerability all is well, and it says of how many packages."""
        self.assertEqual(self.judged("clean"), (0, "2 packages audited, no known vulnerability\n"))

    def test_fixable(self) -> None:
        """A vulnerability that a newer version mends fails."""
        code, said = self.judged("fixable")
        self.assertEqual(code, 1)
        self.assertEqual(said, "VULNERABLE: twisted 22.2.0: PYSEC-2022-195 CVE-2022-24801, mended in 22.4.0rc1\n")

    def test_without_fix(self) -> None:
        """One that no version mends is told, and fails nothing, as nobody could do anything."""
        code, said = self.judged("without_fix")
        self.assertEqual(code, 0)
        self.assertIn("VULNERABLE: twisted 22.2.0: GHSA-0000-0000-0000, no version mends it\n", said)

    def test_skipped(self) -> None:
        """Where nothing is known of any package it does not say that all is well, but that nothing was audited."""
        code, said = self.judged("skipped")
        self.assertEqual(code, 0)
        self.assertTrue(said.startswith("NOT AUDITED: 2 of 2 packages (attrs, twisted): "), said)
        self.assertNotIn("no known vulnerability", said)

    def test_partly(self) -> None:
        """What is known fails even if of other packages nothing is."""
        code, said = self.judged("partly")
        self.assertEqual(code, 1)
        self.assertIn("NOT AUDITED: 1 of 2 packages (attrs): ", said)
