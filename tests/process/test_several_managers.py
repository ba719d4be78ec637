"""Two Managers on one database, as real processes: who does what one does for all, and what Workers notice of it."""

import json
import signal
from pathlib import Path
from typing import Any

from attrs import define
from twisted.internet import reactor
from twisted.internet.interfaces import IReactorTime

from tests.mongo.server import a_database, server
from tests.process.twistd import ProcessTestCase, Twistd, a_free_port

TAKEOVER = 5.0
"""Seconds after the death of the Manager that has the lease (design.md 3.6)."""

AT_ONCE = 2.0
"""Seconds after its clean stop, most of which the slow machine of a test needs."""

HERE = "does for all are done here"
GONE = "has taken over the duties of one for all"
WORKER = ("render07", "s" * 64)


@define(eq=False)
class Member:
    """One of the Managers."""

    port: int
    process: Twistd

    @property
    def terms(self) -> int:
        """How often it has obtained the lease."""
        return self.process.out.count("done here (term")


class SeveralManagersTests(ProcessTestCase):
    def setUp(self) -> None:
        mongo = server()
        super().setUp()
        self.database = a_database()
        self.url = mongo.url(self.database)
        self.addCleanup(mongo.drop, self.database)
        self.logs = self.directory / "logs"

    def configured(self, name: str) -> tuple[Path, int]:
        """Make a run directory for a Manager, and return it and its port."""
        directory, port = self.directory / name, a_free_port()
        directory.mkdir(exist_ok=True)
        self.configure(
            f"listen: 127.0.0.1:{port}\ndatabase_url: {self.url}\ntask_logs_path: {self.logs}\n",
            f"{name}/manager.yaml",
        )
        return directory, port

    async def joined(self, name: str) -> Member:
        """Start a Manager, and wait until it serves."""
        directory, port = self.configured(name)
        member = Member(port, self.start(directory=directory))
        self.port = port
        await self.serving(member.process)
        return member

    async def two(self) -> tuple[Member, Member]:
        """Start two Managers; the first has the lease."""
        first = await self.joined("first")
        await self.until(lambda: HERE in first.process.out, "the lease")
        second = await self.joined("second")
        await self.until(lambda: "are done by" in second.process.out, "the second one's look")
        return first, second

    async def seconds_until_obtained(self, member: Member) -> float:
        """Wait until a Manager has the lease, and return how long that took."""
        clock = IReactorTime(reactor)
        since = clock.seconds()
        await self.until(lambda: HERE in member.process.out, "the lease")
        return clock.seconds() - since

    async def asked(self, member: Member, method: str, path: str, **options: Any) -> tuple[int, Any]:
        """Ask one of the Managers, and return the answer."""
        self.port = member.port
        code, answer = await self.ask(method, path, **options)
        return code, json.loads(answer) if answer else None

    async def test_killed(self) -> None:
        """When the Manager with the lease is killed, the other has it within five seconds."""
        first, second = await self.two()
        first.process.kill(signal.SIGKILL)
        self.assertLessEqual(await self.seconds_until_obtained(second), TAKEOVER)

    async def test_stopped(self) -> None:
        """When it is stopped in order, the other has it at once."""
        first, second = await self.two()
        first.process.kill(signal.SIGTERM)
        ending = await self.ended(first.process)
        self.assertIn((ending.status, ending.signal), [(0, None), (None, signal.SIGTERM)])
        self.assertLessEqual(await self.seconds_until_obtained(second), AT_ONCE)

    async def test_paused(self) -> None:
        """When it is paused, the other has it; woken it steps back, serves Workers, and does not take it again."""
        first, second = await self.two()
        first.process.kill(signal.SIGSTOP)
        try:
            self.assertLessEqual(await self.seconds_until_obtained(second), TAKEOVER)
        finally:
            first.process.kill(signal.SIGCONT)
        await self.until(lambda: GONE in first.process.out, "the first one's stepping back")
        code, _ = await self.asked(first, "POST", "/task")
        self.assertEqual(code, 401)
        self.assertEqual((first.terms, second.terms), (1, 1))

    async def test_worker_moves(self) -> None:
        """A Worker that registered at one Manager is known at the other, also after the first one's death."""
        first, second = await self.two()
        body = {"secret": "s" * 64, "platform": "linux", "supported_task_types": ["sleep"], "nickname": "render07"}
        code, worker = await self.asked(first, "POST", "/register-worker", json=body)
        self.assertEqual(code, 200)
        me = (worker["_id"], "s" * 64)
        for member in (second, first, second):
            code, _ = await self.asked(member, "POST", "/task", auth=me)
            self.assertEqual(code, 204)
        first.process.kill(signal.SIGKILL)
        code, _ = await self.asked(second, "GET", "/status-change", auth=me)
        self.assertEqual(code, 204)

    async def test_clean_slate(self) -> None:
        """``--cleanslate`` is refused while a Manager runs, which is named, and done when none does."""
        first = await self.joined("first")
        await self.until(lambda: HERE in first.process.out, "the lease")
        directory, _ = self.configured("third")
        refused = await self.run_to_the_end("--cleanslate", "--yes", directory=directory)
        self.assertEqual(refused.status, 2, refused)
        self.assertIn(f"process {first.process.pid}", refused.err)
        self.assertEqual(refused.err.count("\n"), 1, refused.err)
        first.process.kill(signal.SIGTERM)
        await self.ended(first.process)
        for option in ("--cleanslate", "--purgequeue"):
            ending = await self.run_to_the_end(option, "--yes", directory=directory)
            self.assertEqual((ending.status, ending.err), (0, ""), ending)

    async def test_logs_not_shared(self) -> None:
        """A Manager whose task_logs_path is not the others' says so loudly, and serves."""
        await self.joined("first")
        await self.until((self.logs / ".flamenco-farm").exists, "the mark")
        self.logs = self.directory / "other logs"
        second = await self.joined("second")
        await self.until(lambda: "[error] task_logs_path" in second.process.out, "the warning")
