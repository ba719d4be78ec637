"""One command to a server over a plain socket: for what a test asks of it beside the store's own connections."""

import socket
import struct
from collections.abc import Mapping
from typing import Any

import bson

_OP_MSG = 2013
_HEADER = struct.Struct("<iiii")
_PATIENCE = 10.0


def command(port: int, document: Mapping[str, Any], database: str = "admin") -> dict[str, Any]:
    """Return the answer of a server on this machine: AssertionError if it is not "ok", OSError if none comes."""
    body = struct.pack("<i", 0) + b"\0" + bson.encode({**document, "$db": database})
    with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE) as connection:
        connection.sendall(_HEADER.pack(_HEADER.size + len(body), 1, 0, _OP_MSG) + body)
        with connection.makefile("rb") as stream:
            header = stream.read(_HEADER.size)
            if not header:
                raise ConnectionResetError
            length, _, _, _ = _HEADER.unpack(header)
            answer: dict[str, Any] = bson.decode(stream.read(length - _HEADER.size)[5:])
    assert answer["ok"] == 1, answer
    return answer
