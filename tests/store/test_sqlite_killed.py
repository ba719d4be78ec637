"""Whatever instant the process dies at, everything that was acknowledged is there."""

import sys
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessTerminated
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from flamenco_mgr.store.sqlite import SQLiteStore
from tests.store.contract.case import an_id, pumped
from tests.threads import at_once


class KilledWhen(ProcessProtocol):
    """Kills its process with SIGKILL when so many changes were acknowledged."""

    def __init__(self, enough: int) -> None:
        self.enough = enough
        self.said = b""
        self.errors = b""
        self.ended: Deferred[None] = Deferred()

    def outReceived(self, data: bytes) -> None:
        self.said += data
        if self.transport is not None and self.said.count(b"\n") >= self.enough:
            self.enough = sys.maxsize
            self.transport.signalProcess("KILL")

    def errReceived(self, data: bytes) -> None:
        self.errors += data

    def processEnded(self, reason: Failure) -> None:
        self.ended.callback(None) if reason.check(ProcessTerminated) else self.ended.errback(reason)

    def acknowledged(self) -> list[int]:
        """Return what was said in whole lines."""
        return [int(line) for line in self.said[: self.said.rfind(b"\n") + 1].split()]


class KilledTests(TestCase):
    timeout = 60

    async def test_killed(self) -> None:
        """After SIGKILL the store opens, everything acknowledged is there once, and nothing needs repair."""
        for enough in (1, 40, 300):
            directory = Path(self.mktemp())
            protocol = KilledWhen(enough)
            command = [sys.executable, "-m", "tests.store.writing_process", str(directory)]
            environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
            reactor.spawnProcess(protocol, sys.executable, command, env=environment)
            await protocol.ended
            acknowledged = protocol.acknowledged()
            self.assertGreaterEqual(len(acknowledged), enough, protocol.errors)
            self.check(directory, acknowledged)

    def check(self, directory: Path, acknowledged: list[int]) -> None:
        clock = Clock()
        store = SQLiteStore.open(directory, clock, at_once)
        ids = [an_id(number) for number in acknowledged]
        standing = self.successResultOf(pumped(clock, store.tasks.standing(ids)))
        for task_id in ids:
            task = standing[task_id].task
            self.assertIsNotNone(task)
            self.assertEqual((task and task.status, standing[task_id].final_waits), ("completed", True))
        queue = self.successResultOf(pumped(clock, store.updates.oldest(0, 1 << 30)))
        told = [queued.update.task_id for queued in queue]
        self.assertEqual(len(told), len(set(told)))
        self.assertEqual(self.successResultOf(pumped(clock, store.repair())), 0)
        self.successResultOf(pumped(clock, store.close()))
