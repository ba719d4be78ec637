"""The Manager as the commands see it: its HTTP interface (docs/api.md), and its refusals in a line."""

import json
import time
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

import urllib3
from attrs import frozen

from flamenco_mgr.cli.address import ManagerAddress
from flamenco_mgr.cli.connection import connected, told_apart
from flamenco_mgr.cli.outcome import CannotDo, Unreachable, WrongUsage
from flamenco_mgr.cli.output import Record
from flamenco_mgr.cli.texts import shortened

LARGEST_PAGE: Final = 500
"""Items that the Manager gives at once."""

_COMPLETE_WITHIN: Final = 60.0
_LARGEST: Final = 64 * 1024 * 1024
_LONGEST_REASON: Final = 64 * 1024
_PIECE: Final = 64 * 1024
_DEEPEST: Final = 100
_OURS: Final = "Flamenco-Manager"

Query = Mapping[str, str | None]
"""Parameters; those that are None are left out."""


@frozen(eq=False, kw_only=True)
class Manager:
    """
    A running Manager.

    Everything raises `Unreachable` if there is none, and `CannotDo` with the Manager's reason if it refuses:
    `WrongUsage` if that is how it was asked.
    """

    url: str
    _http: urllib3.PoolManager

    @classmethod
    def at(cls, address: ManagerAddress) -> "Manager":
        """Return the Manager at an address; nothing is sent yet."""
        return cls(url=address.url, http=connected(address))

    def close(self) -> None:
        """Close its connections."""
        self._http.clear()

    def status(self) -> dict[str, Any]:
        """Return how the farm is."""
        found = self._object("GET", "/api/v1/status", None, is_always_there=True)
        if not found.get("version"):
            raise self._no_manager("its status tells no version")
        return found

    def get(self, path: str, query: Query | None = None) -> dict[str, Any]:
        """Return what is there."""
        return self._object("GET", path, query)

    def act(self, method: str, path: str, *, query: Query | None = None, body: object = None) -> dict[str, Any]:
        """Have something done, and return what the Manager says of it; mostly nothing."""
        return self._object(method, path, query, None if body is None else json.dumps(body).encode())

    def list(self, path: str, query: Query | None = None, *, limit: int | None = None) -> Iterator[Record]:
        """Yield the items of a list, page by page: the first ``limit``, or all of them."""
        cursor: str | None = None
        left = limit
        while left is None or left > 0:
            size = LARGEST_PAGE if left is None else min(left, LARGEST_PAGE)
            asked = {**(query or {}), "limit": str(size), "cursor": cursor}
            page = self._object("GET", path, asked, is_always_there=True)
            items, following = page.get("items"), page.get("next")
            if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
                raise self._no_manager("its list is none")
            yield from items[:left]
            if following is None:
                return
            if following == cursor or not isinstance(following, str):
                raise self._no_manager("its list does not go on")
            cursor = following
            left = None if left is None else left - len(items)

    def pieces(self, path: str) -> Iterator[bytes]:
        """Yield what is there, piece by piece."""
        with told_apart(self.url):
            response = self._http.request("GET", self.url + path, preload_content=False, redirect=False)
            try:
                self._check(response)
                while piece := response.read1(_PIECE, decode_content=True):
                    yield piece
            finally:
                response.close()

    def _object(
        self,
        method: str,
        path: str,
        query: Query | None,
        body: bytes | None = None,
        *,
        is_always_there: bool = False,
    ) -> dict[str, Any]:
        given = {name: value for name, value in (query or {}).items() if value is not None}
        url = f"{self.url}{path}" + (f"?{urlencode(given, errors='surrogateescape')}" if given else "")
        with told_apart(self.url):
            response = self._http.request(
                method,
                url,
                body=body,
                headers={**self._http.headers, **({} if body is None else {"Content-Type": "application/json"})},
                preload_content=False,
                redirect=False,
            )
            try:
                if is_always_there and response.status == HTTPStatus.NOT_FOUND:
                    raise Unreachable(
                        f"What answers at {self.url} has no /api/v1: an older Manager, or another address"
                    )
                self._check(response)
                if response.status == HTTPStatus.NO_CONTENT:
                    return {}
                content = self._content(response)
            finally:
                response.release_conn()
        document = _document(content)
        if document is None:
            raise self._no_manager(f"it answers {_named(response)} without JSON")
        return document

    def _content(self, response: urllib3.BaseHTTPResponse) -> bytes:
        """Return an answer that is neither endless nor takes forever."""
        content, until = bytearray(), time.monotonic() + _COMPLETE_WITHIN
        while piece := response.read1(_PIECE, decode_content=True):
            content += piece
            if len(content) > _LARGEST or time.monotonic() > until:
                what = f"larger than {_LARGEST // 1024**2} MiB, or takes more than {_COMPLETE_WITHIN:g} s"
                raise self._no_manager(f"its answer is {what}")
        return bytes(content)

    def _check(self, response: urllib3.BaseHTTPResponse) -> None:
        """Raise what is wrong, if the answer is a refusal."""
        if HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
            return
        content = response.read(_LONGEST_REASON, decode_content=True)
        reason = (_document(content) or {}).get("error")
        is_ours = response.headers.get("Server") == _OURS
        if isinstance(reason, str) and (is_ours or response.status != HTTPStatus.NOT_FOUND):
            refusal = WrongUsage if response.status == HTTPStatus.BAD_REQUEST else CannotDo
            raise refusal(f"The Manager refuses: {shortened(reason, 1000)}")
        if not is_ours:
            raise self._no_manager(f"it answers {_named(response)}")
        raise CannotDo(f"The Manager refuses: {shortened(content.decode('utf-8', 'replace').strip(), 1000)}")

    def _no_manager(self, why: str) -> Unreachable:
        return Unreachable(f"What is at {self.url} is no Flamenco Manager of this version: {why}")


def _named(response: urllib3.BaseHTTPResponse) -> str:
    return shortened(f"{response.status} {response.reason or ''}".strip())


def _document(content: bytes) -> dict[str, Any] | None:
    """Return a JSON object, or None if the bytes are none."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and not _is_too_deep(value) else None


def _is_too_deep(value: object) -> bool:
    """Whether a JSON value is nested so deeply that to write it again would fail."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return False
    return True
