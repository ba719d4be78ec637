"""
What the Manager is compared with: a Klein app that does the least, and what no Manager can do without besides.

``python -m bench.bare SERVER_PORT TASK_ID ETAG DIRECTORY`` listens on a free port and writes it to standard output.

The requests are those that Workers send, the answers are of the same size. Credentials are looked up in a dict, bodies
are parsed, answers are made by the JSON encoder. ``POST /asking-task`` asks the Server about one task first, through
treq, and stores a row in SQLite with one commit that is synchronous=FULL.
"""

import base64
import gc
import json
import sqlite3
import sys
from http import HTTPStatus
from pathlib import Path
from typing import Any, ClassVar

from attrs import frozen
from klein import Klein
from treq.client import HTTPClient
from twisted.internet import endpoints, reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorCore
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.iweb import IRequest
from twisted.web.server import Site

from bench.farm import MANAGER_SECRET, a_document
from bench.mix import a_worker

_WORKERS = 4000


@frozen(eq=False, kw_only=True)
class BareApp:
    """A Manager's routes without a Manager behind them."""

    router: ClassVar[Klein] = Klein()

    secrets: dict[str, str]
    document: dict[str, Any]
    treq: HTTPClient
    question: str
    etag: str
    database: sqlite3.Connection

    @router.route("/task", methods=["POST"])
    def task(self, request: IRequest) -> bytes:
        """Give out a task."""
        if not self._known(request):
            return _answer(request, HTTPStatus.UNAUTHORIZED, None)
        return _answer(request, HTTPStatus.OK, self.document)

    @router.route("/asking-task", methods=["POST"])
    async def asking_task(self, request: IRequest) -> bytes:
        """Give out a task after a question to the Server and a durable change."""
        if not self._known(request):
            return _answer(request, HTTPStatus.UNAUTHORIZED, None)
        headers: dict[bytes | str, bytes | str] = {
            "Authorization": _basic(MANAGER_SECRET, ""),
            "If-None-Match": self.etag,
        }
        response = await self.treq.get(self.question, headers=headers)
        await response.content()
        if response.code != HTTPStatus.NOT_MODIFIED:
            return _answer(request, HTTPStatus.BAD_GATEWAY, {"status": response.code})
        self.database.execute("BEGIN IMMEDIATE")
        self.database.execute("INSERT INTO updates (text) VALUES (?)", ("x" * 300,))
        self.database.execute("COMMIT")
        return _answer(request, HTTPStatus.OK, self.document)

    @router.route("/tasks/<task_id>/update", methods=["POST"])
    def update(self, request: IRequest, task_id: str) -> bytes:
        """Take a report."""
        if not self._known(request):
            return _answer(request, HTTPStatus.UNAUTHORIZED, None)
        report = json.loads(request.content.read())
        return _answer(request, HTTPStatus.NO_CONTENT if task_id and report else HTTPStatus.BAD_REQUEST, None)

    @router.route("/may-i-run/<task_id>")
    def may_i_run(self, request: IRequest, task_id: str) -> bytes:
        """Let a Worker go on."""
        if not self._known(request):
            return _answer(request, HTTPStatus.UNAUTHORIZED, None)
        return _answer(request, HTTPStatus.OK, {"may_keep_running": bool(task_id)})

    def _known(self, request: IRequest) -> bool:
        scheme, _, encoded = (request.getHeader("authorization") or "").partition(" ")
        user, _, secret = base64.b64decode(encoded).decode().partition(":")
        return scheme == "Basic" and self.secrets.get(user) == secret


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _answer(request: IRequest, status: HTTPStatus, value: object) -> bytes:
    request.setResponseCode(status)
    if value is None:
        return b""
    body = json.dumps(value).encode()
    request.setHeader(b"Content-Type", b"application/json")
    request.setHeader(b"Content-Length", b"%d" % len(body))
    return body


def _database(directory: Path) -> sqlite3.Connection:
    directory.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(directory / "bare.sqlite3", isolation_level=None)
    for statement in (
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = FULL",
        "CREATE TABLE IF NOT EXISTS updates (seq INTEGER PRIMARY KEY, text TEXT)",
    ):
        database.execute(statement)
    return database


class _QuietSite(Site):
    def log(self, request: object) -> None:
        """Log nothing of a request, as the Manager does."""


async def _listen(app: BareApp, running: IReactorCore) -> None:
    site = _QuietSite(app.router.resource(), timeout=60, parsePOSTFormSubmission=False)
    port = await endpoints.serverFromString(running, "tcp:0:interface=127.0.0.1:backlog=1024").listen(site)
    gc.collect()
    gc.freeze()
    print(port.getHost().port, flush=True)


def main(running: Any) -> None:
    """Serve until killed."""
    server_port, task_id, etag, directory = sys.argv[1:]
    app = BareApp(
        secrets={worker.id: worker.secret for worker in map(a_worker, range(_WORKERS))},
        document=a_document(task_id),
        treq=HTTPClient(Agent(running, pool=HTTPConnectionPool(running))),
        question=f"http://127.0.0.1:{server_port}/api/flamenco/tasks/{task_id}",
        etag=etag,
        database=_database(Path(directory)),
    )
    _ = Deferred.fromCoroutine(_listen(app, running))
    running.run()


if __name__ == "__main__":
    main(reactor)
