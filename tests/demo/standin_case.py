"""A Manager's side of the stand-in Server: real HTTP in memory, on a clock that stands still."""

import base64
import itertools
import json
from random import Random
from typing import Any

from attrs import frozen
from treq.testing import StubTreq
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers

from flamenco_mgr.demo.standin.entries import StandInJob
from flamenco_mgr.demo.standin.jobs import sleep_job
from flamenco_mgr.demo.standin_server import StandInServer

NOW = 1573567029.412
MANAGER = "5d7b9f3ae4b0c83a1f2d6e11"
SECRET = "SRVd0ntUseThisSecretItIsOnlyForTheUnitTests00"
OTHER_MANAGER = "5d7b9f3ae4b0c83a1f2d6e22"
OTHER_SECRET = "SRVanotherManagersSecretThatIsForTestsOnly00000"
NOBODY = "5d0000000000000000000000"
SINCE = "X-Flamenco-If-Updated-Since"


@frozen(kw_only=True)
class Answer:
    """What came back."""

    code: int
    headers: Headers
    body: bytes

    @property
    def json(self) -> Any:
        """The body's JSON value."""
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        """Return a header's value."""
        values = self.headers.getRawHeaders(name)
        return values[0] if values else None


def basic(secret: str, password: str = "") -> str:
    """Return the header in which a secret is sent."""
    return "Basic " + base64.b64encode(f"{secret}:{password}".encode()).decode()


class StandInTestCase(SynchronousTestCase):
    """Has a Server with two Managers, and speaks for the first."""

    def setUp(self) -> None:
        """Build the Server, which has no jobs yet."""
        self.clock = Clock()
        self.clock.advance(NOW)
        self.server = StandInServer(self.clock, Random(1), MANAGER, SECRET)
        self.server.add_manager(OTHER_MANAGER, OTHER_SECRET)
        self.books = self.server.books
        self.record = self.server.record
        self.treq: Any = StubTreq(self.server.resource())
        self.update_ids = (f"{number:024x}" for number in itertools.count(0xE00000000000000000000001))

    def begin(
        self, method: str, path: str, *, authorization: str | None = basic(SECRET), **options: Any
    ) -> Deferred[Answer]:
        """Send a request; the Deferred fires when the answer is complete."""
        headers = dict(options.pop("headers", {}))
        if authorization is not None:
            headers["Authorization"] = authorization
        return Deferred.fromCoroutine(self._asking(method, path, headers, options))

    async def _asking(self, method: str, path: str, headers: dict[str, str], options: dict[str, Any]) -> Answer:
        response = await self.treq.request(
            method, f"http://server.invalid{path}", headers=headers, allow_redirects=False, **options
        )
        return Answer(code=response.code, headers=response.headers, body=await response.content())

    def request(self, method: str, path: str, **options: Any) -> Answer:
        """Send a request that is answered at once."""
        answering = self.begin(method, path, **options)
        self.treq.flush()
        return self.successResultOf(answering)

    def depsgraph(self, since: str | None = None, **options: Any) -> Answer:
        """Ask for tasks, or for newer ones."""
        headers = {} if since is None else {SINCE: since}
        return self.request("GET", f"/api/flamenco/managers/{MANAGER}/depsgraph", headers=headers, **options)

    def push(self, *updates: object, **options: Any) -> Answer:
        """Push a batch."""
        return self.request(
            "POST", f"/api/flamenco/managers/{MANAGER}/task-update-batch", json=list(updates), **options
        )

    def pushed(self, *updates: object) -> Any:
        """Push a batch that is taken, and return the answer's JSON value."""
        answer = self.push(*updates)
        self.assertEqual(answer.code, 200, answer.body)
        return answer.json

    def update(self, task_id: str, status: str | None = None, **values: object) -> dict[str, object]:
        """Return an update with an id of its own."""
        update: dict[str, object] = {"_id": next(self.update_ids), "task_id": task_id, **values}
        return update if status is None else {**update, "task_status": status}

    def report(self, status: str, *task_ids: str) -> Any:
        """Push a status for each of these tasks, and return the answer's JSON value."""
        return self.pushed(*(self.update(task_id, status) for task_id in task_ids))

    def claimed_job(self, tasks: int) -> StandInJob:
        """Return a job whose tasks this Manager has fetched."""
        job = self.books.add_job(sleep_job(tasks))
        self.depsgraph()
        return job

    def statuses(self, job: StandInJob) -> list[str]:
        """Return what a job's tasks are, in order."""
        return [task.status for task in job.tasks.values()]
