"""Secrets of the configuration and of Workers are nowhere to be seen from outside a real Manager."""

import os
import sys
from base64 import b64encode
from pathlib import Path

from twisted.internet.utils import getProcessOutputAndValue

from tests.process.twistd import CHECKOUT, ProcessTestCase

OURS = "SRVd0ntUseThisSecretItIsOnlyForTheUnitTests00"
SHARED = "RegistrationSecretThatNobodyMayRead"
GUESS = "AWorkersSecretThatIsSentToTheWrongManager"
WORKER = "5e6a2b7d9d3b4a0017c0ffee"
BASIC = b64encode(f"{WORKER}:{GUESS}".encode()).decode()
SECRETS = (OURS, SHARED, GUESS, BASIC, b64encode(f"{OURS}:".encode()).decode())


class SecretsTests(ProcessTestCase):
    """A Manager that is linked to a Server that is not there, asked with a Worker's secret that it does not know."""

    linked = (
        "flamenco: http://127.0.0.1:9/\n"
        "manager_id: 5d7b9f3ae4b0c83a1f2d6e11\n"
        f"manager_secret: {OURS}\n"
        f"worker_registration_secret: {SHARED}\n"
    )

    def unseen(self, where: str, shown: str) -> None:
        """See that there is something, and no secret in it."""
        self.assertTrue(shown.strip(), where)
        for secret in SECRETS:
            self.assertFalse(secret in shown, f"{secret[:6]}... is in {where}")

    async def test_nowhere(self) -> None:
        """They are not in the process list, answers, metrics and the log, nor in what ``doctor`` says of it all."""
        manager = self.start()
        await self.serving(manager)
        body = f'{{"secret": "{GUESS}", "nickname": 1'.encode()
        for method, path in (
            *(("GET", path) for path in ("/metrics", "/readyz", "/api/v1/status", "/as-json", "/nothing")),
            *(("POST", path) for path in ("/task", "/register-worker", "/sign-on", "/kick")),
        ):
            for token in (f"Basic {BASIC}", f"Bearer {GUESS}"):
                _, answer = await self.ask(method, path, headers={"Authorization": token}, data=body)
                self.unseen(f"{method} {path}", answer.decode())
        for name in ("cmdline", "environ"):
            self.unseen(name, Path(f"/proc/{manager.pid}/{name}").read_text().replace("\0", " "))
        program = str(Path(sys.executable).with_name("flamenco-manager"))
        environment = {"PYTHONPATH": str(CHECKOUT), "PATH": os.environ["PATH"]}
        out, err, _ = await getProcessOutputAndValue(program, ["doctor"], environment, str(self.directory))
        self.unseen("doctor's output", (out + err).decode())
        self.unseen("the log", manager.out + manager.err)
