"""One exchange with the Server: asked as it wants to be asked, answered in time and in bounds, or a `ServerTrouble`."""

import base64
from collections.abc import Awaitable, Callable, Mapping
from http.cookiejar import CookieJar
from typing import Any

from attrs import define, field, frozen
from hyperlink import EncodedURL
from treq.client import HTTPClient
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint
from twisted.python.failure import Failure
from twisted.web.client import URI, Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory, IBodyProducer, IResponse
from zope.interface import implementer

from flamenco_mgr.server.clock_offset import ClockOffset
from flamenco_mgr.server.one_coding import OneCodingAgent
from flamenco_mgr.server.reachability import Reachability
from flamenco_mgr.server.reply_body import ReplyBody
from flamenco_mgr.server.trouble import (
    BadReply,
    CredentialsRefused,
    ServerRefused,
    ServerSilent,
    ServerTrouble,
    ServerUnreachable,
)
from flamenco_mgr.server.whole_body import body_producer
from flamenco_mgr.wire.server_json import BadDocument

CONNECT_TIME = 10.0
"""Seconds for connecting, within the time of the whole exchange."""

REPLY_LIMIT = 16 << 20
"""Bytes of an answer, if nothing else is said."""

_CONNECTIONS = 20
_IDLE_TIME = 30
_WORDS = 300

_OK = 200
_MULTIPLE_CHOICES = 300
_NOT_MODIFIED = 304
_BAD_REQUEST = 400
_UNAUTHORISED = frozenset({401, 403})
_NOT_FOUND = 404


def http_client(reactor: Any) -> HTTPClient:
    """Return the client that a whole process uses; its connections are kept and shared."""
    pool = HTTPConnectionPool(reactor)
    pool.maxPersistentPerHost = _CONNECTIONS
    # The Server closes idle ones, too, and a POST that meets a connection just closed is lost.
    pool.cachedConnectionTimeout = _IDLE_TIME
    cookies: Any = _NoCookies()
    agent = Agent.usingEndpointFactory(reactor, _Endpoints(reactor), pool)
    return HTTPClient(OneCodingAgent(agent), cookiejar=cookies, data_to_body_producer=body_producer)


class _NoCookies(CookieJar):
    """Keeps nothing: the Server has no sessions for Managers, and to look for cookies costs more than to ask."""

    def add_cookie_header(self, request: object) -> None:
        pass

    def extract_cookies(self, response: object, request: object) -> None:
        pass


class _EncodedAlready(EncodedURL):
    """A URL that was encoded once: to do it again and again takes longer than to make the rest of a request."""

    def to_uri(self) -> "_EncodedAlready":
        return self


@implementer(IAgentEndpointFactory)
@define(eq=False)
class _Endpoints:
    """Makes an endpoint once for each Server, not for each request: making one is slower than using it."""

    _reactor: Any
    _policy: BrowserLikePolicyForHTTPS = field(init=False, factory=BrowserLikePolicyForHTTPS)
    _made: dict[tuple[bytes, bytes, int], IStreamClientEndpoint] = field(init=False, factory=dict)

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        key = (uri.scheme, uri.host, uri.port)
        if key not in self._made:
            endpoint: IStreamClientEndpoint = HostnameEndpoint(
                self._reactor, uri.host.decode("ascii"), uri.port, timeout=CONNECT_TIME
            )
            if uri.scheme == b"https":
                endpoint = wrapClientTLS(self._policy.creatorForNetloc(uri.host, uri.port), endpoint)
            self._made[key] = endpoint
        return self._made[key]


@frozen(kw_only=True)
class Request:
    """
    What is asked of the Server.

    ``what`` names it for people and tells refusals apart. The exchange as a whole, connecting and the body included,
    has ``seconds``. ``take`` gets the pieces of a body of status 200 as they arrive; without it the body is kept.
    ``is_ours``: the path names this Manager, so that 404 means that we are not known. ``content_type`` is that of the
    body.
    """

    what: str
    path: tuple[str, ...]
    seconds: float
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(factory=dict)
    body: bytes | IBodyProducer | None = None
    content_type: str = "application/json"
    limit: int = REPLY_LIMIT
    take: Callable[[bytes], Awaitable[None]] | None = None
    is_ours: bool = True


@frozen(kw_only=True)
class Answer:
    """
    A 200, 204, 304 or another success; ``body`` is empty if it was taken piece by piece.

    ``date`` is when it was written by the Server's clock, in seconds since 1970, UTC.
    """

    status: int
    headers: Headers
    body: bytes
    date: float

    def header(self, name: str) -> str | None:
        """Return a header's value, or None if it is not there."""
        return _header(self.headers, name)


@define(eq=False, kw_only=True)
class ServerExchange:
    """Carries requests to the Server at ``url``; of that, only scheme, host and port count (server-api.md 1)."""

    treq: Any
    clock: IReactorTime
    url: str
    secret: str = field(repr=False)
    reachability: Reachability
    offset: ClockOffset
    _root: EncodedURL = field(init=False)
    _authorization: bytes = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Prepare what is the same in each request."""
        uri = EncodedURL.from_text(self.url).to_uri()
        self._root = _EncodedAlready(scheme=uri.scheme, host=uri.host, port=uri.port)
        self._authorization = b"Basic " + base64.b64encode(f"{self.secret}:".encode())

    async def ask(self, request: Request) -> Answer:
        """
        Ask the Server.

        Raises `ServerUnreachable`, `ServerRefused` (`CredentialsRefused` if it is about us) and `BadReply`, and what
        ``take`` raises, where a `BadDocument` becomes a `BadReply`.
        """
        asking = Deferred.fromCoroutine(self._ask(request))
        _ = asking.addTimeout(request.seconds, self.clock, onTimeoutCancel=_too_late)
        try:
            return await asking
        except ServerUnreachable as e:
            if request.seconds >= CONNECT_TIME or not isinstance(e, ServerSilent):
                self.reachability.unreachable(str(e))
            raise
        except CredentialsRefused as e:
            self.reachability.refused(request.what, e)
            raise

    async def _ask(self, request: Request) -> Answer:
        began = self.clock.seconds()
        response: IResponse = await _received(self._request(request))
        self.reachability.answered()
        date = self.offset.heard(_header(response.headers, "Date"), began)
        body = ReplyBody(request.limit)
        try:
            await _received(_delivered(response, body))
            if response.code >= _MULTIPLE_CHOICES and response.code != _NOT_MODIFIED:
                raise self._refusal(request, response, await _received(body.beginning(_WORDS * 4)))
            if request.take is None or response.code != _OK:
                text = await _received(body.whole())
            else:
                text = b""
                while (piece := await _received(body.next())) is not None:
                    await request.take(piece)
        except BadDocument as e:
            raise BadReply(f"the answer to {request.what} {e}") from e
        finally:
            body.abort()
        self.reachability.accepted(request.what)
        return Answer(status=response.code, headers=response.headers, body=text, date=date)

    async def _request(self, request: Request) -> Any:
        headers = Headers({b"Authorization": [self._authorization], b"Accept": [b"application/json"]})
        for name, value in request.headers.items():
            headers.addRawHeader(name, value)
        if request.body is not None:
            headers.addRawHeader("Content-Type", request.content_type)
        return await self.treq.request(
            "GET" if request.body is None else "POST",
            self._root.replace(path=request.path, query=request.query),
            headers=headers,
            data=request.body,
            allow_redirects=False,
            unbuffered=True,
        )

    def _refusal(self, request: Request, response: IResponse, body: bytes) -> ServerRefused:
        status = response.code
        words = " ".join(body.decode("utf-8", "replace").split())[:_WORDS]
        if status < _BAD_REQUEST:
            target = _header(response.headers, "Location")
            words = f"it wants to send us to {target}; is the setting flamenco right, http or https?"
        words = words.replace(self.secret, "…") if self.secret else words
        if status in _UNAUTHORISED or (status == _NOT_FOUND and request.is_ours):
            return CredentialsRefused(status, words)
        return ServerRefused(status, words)


def _header(headers: Headers, name: str) -> str | None:
    values = headers.getRawHeaders(name)
    return values[0] if values else None


async def _delivered(response: IResponse, body: ReplyBody) -> None:
    response.deliverBody(body)  # what came with the headers may fail to be decompressed here


async def _received(work: "Awaitable[Any]") -> Any:
    """Wait for the network, whose many ways to fail are one to us."""
    try:
        return await work
    except ServerTrouble:
        raise
    except Exception as e:
        if _was_cancelled(e):
            raise CancelledError from e
        raise ServerUnreachable(_words(e)) from e


def _was_cancelled(error: BaseException) -> bool:
    # The HTTP client wraps what ended a request in words of its own.
    reasons = getattr(error, "reasons", ())
    return isinstance(error, CancelledError) or any(reason.check(CancelledError) for reason in reasons)


def _words(error: BaseException) -> str:
    reasons: list[Failure] = list(getattr(error, "reasons", ()))
    texts = [_words(reason.value) for reason in reasons if reason.value is not None] or [str(error).rstrip(".")]
    return "; ".join(text for text in texts if text) or type(error).__name__


def _too_late(value: object, seconds: float) -> object:
    # The result may have come at this very instant: then it counts.
    if isinstance(value, Failure):
        raise ServerSilent(f"no answer within {seconds:g} seconds")
    return value
