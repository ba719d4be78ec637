"""The whole Manager in memory: real HTTP on both sides, a real store, and a clock that stands still."""

import base64
import itertools
import json
import random
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from attrs import evolve, frozen
from treq.testing import StubTreq
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.demo.standin_server import StandInServer
from flamenco_mgr.domain.log_files import log_path
from flamenco_mgr.domain.tasks import Command, Task
from flamenco_mgr.domain.updates import QueuedUpdate, Transition
from flamenco_mgr.domain.workers import Worker
from flamenco_mgr.farm.logs import LINGER
from flamenco_mgr.service import Farm
from flamenco_mgr.settings import Settings
from flamenco_mgr.store.interfaces import Import, IStore
from flamenco_mgr.store.sqlite import SQLiteStore
from flamenco_mgr.surroundings import Surroundings
from flamenco_mgr.wiring import HEARTBEATS_EVERY, wire
from tests.streaming_treq import StreamingTreq
from tests.threads import at_once

T = TypeVar("T")

NOW = 1573567032.0
MANAGER = "5d7b9f3ae4b0c83a1f2d6e11"
SECRET = "SRVd0ntUseThisSecretItIsOnlyForTheUnitTests00"


@frozen(kw_only=True)
class Answer:
    """What came back."""

    code: int
    body: bytes
    content_type: str = ""

    @property
    def json(self) -> Any:
        """The body's JSON value."""
        return json.loads(self.body)


class FarmTestCase(SynchronousTestCase):
    """A Manager that is linked to the stand-in Server, and what a test needs to play both sides."""

    settings = Settings(manager_id=MANAGER, manager_secret=SECRET, flamenco="http://server.invalid/")

    def setUp(self) -> None:
        """Build the Manager and its Server; nothing runs yet but what a request brings."""
        self.clock = Clock()
        self.clock.advance(NOW)
        self.server = StandInServer(self.clock, random.Random(1), MANAGER, SECRET)
        self.server_treq = StreamingTreq(self.server.resource())
        self.store = self.make_store(self.clock)
        self.logs = Path(self.mktemp())
        self.ids = (f"{number:024x}" for number in itertools.count(0xF00000000000000000000001))
        self.farm = self.wired()
        self.http: Any = StubTreq(self.farm.workers_api)

    def make_store(self, clock: Clock) -> IStore:
        """Return a new store; the same tests are run on another provider's as well."""
        return SQLiteStore.in_memory(clock)

    def steady(self) -> float:
        """Return the seconds of the clock that nobody sets."""
        return self.clock.seconds()

    def settle(self) -> bool:
        """Let the store do what takes it real time, and say whether there was anything; an embedded one has nothing."""
        return False

    def wired(self) -> Farm:
        """Return a Manager on the store; a second one is what a restart brings."""
        around = Surroundings(
            clock=self.clock,
            store=self.store,
            treq=self.server_treq,
            in_thread=at_once,
            new_id=lambda: next(self.ids),
            chance=random.Random(2),
            platform="linux",
            own_url="http://manager.invalid:8080/",
            steady=self.steady,
        )
        return wire(evolve(self.settings, task_logs_path=self.logs), around)

    def result_of(self, awaitable: Awaitable[T], seconds: float = 0.0) -> T:
        """Return what something gives, after pumping the clock for a few turns, or for so many seconds."""
        result = Deferred.fromCoroutine(self._awaited(awaitable))
        for _ in range(50):
            if result.called:
                break
            self._turn()
        waited = 0.0
        while not result.called and waited < seconds:
            self.clock.advance(0.1)
            waited += 0.1
            self._turn()
        return self.successResultOf(result)

    def _turn(self) -> None:
        self.clock.advance(0)
        self.server_treq.flush()
        self.http.flush()
        self.settle()

    @staticmethod
    async def _awaited(awaitable: Awaitable[T]) -> T:
        return await awaitable

    def start(self) -> None:
        """Start the Manager's duties; they are stopped at the end of the test."""
        for duty in self.farm.duties:
            duty.startService()
        self.addCleanup(self.stop)
        for _ in range(10):
            if not self.store.lease.held:
                self._turn()

    def stop(self) -> None:
        """Stop the Manager's duties, and see that nothing is left to come."""
        stopped = [maybeDeferred(duty.stopService) for duty in self.farm.duties]
        self.pass_time(1.0)
        for one in stopped:
            self.successResultOf(one)

    def pass_time(self, seconds: float) -> None:
        """Let so many seconds pass, in steps of a quarter of one."""
        for _ in range(max(1, round(seconds * 4))):
            self.clock.advance(0.25)
            for _ in range(4):
                self._turn()

    def request(
        self, method: str, path: str, *, worker: str | None = None, seconds: float = 0.0, **options: Any
    ) -> Answer:
        """Send a request as a Worker (its id) or nobody, and return the answer."""
        headers = dict(options.pop("headers", {}))
        if worker is not None:
            headers.setdefault("Authorization", basic(worker))
        return self.result_of(self.asking(method, path, headers, options), seconds)

    async def asking(self, method: str, path: str, headers: dict[str, str], options: dict[str, Any]) -> Answer:
        response = await self.http.request(method, f"http://manager.invalid:8080{path}", headers=headers, **options)
        body = await response.content()
        kind = response.headers.getRawHeaders("Content-Type", [""])[0]
        return Answer(code=response.code, body=body, content_type=kind)

    def register(self, nickname: str = "render07", *types: str, platform: str = "linux") -> str:
        """Register a worker over HTTP and return its id."""
        answer = self.request(
            "POST",
            "/register-worker",
            json={
                "secret": "s" * 64,
                "platform": platform,
                "supported_task_types": list(types or ("blender-render",)),
                "nickname": nickname,
            },
        )
        self.assertEqual(answer.code, 200, answer.body)
        return str(answer.json["_id"])

    def add(self, *tasks: Task, commands: tuple[Command, ...] = (Command(name="echo"),)) -> None:
        """Put tasks into the store as if they had been downloaded."""
        imports = [Import(before=None, after=task, commands=commands) for task in tasks]
        self.assertEqual(self.result_of(self.store.tasks.take_in(imports)), frozenset())
        while self.result_of(self.store.tasks.release(100)):
            pass

    def task(self, task_id: str) -> Task:
        """Return a task from the store."""
        task = self.result_of(self.store.tasks.get(task_id))
        assert task is not None, f"no task {task_id}"
        return task

    def worker(self, worker_id: str) -> Worker:
        """Return a worker from the store."""
        worker = self.result_of(self.store.workers.get(worker_id))
        assert worker is not None, f"no worker {worker_id}"
        return worker

    def change_worker(self, worker_id: str, **changes: Any) -> None:
        """Change a worker in the store."""
        before = self.worker(worker_id)
        self.assertTrue(self.result_of(self.store.workers.change(before, evolve(before, **changes))))

    def change_task(self, task_id: str, **changes: Any) -> None:
        """Change a task in the store, as somebody else would."""
        before = self.task(task_id)
        transition = Transition(before=before, after=evolve(before, **changes))
        self.assertTrue(self.result_of(self.store.tasks.apply(transition)))

    def flush_heartbeats(self) -> None:
        """Store the signs of life that were collected."""
        (duty,) = (duty for duty in self.farm.duties if duty.name == "Heartbeats.flush")
        duty.startService()
        self.clock.advance(HEARTBEATS_EVERY)
        self._turn()
        self.successResultOf(maybeDeferred(duty.stopService))

    def log_of(self, task_id: str, suffix: str = "") -> str:
        """Return the text of a task's log file, or of a rotated one, when all of it is written."""
        self.clock.advance(LINGER)
        path = self.logs / log_path(self.task(task_id).job, task_id)
        return path.with_name(path.name + suffix).read_text()

    def queue(self) -> tuple[QueuedUpdate, ...]:
        """Return what waits for the Server."""
        return self.result_of(self.store.updates.oldest(0, 1 << 30))

    def statuses(self, task_id: str) -> list[str]:
        """Return the statuses of a task that wait for the Server, in order."""
        return [
            queued.update.status for queued in self.queue() if queued.update.task_id == task_id and queued.update.status
        ]


async def every(asking: Sequence[Awaitable[T]]) -> list[T]:
    """Begin all of these at once, and return what they give."""
    return await gatherResults([Deferred.fromCoroutine(FarmTestCase._awaited(one)) for one in asking])


def basic(worker_id: str, secret: str = "s" * 64) -> str:
    """Return the header with a worker's credentials."""
    return "Basic " + base64.b64encode(f"{worker_id}:{secret}".encode()).decode()
