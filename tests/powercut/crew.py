"""Workers of a recorded farm: they ask over HTTP, and say what they were answered."""

from random import Random
from typing import Any, Protocol

from attrs import define, field
from twisted.internet.defer import Deferred

from tests.harness import basic
from tests.powercut.saying import say

_SECRET = "s" * 64


class Manager(Protocol):
    """What answers the crew."""

    async def ask(self, method: str, path: str, headers: dict[str, str], body: Any) -> tuple[int, Any]: ...
    def pause(self, seconds: float) -> "Deferred[None]": ...


@define(eq=False)
class Hand:
    """One Worker: it registers, and does whatever it is given, as worker-api.md 5 to 7 has it."""

    _name: str
    manager: Manager
    _chance: Random
    _id: str = field(init=False, default="")

    async def work(self) -> None:
        """Work until the process ends."""
        types = ["sleep", "blender-render", "video-encoding"]
        if not self._id:
            profile = {"secret": _SECRET, "platform": "linux", "supported_task_types": types, "nickname": self._name}
            code, answer = await self.manager.ask("POST", "/register-worker", {}, profile)
            assert code == 200, answer
            self._id = answer["_id"]
            say(registered=self._id)
        await self._ask("POST", "/sign-on", {"supported_task_types": types, "nickname": self._name})
        while True:
            code, answer = await self._ask("POST", "/task")
            if code == 200:
                say(given=answer["_id"], to=self._id)
                await self._do(answer["_id"])
            elif code == 423:
                await self._ask("POST", f"/ack-status-change/{answer['status_requested']}")
            await self.manager.pause(self._chance.uniform(0.05, 0.4))

    async def _do(self, task: str) -> None:
        await self._update(task, "active")
        for step in range(self._chance.randint(0, 3)):
            await self.manager.pause(self._chance.uniform(0.02, 0.2))
            _, answer = await self._ask("GET", f"/may-i-run/{task}")
            if not answer["may_keep_running"]:
                await self._ask("POST", f"/tasks/{task}/return")
                return
            words = {"log": f"step {step}\n" * self._chance.randint(1, 40), "activity": f"step {step}"}
            await self._ask("POST", f"/tasks/{task}/update", {**words, "task_progress_percentage": 10 * step})
        await self._update(task, "failed" if self._chance.random() < 0.15 else "completed")

    async def _update(self, task: str, status: str) -> None:
        body = {"task_status": status, "activity": f"is {status}", "log": f"{status}\n"}
        code, _ = await self._ask("POST", f"/tasks/{task}/update", body)
        if code == 204:
            say(answered=task, status=status)

    async def _ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        return await self.manager.ask(method, path, {"Authorization": basic(self._id, _SECRET)}, body)
