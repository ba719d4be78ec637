"""What a request for a page asks for: its parameters, read strictly."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from attrs import frozen
from twisted.web.server import Request

from flamenco_mgr.domain.ids import normal_id
from flamenco_mgr.store.interfaces import Page, Place
from flamenco_mgr.web.api.cursors import FOREIGN, cursor_of, place_of
from flamenco_mgr.web.errors import BadRequest
from flamenco_mgr.wire.strict_json import harmless

T = TypeVar("T")

MOST_ITEMS = 500
"""Items of a page."""

ITEMS = 100
"""Items of a page if nobody says how many."""

LONGEST = 200
"""Characters of a text that is looked for."""

_SHOWN = 40
_DIGITS = 9


@frozen
class Asked:
    """The parameters of a request; each may be there once."""

    _given: Mapping[str, str]

    @classmethod
    def of(cls, request: Request, *known: str) -> "Asked":
        """Return the parameters of a request; raises `BadRequest` for one that is not known, or is there twice."""
        given: dict[str, str] = {}
        for raw, values in (request.args or {}).items():
            name = raw.decode("utf-8", "replace")
            if name not in known:
                names = ", ".join(sorted(known)) or "none"
                raise BadRequest(f"there is no parameter {_shown(name)} here; there are: {names}")
            if len(values) > 1:
                raise BadRequest(f"{name} is given more than once")
            given[name] = _text(name, values[0])
        return cls(given)

    def limit(self) -> int:
        """Return how many items a page may have."""
        text = self._given.get("limit")
        if text is None:
            return ITEMS
        plain = text.isascii() and text.isdigit() and len(text) <= _DIGITS
        if not plain or not 1 <= int(text) <= MOST_ITEMS:
            raise BadRequest(f"limit must be a whole number from 1 to {MOST_ITEMS}, not {_shown(text)}")
        return int(text)

    def place(self) -> Place | None:
        """Return where the page begins, None for the beginning of the list."""
        text = self.cursor("cursor")
        return None if text is None else place_of(text)

    def cursor(self, name: str) -> str | None:
        """Return a text that a page before gave out, None if it is not given."""
        return self._given.get(name)

    def an_id(self, name: str) -> str | None:
        """Return an id, None if it is not given."""
        text = self._given.get(name)
        if text is None:
            return None
        normal = normal_id(text)
        if normal is None:
            raise BadRequest(f"{name} must be an id of 24 hexadecimal digits, not {_shown(text)}")
        return normal

    def text(self, name: str) -> str | None:
        """Return a text, None if it is not given."""
        text = self._given.get(name)
        if text is not None and len(text) > LONGEST:
            raise BadRequest(f"{name} is longer than {LONGEST} characters")
        return text

    def needed(self, name: str) -> str:
        """Return a text that must be given, as long as whatever the farm may be asked for by it."""
        text = self._given.get(name)
        if text is None:
            raise BadRequest(f"{name} is missing")
        return text

    def needed_id(self, name: str) -> str:
        """Return an id that must be given."""
        found = self.an_id(name)
        if found is None:
            raise BadRequest(f"{name} is missing")
        return found


async def turned(reading: Awaitable[Page[T]]) -> Page[T]:
    """Return the page that is being read; raises `BadRequest` if it was to begin at a place of another list."""
    try:
        return await reading
    except ValueError:
        raise BadRequest(FOREIGN) from None


def page_document(page: Page[T], document: Callable[[T], Mapping[str, object]]) -> dict[str, object]:
    """Return a page as JSON, with the document of each item."""
    return {"items": [document(item) for item in page.items], "next": cursor_of(page.next)}


def _text(name: str, value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise BadRequest(f"{name} is not UTF-8") from None
    if text != harmless(text):
        raise BadRequest(f"{name} has characters that nothing is called by")
    return text


def _shown(text: str) -> str:
    return ascii(text) if len(text) <= _SHOWN else ascii(text[:_SHOWN]) + "…"
