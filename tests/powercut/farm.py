"""
A farm at work in a process of its own, whose store's directory is recorded: ``farm DIRECTORY LOGS SEED ANSWERS``.

The Manager's duties are the real ones, on a clock that hurries; so is the store, on the reactor, with its threads. The
Manager starts on nothing, works until so many requests are answered, stops, starts, works as much again, and ends by
SIGKILL.
"""

import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from attrs import define, evolve, field
from treq.testing import StubTreq
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.task import Clock, LoopingCall, deferLater
from twisted.internet.threads import deferToThread

from flamenco_mgr.demo.standin.drafts import JobDraft, TaskDraft
from flamenco_mgr.demo.standin_server import StandInServer
from flamenco_mgr.service import Farm
from flamenco_mgr.settings import Settings
from flamenco_mgr.store.sqlite import SQLiteStore
from flamenco_mgr.surroundings import Surroundings
from flamenco_mgr.wiring import wire
from tests.harness import MANAGER, NOW, SECRET
from tests.powercut.crew import Hand
from tests.powercut.saying import ToldStore, say
from tests.streaming_treq import StreamingTreq

T = TypeVar("T")

_HANDS = 6
_HURRY = 20.0
"""Seconds of the farm's clock in one of the reactor's."""

_SETTINGS = Settings(
    manager_id=MANAGER,
    manager_secret=SECRET,
    flamenco="http://server.invalid/",
    task_update_push_max_interval=1.0,
    cancel_task_fetch_max_interval=2.0,
    download_task_recheck_throttle=1.0,
    download_task_sleep=5.0,
)


@define(eq=False)
class RecordedFarm:
    """The farm."""

    _directory: Path
    _logs: Path
    _chance: Random
    clock: Clock = field(init=False, factory=Clock)
    _server: StandInServer = field(init=False)
    _line: StreamingTreq = field(init=False)
    _http: Any = field(init=False, default=None)
    _farm: Farm | None = field(init=False, default=None)
    _hands: list[Hand] = field(init=False)
    _working: list["Deferred[None]"] = field(init=False, factory=list)
    _answers: int = field(init=False, default=0)
    _wanted: "tuple[int, Deferred[None]] | None" = field(init=False, default=None)
    _turned: float = field(init=False, factory=time.monotonic)

    def __attrs_post_init__(self) -> None:
        self.clock.advance(NOW)
        self._server = StandInServer(self.clock, self._chance, MANAGER, SECRET)
        self._line = StreamingTreq(self._server.resource())
        self._hands = [Hand(f"hand-{number}", self, Random(self._chance.random())) for number in range(_HANDS)]

    def turn(self) -> None:
        """Let time pass, and messages go to and fro."""
        now = time.monotonic()
        self.clock.advance(min(0.1, (now - self._turned) * _HURRY))
        self._turned = now
        self._line.flush()
        if self._http is not None:
            self._http.flush()

    async def start(self) -> None:
        """Start the Manager on what its directory holds."""
        store = SQLiteStore.open(self._directory, reactor, deferToThread)
        await store.repair()
        around = Surroundings(
            clock=self.clock,
            store=ToldStore(store),
            treq=self._line,
            in_thread=deferToThread,
            chance=self._chance,
            platform="linux",
            own_url="http://manager.invalid:8080/",
        )
        self._farm = wire(evolve(_SETTINGS, task_logs_path=self._logs), around)
        self._http = StubTreq(self._farm.workers_api)
        for duty in self._farm.duties:
            duty.startService()
        for work in (*(hand.work for hand in self._hands), self._users):
            self._begin(work)

    def _begin(self, work: Callable[[], Awaitable[None]]) -> None:
        async def working() -> None:
            await work()

        running = Deferred.fromCoroutine(working())
        self._working.append(running)
        _ = running.addErrback(_ended)

    async def stop(self) -> None:
        """Stop in an orderly way."""
        assert self._farm is not None
        for working in self._working:
            working.cancel()
        self._working.clear()
        await gatherResults([maybeDeferred(duty.stopService) for duty in self._farm.duties])
        await self._farm.last_words()
        await self._farm.store.close()

    async def ask(self, method: str, path: str, headers: dict[str, str], body: Any) -> tuple[int, Any]:
        """Ask the Manager over HTTP; return the status and what the JSON says, None if there is no JSON."""
        options = {} if body is None else {"json": body}
        response = await self._http.request(method, f"http://manager.invalid:8080{path}", headers=headers, **options)
        content = await response.content()
        self._answers += 1
        if self._wanted is not None and self._answers >= self._wanted[0]:
            (_, enough), self._wanted = self._wanted, None
            enough.callback(None)
        return response.code, (await response.json() if content.startswith(b"{") else None)

    async def has_answered(self, count: int) -> None:
        """Wait until so many more requests are answered."""
        enough: Deferred[None] = Deferred()
        self._wanted = self._answers + count, enough
        await enough

    def pause(self, seconds: float) -> "Deferred[None]":
        """Wait on the farm's clock."""
        return deferLater(self.clock, seconds)

    async def _users(self) -> None:
        books = self._server.books
        while True:
            books.add_job(self._a_job())
            await self.pause(self._chance.uniform(0.5, 3.0))
            job = self._chance.choice(list(books.jobs()))
            task = self._chance.choice(list(job.tasks.values()))
            act = self._chance.choice(("cancel a job", "cancel a task", "requeue", "hurry", "nothing"))
            if act == "cancel a job" and job.status in {"queued", "active"}:
                books.cancel_job(job.id)
            elif act == "cancel a task" and task.status in {"active", "queued", "claimed-by-manager"}:
                books.cancel_task(task.id)
            elif act == "requeue" and job.status in {"queued", "active"}:
                books.requeue_task(task.id)
            elif act == "hurry":
                books.set_job_priority(job.id, 90)

    def _a_job(self) -> JobDraft:
        nap = [{"name": "sleep", "settings": {"time_in_seconds": 1, "why": "x" * self._chance.randint(0, 2000)}}]
        frames = self._chance.randint(2, 8)
        tasks = [TaskDraft(name="prepare", task_type="sleep", commands=nap)]
        tasks += [
            TaskDraft(name=f"render-{frame}", task_type="blender-render", commands=nap, parents=(0,))
            for frame in range(frames)
        ]
        last = tuple(range(1, frames + 1))
        tasks.append(TaskDraft(name="video", task_type="video-encoding", commands=nap, parents=last))
        return JobDraft(name="a job", job_type="render", tasks=tasks, priority=self._chance.choice((30, 50, 80)))


def _ended(_failure: object) -> None:
    """Let a hand end: it was cancelled, or its Manager is gone."""


async def _life(farm: RecordedFarm, answers: int) -> None:
    pumping = LoopingCall(farm.turn)
    _ = pumping.start(0)
    say(phase="first start")
    await farm.start()
    say(phase="work")
    await farm.has_answered(answers)
    say(phase="stop")
    await farm.stop()
    say(phase="second start")
    await farm.start()
    say(phase="work again")
    await farm.has_answered(answers)
    os.kill(os.getpid(), signal.SIGKILL)


def main(directory: str, logs: str, seed: str, answers: str) -> None:
    """Live."""
    farm = RecordedFarm(Path(directory), Path(logs), Random(seed))
    living = Deferred.fromCoroutine(_life(farm, int(answers)))
    _ = living.addErrback(_broken)
    reactor.run()


def _broken(failure: Any) -> None:
    sys.stderr.write(failure.getTraceback())
    sys.stderr.flush()
    os._exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
