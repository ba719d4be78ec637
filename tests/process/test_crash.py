"""What is left after the worst: SIGKILL, and a full disk, in a real process."""

import json
import resource
import signal
from typing import Any

from twisted.internet import reactor
from twisted.internet.interfaces import IReactorTime

from flamenco_mgr.domain.tasks import Command
from flamenco_mgr.store.interfaces import Import
from flamenco_mgr.store.sqlite import SQLiteStore
from tests.builders import TASK, a_task
from tests.process.twistd import ProcessTestCase, Twistd
from tests.threads import at_once

ANOTHER = "5e6a2b7d9d3b4a0017c0a002"


class CrashTests(ProcessTestCase):
    """A Manager with two tasks in its store, and a Worker."""

    def store(self) -> SQLiteStore:
        """Open the store of the Manager that does not run."""
        return SQLiteStore.open(self.directory / "db", IReactorTime(reactor), at_once)

    async def started(self) -> Twistd:
        """Start the Manager, and wait until it serves."""
        process = self.start()
        await self.serving(process)
        return process

    async def fill(self) -> None:
        """Put the tasks into the store."""
        store = self.store()
        commands = (Command(name="echo"),)
        tasks = [a_task(), a_task(id=ANOTHER)]
        await store.tasks.take_in([Import(before=None, after=task, commands=commands) for task in tasks])
        await store.tasks.release(10)
        await store.close()

    async def register(self) -> tuple[str, str]:
        """Register a Worker, and return its credentials."""
        body = {
            "secret": "s" * 64,
            "platform": "linux",
            "supported_task_types": ["blender-render"],
            "nickname": "render07",
        }
        code, answer = await self.ask("POST", "/register-worker", json=body)
        self.assertEqual(code, 200, answer)
        return json.loads(answer)["_id"], "s" * 64

    async def next_task(self, worker: tuple[str, str]) -> Any:
        """Return the task that the Worker gets."""
        code, answer = await self.ask("POST", "/task", auth=worker)
        self.assertEqual(code, 200, answer)
        return json.loads(answer)

    async def update(self, worker: tuple[str, str], task: str, **body: Any) -> int:
        """Send an update, and return the answer's status."""
        code, _ = await self.ask("POST", f"/tasks/{task}/update", json=body, auth=worker)
        return code

    async def killed(self, process: Twistd) -> None:
        """Kill the Manager as nothing can be prepared for."""
        process.kill(signal.SIGKILL)
        await self.ended(process)

    async def test_nothing_acknowledged_is_lost(self) -> None:
        """After SIGKILL the Worker is known, its task is still its own, and its acknowledged update waits."""
        await self.fill()
        first = await self.started()
        worker = await self.register()
        self.assertEqual((await self.next_task(worker))["_id"], TASK)
        self.assertEqual(await self.update(worker, TASK, task_status="completed", activity="done"), 204)
        self.assertEqual((await self.next_task(worker))["_id"], ANOTHER)
        await self.killed(first)
        second = await self.started()
        self.assertEqual((await self.next_task(worker))["_id"], ANOTHER)
        await self.killed(second)
        store = self.store()
        task = await store.tasks.get(TASK)
        told = [queued.update for queued in await store.updates.oldest(0, 1 << 30)]
        await store.close()
        assert task is not None
        self.assertEqual(task.status, "completed")
        self.assertIn((TASK, "completed"), [(update.task_id, update.status) for update in told])

    async def test_full_disk(self) -> None:
        """With a full disk updates get 503, so that the Worker keeps them; with space again the same one is taken."""
        await self.fill()
        process = await self.started()
        worker = await self.register()
        await self.next_task(worker)
        wal = self.directory / "db/flamenco.sqlite3-wal"
        limit(process, wal.stat().st_size)
        body = {"task_status": "active", "activity": "frame 1", "log": "x" * 10_000}
        self.assertEqual(await self.update(worker, TASK, **body), 503)
        code, answer = await self.ask("GET", f"/may-i-run/{TASK}", auth=worker)
        self.assertEqual((code, json.loads(answer).get("may_keep_running")), (200, True))
        limit(process, resource.RLIM_INFINITY)
        self.assertEqual(await self.update(worker, TASK, **body), 204)
        self.assertEqual(await self.update(worker, TASK, task_status="completed"), 204)
        self.assertTrue(process.running)
        self.assertNotIn("Traceback", process.out)


def limit(process: Twistd, size: int) -> None:
    """Let no file of a process grow beyond a size in bytes, as a full disk would not."""
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
