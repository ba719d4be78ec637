"""
Klein's resource, leaner.

Klein binds its URL map anew for each request, and cancels a handler whose client hangs up. Here one binding serves all,
the routes of the paths that are asked for again and again are remembered, and what was begun for a client ends in
order: a handler that has to know looks whether its client is gone.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Any, ClassVar
from urllib.parse import unquote_to_bytes

from klein import Klein
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request
from werkzeug.exceptions import NotFound

from flamenco_mgr.web.errors import answer_to
from flamenco_mgr.web.meter import RequestMeter, Series

Handler = Callable[..., Awaitable[bytes]]
"""Answers a request: is given it, and the named parts of its path; prepares its head, and returns its body."""


_REMEMBERED = 4096
"""Routes of paths; a thousand Workers that run a task ask for two each."""

_LONGEST = 64
"""Bytes of a path that is remembered; those of Workers are shorter."""


class LeanResource(Resource):
    """
    Answers requests by the routes of a Klein app, and has them metered.

    It counts those in progress, so that a stop can wait for them.
    """

    _log: ClassVar[Logger] = Logger()

    isLeaf = True

    def __init__(self, app: Klein, handlers: Mapping[str, Handler], meter: RequestMeter) -> None:
        super().__init__()
        self._meter = meter
        self._routes = app.url_map.bind("")
        self._handlers = handlers
        self._remembered = lru_cache(_REMEMBERED)(self._route)
        self._in_progress = 0
        self._waiting: list[Deferred[None]] = []

    def render(self, request: Request) -> Any:
        """Answer a request when its handler is done, which may be now."""
        _ = Deferred.fromCoroutine(self._serve(request))
        return NOT_DONE_YET

    def idle(self) -> "Deferred[None]":
        """Wait until no request is in progress."""
        if not self._in_progress:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        return waiting

    async def _serve(self, request: Request) -> None:
        self._in_progress += 1
        began, series = self._meter.now(), self._meter.elsewhere
        try:
            try:
                path = request.path
                handler, parts, series = (self._remembered if len(path) <= _LONGEST else self._route)(
                    request.method, path
                )
                body = await handler(request, **parts)
            except Exception as e:  # noqa: BLE001 there is an answer to everything
                body = answer_to(request, e)
            if not is_gone(request):
                request.write(body)
                request.finish()
        except Exception:  # noqa: BLE001 nobody else would hear of it
            self._log.failure("An answer could not be sent")
        finally:
            series.note(request.code, self._meter.now() - began)
            self._in_progress -= 1
            if not self._in_progress and self._waiting:
                self._tell_idle()

    def _route(self, method: bytes, path: bytes) -> tuple[Handler, Mapping[str, str], Series]:
        try:
            text = unquote_to_bytes(path).decode()
        except UnicodeDecodeError:
            raise NotFound from None
        endpoint, parts = self._routes.match(text, method.decode("latin-1"))
        return self._handlers[endpoint], parts, self._meter.series(endpoint)

    def _tell_idle(self) -> None:
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(None)


def is_gone(request: Request) -> bool:
    """Whether the client of a request that is not answered yet has hung up."""
    return request.channel is None
