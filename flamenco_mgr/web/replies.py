"""How every answer is written."""

import json
from http import HTTPStatus
from urllib.parse import unquote_to_bytes

from twisted.web.server import Request

SERVER = b"Flamenco-Manager"
"""What this program calls itself towards clients; its version is nobody's business."""

JSON = b"application/json"
TEXT = b"text/plain; charset=utf-8"

_MAY_I_RUN = b"may-i-run"
_NO = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})

_encode = json.JSONEncoder(allow_nan=False).encode


def encoded(value: object) -> bytes:
    """Return a JSON value as it is sent."""
    return _encode(value).encode("ascii") + b"\n"


def reply(request: Request, status: HTTPStatus, content_type: bytes, body: bytes) -> bytes:
    """Prepare an answer of a known length, and return its body."""
    request.setResponseCode(status, status.phrase.encode())
    request.setHeader(b"Content-Type", content_type)
    request.setHeader(b"Content-Length", b"%d" % len(body))
    return body


def json_reply(request: Request, status: HTTPStatus, value: object) -> bytes:
    """Prepare an answer with a JSON value."""
    return reply(request, status, JSON, encoded(value))


def no_content(request: Request) -> bytes:
    """Prepare the answer that all is well and there is nothing to say."""
    request.setResponseCode(HTTPStatus.NO_CONTENT)
    return b""


def error_reply(request: Request, status: HTTPStatus, why: str) -> bytes:
    """Prepare the answer that something is wrong, in JSON, as the asker can bear it."""
    return json_reply(request, status, error_document(request.uri, status, why))


def error_document(uri: bytes, status: HTTPStatus, why: str) -> dict[str, object]:
    """
    Return what an error says to whoever asked for ``uri``.

    A Worker that asks whether to go on reads the body whatever the status is, and any key but the three that it knows
    ends its asking for good (worker-api.md 4.6). It stops for a plain no, and goes on when we cannot tell.
    """
    if _MAY_I_RUN in unquote_to_bytes(uri):
        return {"may_keep_running": False, "reason": why} if status in _NO else {"may_keep_running": True}
    if status == HTTPStatus.UNAUTHORIZED:
        return {"may_keep_running": False, "reason": why}
    return {"error": why}


def raw_error(uri: bytes, status: HTTPStatus, why: str) -> bytes:
    """Return a whole answer, for a request that is not understood well enough to answer it the usual way."""
    body = encoded(error_document(uri, status, why))
    return b"HTTP/1.1 %d %s\r\nServer: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (
        status,
        status.phrase.encode(),
        SERVER,
        JSON,
        len(body),
        body,
    )
