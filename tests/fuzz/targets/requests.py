"""Bytes of a connection: whole requests, before the real routes of a Manager."""

import atexit
import itertools
import random
import re
import shutil
import tempfile
from base64 import b64encode
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface import provider

from flamenco_mgr.settings import Settings
from flamenco_mgr.store.sqlite import SQLiteStore
from flamenco_mgr.surroundings import Surroundings
from flamenco_mgr.web.site import WorkersSite
from flamenco_mgr.wiring import wire
from tests.builders import TASK, WORKER, a_task, a_worker
from tests.fuzz.checks import Keeper
from tests.fuzz.target import Target
from tests.threads import at_once

_NOW = 1573567032.0
_USES = 300
_ANSWER = re.compile(rb"^HTTP/1\.[01] ([0-9]{3}) ", re.MULTILINE)
_OWN_MISTAKE = b"500"
_HASH = b"$2a$04$CXfCkBgw.CBo8i0fCqV3N..AhfXXRF7TJjdVU0KW956sk6c.ixBVC"
_DIRECTORY = Path(tempfile.mkdtemp(prefix="flamenco-fuzz-"))
atexit.register(shutil.rmtree, _DIRECTORY)


class _Silent:
    """A Server that never answers."""

    def request(self, *_args: Any, **_options: Any) -> "Deferred[Any]":
        return Deferred()


class _Connection(StringTransport):
    """A connection of this machine's, which may be ended in each way."""

    def __init__(self) -> None:
        super().__init__(peerAddress=IPv4Address("TCP", "127.0.0.1", 50_000))

    def unregisterProducer(self) -> None:
        """Have none, as TCP does: also if there was none."""
        self.producer = None

    def setTcpKeepAlive(self, _on: bool) -> None:
        """As TCP does."""

    def setTcpNoDelay(self, _on: bool) -> None:
        """As TCP does."""


class _Manager:
    """A Manager in memory, which is built anew now and then."""

    def __init__(self) -> None:
        self._left = 0

    def asked(self, data: bytes) -> bytes:
        if not self._left:
            self._build()
        self._left -= 1
        connection = _Connection()
        protocol = self._site.buildProtocol(connection.getPeer())
        assert protocol is not None
        protocol.makeConnection(connection)
        for piece in (data[: len(data) // 2], data[len(data) // 2 :]):
            if piece and not connection.disconnecting:
                protocol.dataReceived(piece)
            for _ in range(6):
                self._clock.advance(0)
        self._clock.advance(3.0)
        answered: bytes = connection.value()
        return answered

    def _build(self) -> None:
        self._clock = Clock()
        self._clock.advance(_NOW)
        store = SQLiteStore.in_memory(self._clock)
        ids = (f"{number:024x}" for number in itertools.count(0xF00000000000000000000001))
        around = Surroundings(
            clock=self._clock,
            store=store,
            treq=_Silent(),
            in_thread=at_once,
            new_id=lambda: next(ids),
            chance=random.Random(2),
            platform="linux",
            own_url="http://localhost:8080/",
            steady=self._clock.seconds,
        )
        farm = wire(evolve(Settings(), task_logs_path=_DIRECTORY), around)
        keeper = Keeper.on(store, self._clock)
        keeper.result(store.workers.add(a_worker(hashed_secret=_HASH)))
        keeper.add(a_task())
        self._site = WorkersSite(farm.workers_api, self._clock)
        self._left = _USES


_MANAGER = _Manager()


def _request(data: bytes) -> None:
    failures: list[LogEvent] = []

    @provider(ILogObserver)
    def note(event: LogEvent) -> None:
        if "log_failure" in event:
            failures.append(event)

    globalLogPublisher.addObserver(note)
    try:
        answered = _MANAGER.asked(data)
    finally:
        globalLogPublisher.removeObserver(note)
    assert not failures, f"logged: {failures[0]['log_failure'].getTraceback()}"
    assert _OWN_MISTAKE not in _ANSWER.findall(answered), "the answer is 500"
    assert b"Traceback" not in answered


_AUTHORIZATION = b"Authorization: Basic " + b64encode(WORKER.encode() + b":secret") + b"\r\n"


def _asking(line: bytes, body: bytes = b"", more: bytes = b"") -> bytes:
    length = b"Content-Length: %d\r\n" % len(body) if body else b""
    return line + b" HTTP/1.1\r\nHost: localhost\r\n" + _AUTHORIZATION + more + length + b"\r\n" + body


_ID = TASK.encode()
_FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
_JSON = b"Content-Type: application/json\r\n"
_W = WORKER.encode()

TARGETS = (
    Target(
        name="request",
        parse=_request,
        errors=(),
        seeds=(
            _asking(b"POST /task"),
            _asking(b"POST /tasks/%b/update" % _ID, b'{"task_status":"active","log":"a"}', _JSON),
            _asking(b"GET /may-i-run/" + _ID),
            _asking(b"POST /tasks/%b/return-task" % _ID),
            _asking(b"POST /sign-on", b'{"nickname":"a"}', _JSON),
            _asking(b"POST /sign-off"),
            _asking(b"POST /ack-status-change/asleep"),
            _asking(b"POST /output-produced", b'{"paths":["/a.png"]}', _JSON),
            _asking(b"POST /register-worker", b'{"secret":""}', _JSON),
            _asking(b"POST /worker-action/" + _W, b"action=set-status&status=asleep&lazy=true", _FORM),
            _asking(b"POST /worker-action/" + _W, b"action=forget-blacklist-line&job_id=" + _ID, _FORM),
            _asking(b"POST /set-sleep-schedule/" + _W, b'{"days_of_week":"mo"}', _JSON),
            _asking(b"GET /as-json?limit=3&cursor=W10"),
            _asking(b"GET /kick"),
            _asking(b"GET /logfile/%b/%b" % (_ID, _ID), more=b"Range: bytes=0-1\r\nUser-Agent: curl/1\r\n"),
            _asking(b"GET /api/v1/tasks?begins=a&limit=1"),
            _asking(b"GET /api/v1/events?cursor=WyIxIl0"),
            _asking(b"GET /api/v1/updates?task=" + _ID),
            _asking(b"GET /api/v1/blacklist"),
            _asking(b"GET /metrics"),
            b"GET /%2e%2e/%00%ff HTTP/1.1\r\nHost: [::1\r\nOrigin: http://[\r\nContent-Length: -1\r\n\r\n",
            b"GET //x y /z Host: localhost\r\nHost: localhost\r\n\r\n",
            b"POST http://h/sign-on HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
        ),
        words=(
            *(b"\r\n", b" HTTP/1.1\r\n", b"Host: ", b"GET ", b"POST ", b"DELETE ", b"PUT ", b"/api/v1/", b"workers/"),
            *(
                b"tasks/",
                b"jobs/",
                b"updates/parked/",
                b"/retry",
                b"/requeue",
                b"/cancel",
                b"/sleep-schedule",
                b"?cursor=",
            ),
            *(b"Transfer-Encoding: chunked\r\n", b"Content-Length: ", b"Origin: http://", b"X-Forwarded-For: ", b"%00"),
            *(_AUTHORIZATION, _ID, _W, b"Sec-Fetch-Site: ", b"Expect: 100-continue\r\n", b"If-Modified-Since: ", b"\0"),
        ),
        large=lambda: (
            b"GET /" + b"a" * 1_000_000,
            b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20_000 + b"\r\n",
            b"POST /sign-on HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 20_000,
            b"POST /sign-on HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 1_000_000,
            _asking(b"GET /may-i-run/" + _ID) * 100,
            _asking(b"POST /worker-action/" + _W, b"&".join([b"a=b"] * 500_000), _FORM),
        ),
        slow=True,
    ),
)
