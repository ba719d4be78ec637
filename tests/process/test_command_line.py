"""``flamenco-manager`` and a real Manager: what the one asks, the other answers."""

import json
import os
import sys
from typing import Any

from twisted.internet import reactor
from twisted.internet.interfaces import IReactorTime
from twisted.internet.utils import getProcessOutputAndValue

from flamenco_mgr.domain.blacklist import BlacklistLine
from flamenco_mgr.domain.tasks import Command
from flamenco_mgr.domain.updates import TaskUpdate
from flamenco_mgr.store.interfaces import Import
from flamenco_mgr.store.sqlite import SQLiteStore
from tests.builders import JOB, TASK, a_task
from tests.process.twistd import CHECKOUT, ProcessTestCase
from tests.threads import at_once

ANOTHER = "5e6a2b7d9d3b4a0017c0a002"
UPDATE = "5e6a3c000000000000000001"


class CommandLineTests(ProcessTestCase):
    """A Manager in whose store are two tasks, a parked update and a line of the blacklist, and a Worker."""

    worker: tuple[str, str]

    async def fill(self) -> None:
        """Put into the store what the commands find."""
        clock = IReactorTime(reactor)
        store = SQLiteStore.open(self.directory / "db", clock, at_once)
        tasks = [a_task(name="blend-1"), a_task(id=ANOTHER, name="blend-2")]
        commands = (Command(name="echo"),)
        await store.tasks.take_in([Import(before=None, after=task, commands=commands) for task in tasks])
        await store.tasks.release(10)
        await store.updates.add(TaskUpdate(id=UPDATE, task_id=TASK, received_at=clock.seconds(), status="active"))
        (queued,) = await store.updates.oldest(0, 1 << 20)
        await store.updates.park(queued, "never heard of it", clock.seconds())
        line = BlacklistLine(worker_id=ANOTHER, job=JOB, task_type="blender-render", created=clock.seconds())
        await store.blacklist.add(line)
        await store.close()

    async def running(self) -> None:
        """Start the Manager, and a Worker that has a task."""
        await self.fill()
        process = self.start()
        await self.serving(process)
        body = {"secret": "s" * 64, "platform": "linux", "supported_task_types": ["blender-render"]}
        code, answer = await self.ask("POST", "/register-worker", json={**body, "nickname": "render07"})
        self.assertEqual(code, 200, answer)
        self.worker = (json.loads(answer)["_id"], "s" * 64)
        code, answer = await self.ask("POST", "/task", auth=self.worker)
        self.assertEqual((code, json.loads(answer)["_id"]), (200, TASK))
        body = {"task_status": "active", "activity": "Fra:1", "log": "a line of the log"}
        code, answer = await self.ask("POST", f"/tasks/{TASK}/update", json=body, auth=self.worker)
        self.assertEqual(code, 204, answer)

    async def command(self, *arguments: str, status: int = 0) -> str:
        """Run ``flamenco-manager`` in the run directory, and return what it writes."""
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT), "LANG": "C.UTF-8"}
        command = ["-m", "flamenco_mgr.cli", *arguments]
        out, err, code = await getProcessOutputAndValue(
            sys.executable, command, env=environment, path=str(self.directory)
        )
        self.assertEqual((code, bool(err)), (status, status != 0), (arguments, out, err))
        self.assertNotIn(b"Traceback", err)
        return str((out or err).decode())

    async def told(self, *arguments: str) -> Any:
        """Return what a command writes for programs."""
        return json.loads(await self.command(*arguments, "--json"))

    async def test_looking(self) -> None:
        """Everything that can be looked at is found, in tables and in JSON."""
        await self.running()
        worker, _ = self.worker
        status = await self.told("status")
        self.assertEqual(status["workers"], {"total": 1, "by_status": {"awake": 1}, "sick": 0})
        self.assertEqual(status["tasks"]["by_status"], {"active": 1, "claimed-by-manager": 1})
        self.assertEqual(status["updates"]["parked"], 1)
        self.assertIn("1 update is parked", status["warnings"][0])
        self.assertIn("Workers  1: 1 awake\n", await self.command("status"))
        self.assertEqual([found["_id"] for found in await self.told("workers")], [worker])
        self.assertIn(f"Task        {TASK} active\n", await self.command("workers", "show", "render07"))
        self.assertEqual([(job["_id"], job["total"]) for job in await self.told("jobs")], [(JOB, 2)])
        self.assertIn("blend-1", await self.command("tasks", "--worker", "render07"))
        self.assertEqual(
            [task["_id"] for task in await self.told("tasks", "--status", "claimed-by-manager")], [ANOTHER]
        )
        self.assertEqual(len(await self.told("tasks", "--begins", "blend")), 2)
        self.assertEqual(len(await self.told("tasks", "--limit", "1")), 1)
        self.assertIn("-> active", await self.command("tasks", "show", "blend-1"))
        self.assertIn("a line of the log", await self.command("log", "blend-1"))
        self.assertGreaterEqual(len(await self.told("events", "--task", TASK)), 1)
        self.assertEqual([line["worker"] for line in await self.told("blacklist")], [ANOTHER])
        self.assertEqual([update["reason"] for update in await self.told("updates", "parked")], ["never heard of it"])
        self.assertIn(TASK, await self.command("updates"))

    async def test_steering(self) -> None:
        """What an operator asks for is done and remembered, and what is not possible is refused."""
        await self.running()
        await self.command("request", "sleep", "render07")
        (found,) = await self.told("workers")
        self.assertEqual((found["status_requested"], found["lazy_status_request"]), ("asleep", True))
        await self.command("request", "wake", self.worker[0][:-1])
        await self.command("workers", "schedule", "render07", "--days", "mo,tu", "--start", "22:00", "--end", "6:00")
        self.assertIn("mo tu 22:00-06:00", await self.command("workers", "show", "render07"))
        await self.command("tasks", "requeue", "blend-1")
        self.assertEqual(await self.told("tasks", "--status", "active"), [])
        await self.command("blacklist", "remove", ANOTHER, JOB, "blender-render")
        self.assertEqual(await self.told("blacklist"), [])
        await self.command("updates", "drop", UPDATE)
        self.assertEqual(await self.told("updates", "parked"), [])
        await self.command("kick")
        self.assertGreaterEqual(len(await self.told("events", "--kind", "operator")), 5)
        await self.command("workers", "forget", "render07")
        self.assertEqual(await self.told("workers"), [])
        for refused in (
            ["tasks", "requeue", "blend-2"],
            ["tasks", "cancel", "blend-2"],
            ["tasks", "show", "5e6a2b7d9d3b4a0017c0a009"],
            ["jobs", "show", "5e6a2b7d9d3b4a0017c0a009"],
            ["updates", "retry", UPDATE],
            ["workers", "show", "render07"],
        ):
            self.assertEqual((await self.command(*refused, status=1)).count("\n"), 1)

    async def test_gone(self) -> None:
        """A Manager that does not run cannot be reached: status 3."""
        self.assertIn("Connection refused", await self.command("status", status=3))
