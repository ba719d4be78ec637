"""Places in lists: each knows which list it belongs to, as they come back from outside."""

from hashlib import blake2b

from flamenco_mgr.store.interfaces import Place

_MARK_BYTES = 6

_DIGITS = 18
"""So many fit into what databases count with."""


def place(this_list: object, *position: str) -> Place:
    """Return the place of a position in a list, which is named by what was asked for."""
    return (_mark(this_list), *position)


def position(this_list: object, place: Place | None, length: int) -> tuple[str, ...] | None:
    """Return the position of a place, so many texts, None for the beginning; ValueError if it is of another list."""
    if place is None:
        return None
    if len(place) != length + 1 or place[0] != _mark(this_list):
        raise ValueError("this is no place of this list")
    return place[1:]


def event_number(this_list: object, place: Place | None, before_all: int) -> int:
    """Return the number of a place in a list of events, where that of an event is good for all lists."""
    return number(place if place is not None and len(place) == 1 else position(this_list, place, 1), before_all)


def number(position: tuple[str, ...] | None, before_all: int = -1) -> int:
    """Return the number that a position is, ``before_all`` for the beginning of the list."""
    if position is None:
        return before_all
    (text,) = position
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS):
        raise ValueError("this is no place of this list")
    return int(text)


def _mark(this_list: object) -> str:
    # The values that name lists are told by their repr, which is the same in each process.
    return blake2b(repr(this_list).encode("utf-8", "surrogatepass"), digest_size=_MARK_BYTES).hexdigest()
