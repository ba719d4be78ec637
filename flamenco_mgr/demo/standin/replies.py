"""Answers as values, so that misbehaviour can change them before they are sent."""

import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

from attrs import frozen

Headers = tuple[tuple[bytes, bytes], ...]

JSON: Final = b"application/json"
HTML: Final = b"text/html; charset=utf-8"

_IN_ERROR_OBJECT: Final = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)
_NO_BODY: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


@frozen(kw_only=True)
class Whole:
    """The answer is sent as it is."""


@frozen(kw_only=True)
class Cut:
    """The connection is closed after so many bytes of the body."""

    at: int


@frozen(kw_only=True)
class Stall:
    """Nothing more is sent after so many bytes of the body, and the connection stays open."""

    at: int


@frozen(kw_only=True)
class Lost:
    """The connection is closed and nothing of the answer is sent."""


Delivery = Whole | Cut | Stall | Lost
_WHOLE: Final = Whole()


@frozen(kw_only=True)
class Reply:
    """An answer; a body in parts is sent as fast as the other side takes them."""

    status: int = HTTPStatus.OK
    headers: Headers = ()
    body: bytes | Iterable[bytes] = b""
    delivery: Delivery = _WHOLE

    def whole_body(self) -> bytes:
        """Return the body in one; one in parts can be asked for it only once."""
        return self.body if isinstance(self.body, bytes) else b"".join(self.body)


def encoded(value: Any) -> bytes:
    """Return a JSON text."""
    return json.dumps(value, separators=(",", ":")).encode()


def json_reply(value: Any, *, status: int = HTTPStatus.OK, headers: Headers = ()) -> Reply:
    """Return an answer with a JSON body."""
    return Reply(status=status, headers=((b"Content-Type", JSON), *headers), body=encoded(value))


def error_reply(status: int, message: str) -> Reply:
    """Return an error in the Server's shape for its status (server-api.md 1)."""
    if status in _NO_BODY:
        return Reply(status=status)
    if status in _IN_ERROR_OBJECT:
        return json_reply({"_status": "ERR", "_error": {"code": status, "message": message}}, status=status)
    return json_reply({"_status": "ERR", "_code": status, "_message": message}, status=status)


def stranger_reply() -> Reply:
    """Return what a caller gets whom the Server does not know: a page for people (server-api.md 2)."""
    page = b"<!DOCTYPE html><html><head><title>Forbidden</title></head><body><h1>403</h1></body></html>"
    return Reply(status=HTTPStatus.FORBIDDEN, headers=((b"Content-Type", HTML),), body=page)


class Refused(Exception):
    """A request gets an error; ``reply`` is the answer."""

    def __init__(self, status: int, message: str, reply: Reply | None = None) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.reply = error_reply(status, message) if reply is None else reply
