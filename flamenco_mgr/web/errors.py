"""Which exception becomes which answer."""

from http import HTTPStatus

from attrs import frozen
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.server import Request
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import RequestRedirect

from flamenco_mgr.domain.requesting import CannotRequest
from flamenco_mgr.farm.refusals import NotHere, NotPossible
from flamenco_mgr.store.interfaces import StoreUnavailable
from flamenco_mgr.web.replies import error_reply, reply
from flamenco_mgr.wire.strict_json import BadJSON
from flamenco_mgr.wire.worker_json import BadDocument

_log = Logger()

REALM = b'Basic realm="Flamenco Manager"'


class Unauthorized(Exception):
    """Whoever asks is no worker of ours; the text says why, for people."""


class RegistrationRefused(Exception):
    """Whoever wants to be a worker may not; the text says why."""


class NotForYou(Exception):
    """Whoever asks may not see or steer the farm; the text says why, for people."""


class BadRequest(Exception):
    """A parameter or a body is wrong; the text says what, for people."""


class BadId(Exception):
    """A part of the URL is no id."""

    def __init__(self, name: str, value: str) -> None:
        super().__init__(f"Invalid ObjectID used for {name}: {value}")


class NothingNamed(Exception):
    """A body is well formed, and yet names nothing to work on."""


@frozen
class PlainError(Exception):
    """An answer for people, in plain text (dashboard.md 1)."""

    status: HTTPStatus
    text: str


_TABLE: tuple[tuple[type[Exception], HTTPStatus, str], ...] = (
    (Unauthorized, HTTPStatus.UNAUTHORIZED, ""),
    (RegistrationRefused, HTTPStatus.FORBIDDEN, ""),
    (NotForYou, HTTPStatus.FORBIDDEN, ""),
    (BadJSON, HTTPStatus.BAD_REQUEST, "Unable to decode JSON: "),
    (BadDocument, HTTPStatus.BAD_REQUEST, ""),
    (BadRequest, HTTPStatus.BAD_REQUEST, ""),
    (CannotRequest, HTTPStatus.BAD_REQUEST, ""),
    (NotHere, HTTPStatus.NOT_FOUND, ""),
    (NotPossible, HTTPStatus.CONFLICT, ""),
    (NothingNamed, HTTPStatus.UNPROCESSABLE_ENTITY, ""),
    (BadId, HTTPStatus.NOT_FOUND, ""),
    (StoreUnavailable, HTTPStatus.SERVICE_UNAVAILABLE, ""),
)


def answer_to(request: Request, error: Exception) -> bytes:
    """Answer a request that failed; what nobody expected is logged, and its words stay here."""
    for kind, status, prefix in _TABLE:
        if isinstance(error, kind):
            if status == HTTPStatus.UNAUTHORIZED:
                request.setHeader(b"WWW-Authenticate", REALM)
            return error_reply(request, status, f"{prefix}{error}")
    if isinstance(error, PlainError):
        request.setHeader(b"X-Content-Type-Options", b"nosniff")
        return reply(request, error.status, b"text/plain; charset=utf-8", error.text.encode("utf-8", "replace") + b"\n")
    if isinstance(error, MethodNotAllowed):
        allowed = ", ".join(sorted(error.valid_methods or ()))
        request.setHeader(b"Allow", allowed.encode())
        return error_reply(request, HTTPStatus.METHOD_NOT_ALLOWED, f"only {allowed} is possible here")
    if isinstance(error, (NotFound, RequestRedirect)):
        return error_reply(request, HTTPStatus.NOT_FOUND, "there is nothing here")
    _log.failure("{method} {uri} failed", failure=Failure(error), method=request.method, uri=request.uri)
    return error_reply(
        request, HTTPStatus.INTERNAL_SERVER_ERROR, "something went wrong here; the Manager's log has more"
    )
