"""HTTP/1.1 as cheap as Python can: answers are cut from a buffer, requests come as bytes."""

import socket
import time
from types import TracebackType

from attrs import frozen

_END = b"\r\n\r\n"


class Unexpected(Exception):
    """The other side did not speak as a benchmark needs it."""


@frozen(kw_only=True)
class Answer:
    """A status and a body."""

    status: int
    body: bytes


def cut(buffer: bytearray) -> Answer | None:
    """Take one answer off the front of what has arrived, or return None if it is not all there yet."""
    end = buffer.find(_END)
    if end < 0:
        return None
    head = bytes(buffer[:end]).lower()
    start = end + len(_END)
    length = _length(head)
    if len(buffer) < start + length:
        return None
    answer = Answer(status=int(head[9:12]), body=bytes(buffer[start : start + length]))
    del buffer[: start + length]
    return answer


def _length(head: bytes) -> int:
    at = head.find(b"\r\ncontent-length:")
    if at >= 0:
        return int(head[at + 17 :].split(b"\r\n", 1)[0])
    if b"\r\ntransfer-encoding:" in head:
        raise Unexpected("a chunked answer")
    return 0


class OneConnection:
    """A connection for one request at a time, on a blocking socket: nothing of ours is between two clock readings."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray()

    def __enter__(self) -> "OneConnection":  # noqa: PYI034 Self came with Python 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def ask(self, request: bytes) -> tuple[Answer, float]:
        """Send a request and return its answer, and how many seconds that took."""
        began = time.perf_counter()
        self._socket.sendall(request)
        while True:
            arrived = self._socket.recv(65536)
            if not arrived:
                raise Unexpected("the connection was closed")
            self._buffer += arrived
            answer = cut(self._buffer)
            if answer is not None:
                return answer, time.perf_counter() - began
