"""Places in lists as texts that clients hand back: opaque, harmless in a URL, and checked."""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode

from flamenco_mgr.store.interfaces import Place
from flamenco_mgr.web.errors import BadRequest
from flamenco_mgr.wire.strict_json import BadJSON, harmless, parsed

LONGEST = 2000
"""Characters; names of tasks are in some of them."""

_MOST_TEXTS = 8

FOREIGN = "cursor is none of this list: begin again without it"


def cursor_of(place: Place | None) -> str | None:
    """Return the cursor of a place, None for the end."""
    if place is None:
        return None
    text = json.dumps(place, separators=(",", ":"), ensure_ascii=False).encode()
    return urlsafe_b64encode(text).decode("ascii").rstrip("=")


def place_of(cursor: str) -> Place:
    """Return the place of a cursor; raises `BadRequest` if no list can have given it out."""
    if len(cursor) > LONGEST or not cursor.isascii():
        raise BadRequest(FOREIGN)
    try:
        texts = parsed(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, BadJSON):
        raise BadRequest(FOREIGN) from None
    if not isinstance(texts, list) or len(texts) > _MOST_TEXTS:
        raise BadRequest(FOREIGN)
    place = tuple(text for text in texts if isinstance(text, str) and text == harmless(text))
    if len(place) != len(texts):
        raise BadRequest(FOREIGN)
    return place
