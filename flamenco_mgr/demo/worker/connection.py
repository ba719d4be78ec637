"""How a Worker talks HTTP: three seconds a request, and five resends."""

from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from typing import Final
from urllib.parse import urljoin

from attrs import define, field, frozen
from treq.client import HTTPClient
from twisted.internet import defer
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError, ConnectionClosed, DNSLookupError
from twisted.internet.interfaces import IReactorTime
from twisted.web.client import HTTPConnectionPool, RequestTransmissionFailed, ResponseFailed
from twisted.web.http_headers import Headers

from flamenco_mgr.demo.worker.journal import Endpoint, Journal, Offence
from flamenco_mgr.demo.worker.process import WorkerProcess

TIME_LIMIT = 3.0
"""Seconds of the clock, never scaled: the Manager does not get faster when the farm's time does."""

RESENDS = 5

_USER_AGENT: Final = "Flamenco-Worker/2.5"
_SLEPT_UPON: Final = {413, 429, 503}


class NoAnswer(Exception):
    """The Manager can't be reached, or did not answer in time, after all resends."""


class _NotSent(NoAnswer):
    """There was no connection, so the request is sent again, whatever it is."""


class _Lost(NoAnswer):
    """The Manager may have got the request, so only a GET is sent again."""


@frozen(kw_only=True)
class Answer:
    """An HTTP answer as far as a Worker looks at it."""

    status: int
    body: bytes

    @property
    def accepted(self) -> bool:
        """Whether the Worker takes the request as done."""
        return self.status < 400  # noqa: PLR2004 the first status that is an error


@frozen(kw_only=True)
class _Request:
    method: str
    endpoint: Endpoint
    path: str
    headers: Mapping[str, str]
    body: bytes | None = None


def connection_pool(reactor: object, *, workers: int) -> HTTPConnectionPool:
    """
    Return the pool of connections that ``workers`` simulated Workers share.

    Each of them can keep two, as its requests overlap. The resends are the Workers' own, so the pool makes none.
    """
    pool = HTTPConnectionPool(reactor)
    pool.maxPersistentPerHost = 2 * workers
    pool.cachedConnectionTimeout = 60
    pool.retryAutomatically = False
    return pool


@define(eq=False, kw_only=True)
class ManagerConnection:
    """
    The one way to the Manager; notes how long each answer took (worker-api.md 1).

    A path in ``manager_url`` is dropped, as by the real Worker. A failure to connect is resent at once, up to five
    times; a broken connection or a time-out only for a GET. Redirects are not followed: one is an offence, and no
    answer.
    """

    client: HTTPClient
    clock: IReactorTime
    process: WorkerProcess
    journal: Journal
    manager_url: str
    _authorization: dict[str, str] = field(init=False, factory=dict)

    def identify(self, worker_id: str, secret: str) -> None:
        """Send these credentials from now on."""
        credentials = b64encode(f"{worker_id}:{secret}".encode()).decode()
        self._authorization = {"Authorization": f"Basic {credentials}"}

    async def get(self, endpoint: Endpoint, path: str) -> Answer:
        """Ask; raises `NoAnswer`."""
        return await self._ask(_Request(method="GET", endpoint=endpoint, path=path, headers=self._authorization))

    async def post(self, endpoint: Endpoint, path: str, body: bytes | None = None) -> Answer:
        """Tell, without content type when there is no body; raises `NoAnswer`."""
        return await self._ask(
            _Request(method="POST", endpoint=endpoint, path=path, headers=self._authorization, body=body)
        )

    async def introduce(self, body: bytes, token: str) -> Answer:
        """Register, without credentials but with a token, if there is one; raises `NoAnswer`."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return await self._ask(
            _Request(method="POST", endpoint=Endpoint.REGISTER, path="/register-worker", headers=headers, body=body)
        )

    def offended(self, endpoint: Endpoint, what: str) -> None:
        """Note something that a real Worker can't bear."""
        self.journal.offences.append(Offence(at=self.clock.seconds(), endpoint=endpoint, what=what))

    async def _ask(self, request: _Request) -> Answer:
        resent = (_NotSent,) if request.method == "POST" else (_NotSent, _Lost)
        for _ in range(RESENDS):
            with suppress(*resent):
                return await self._send(request)
        return await self._send(request)

    async def _send(self, request: _Request) -> Answer:
        began = self.clock.seconds()
        exchange = self.process.wait(Deferred.fromCoroutine(self._exchange(request)))
        try:
            answer = await exchange.addTimeout(TIME_LIMIT, self.clock)
        except NoAnswer:
            self.journal.unanswered[request.endpoint] += 1
            raise
        except defer.TimeoutError as e:
            self.journal.unanswered[request.endpoint] += 1
            self.offended(request.endpoint, f"no answer within {TIME_LIMIT:g} s")
            raise _Lost from e
        self.journal.latencies[request.endpoint].append(self.clock.seconds() - began)
        if 300 <= answer.status < 400:  # noqa: PLR2004 the redirects
            self.offended(request.endpoint, f"redirects ({answer.status}), which loses a Worker's request")
            raise NoAnswer
        return answer

    async def _exchange(self, request: _Request) -> Answer:
        headers = Headers({"User-Agent": [_USER_AGENT]})
        for name, value in request.headers.items():
            headers.addRawHeader(name, value)
        if request.body is not None:
            headers.addRawHeader("Content-Type", "application/json")
        url = urljoin(self.manager_url, request.path)
        try:
            response = await self.client.request(
                request.method, url, headers=headers, data=request.body, allow_redirects=False
            )
            body = await response.content()
        except (ConnectError, DNSLookupError) as e:
            raise _NotSent from e
        except (ConnectionClosed, RequestTransmissionFailed, ResponseFailed) as e:
            raise _Lost from e
        if request.method == "GET" and response.code in _SLEPT_UPON and response.headers.hasHeader("Retry-After"):
            self.offended(request.endpoint, "sends Retry-After, which puts a Worker's thread to sleep")
        return Answer(status=response.code, body=body)
