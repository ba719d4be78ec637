"""What stands before everything else: it lets requests through while the Manager is ready for them."""

from http import HTTPStatus
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.web.resource import Resource
from twisted.web.server import Request

from flamenco_mgr.web.health import ALIVE, READY, alive, not_ready
from flamenco_mgr.web.lean import LeanResource
from flamenco_mgr.web.replies import error_reply

_ALIVE = ALIVE.encode()
_HEALTH = frozenset({_ALIVE, READY.encode()})
_READING = frozenset({b"GET", b"HEAD"})


class Gate(Resource):
    """
    The root of the site: answers 503 with a reason until it is opened, and after it was closed.

    That the process lives, and is not ready, it says by itself then.
    """

    isLeaf = True

    def __init__(self, reason: str = "the Manager is starting") -> None:
        super().__init__()
        self._reason = reason
        self._open = False
        self._behind: LeanResource | None = None

    def open(self, resource: LeanResource) -> None:
        """Let a resource answer from now on."""
        self._behind = resource
        self._open = True

    def close(self, reason: str) -> None:
        """Answer by oneself from now on; what is in progress goes on."""
        self._reason = reason
        self._open = False

    def idle(self) -> "Deferred[None]":
        """Wait until no request is in progress."""
        return succeed(None) if self._behind is None else self._behind.idle()

    def render(self, request: Request) -> Any:
        """Answer a request, or let it be answered."""
        if self._open and self._behind is not None:
            return self._behind.render(request)
        if request.method in _READING and request.path in _HEALTH:
            return alive(request) if request.path == _ALIVE else not_ready(request, self._reason)
        return error_reply(request, HTTPStatus.SERVICE_UNAVAILABLE, self._reason)
