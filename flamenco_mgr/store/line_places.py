"""Places among the lines of the blacklist, which are listed by their age, and then by worker, job and task type."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from hashlib import blake2b

from attrs import frozen

from flamenco_mgr.domain.blacklist import BlacklistLine
from flamenco_mgr.store import places
from flamenco_mgr.store.interfaces import Page, Place

Key = tuple[float, str, str]
"""When a line was made, its worker and its job."""

_LIST = "blacklist"
_TYPE_BYTES = 16


@frozen
class LinePlace:
    """The place behind a line: its key, and the digest of its task type, which may be too long for a place."""

    key: Key
    digest: str


def place_behind(line: BlacklistLine) -> Place:
    """Return the place behind a line."""
    return places.place(_LIST, repr(float(line.created)), line.worker_id, line.job, _digest(line.task_type))


def line_place(after: Place | None) -> LinePlace | None:
    """Return the line's place that a place is, None for the beginning; ValueError if it is of another list."""
    position = places.position(_LIST, after, 4)
    if position is None:
        return None
    text, worker_id, job, digest = position
    created = float(text)
    if not math.isfinite(created):
        raise ValueError("this is no place of this list")
    return LinePlace((created, worker_id, job), digest)


def rest(lines: Sequence[BlacklistLine], digest: str) -> Sequence[BlacklistLine]:
    """Return those of the lines with one key that are behind a task type; all of them if no line has that any more."""
    at = next((index for index, line in enumerate(lines) if _digest(line.task_type) == digest), -1)
    return lines[at + 1 :]


def page_of(lines: Sequence[BlacklistLine], after: Place | None, limit: int) -> Page[BlacklistLine]:
    """Return a page of lines that are in memory, in order; ValueError for a place of another list."""
    begin, behind = 0, line_place(after)
    if behind is not None:
        first, end = bisect_left(lines, behind.key, key=_key), bisect_right(lines, behind.key, key=_key)
        begin = end - len(rest(lines[first:end], behind.digest))
    return page(lines[begin : begin + limit + 1], limit)


def page(lines: Sequence[BlacklistLine], limit: int) -> Page[BlacklistLine]:
    """Return the page of these lines, of which there is one more than fits if it is not the last one."""
    return Page(items=tuple(lines[:limit]), next=place_behind(lines[limit - 1]) if len(lines) > limit else None)


def order(line: BlacklistLine) -> tuple[float, str, str, str]:
    """Return what lines are sorted by."""
    return line.created, line.worker_id, line.job, line.task_type


def _key(line: BlacklistLine) -> Key:
    return line.created, line.worker_id, line.job


def _digest(task_type: str) -> str:
    return blake2b(task_type.encode("utf-8", "surrogatepass"), digest_size=_TYPE_BYTES).hexdigest()
