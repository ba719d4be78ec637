"""When the Server's tasks are downloaded, and up to where they are known (server-api.md 3.6, 17.2 and 17.4)."""

from datetime import datetime, timedelta, timezone
from enum import Enum

OVERLAP = timedelta(minutes=10)
"""How far behind the mark each download begins: tasks may become visible later than their time says."""

CLEAN_SLATE_EVERY = 6 * 3600.0
"""Seconds between two downloads of everything."""

AGAIN_AFTER = 60.0
"""Seconds after a download that failed until the next try, unless an idle worker asks for it sooner."""

REFUSED_WAIT = 60.0
"""Seconds to leave a Server alone that refuses our credentials (server-api.md 2)."""

CHUNKS_FOR = 3600.0
"""Seconds after which a Server that had no depsgraph is asked for one again (server-api.md 12.3)."""

_MARGIN = timedelta(seconds=1)


class DownloadMode(str, Enum):
    """Which protocol is spoken to the Server (server-api.md 12.3)."""

    AUTO = "auto"
    DEPSGRAPH = "depsgraph"
    CHUNK = "chunk"


def kick_allowed(now: float, last_kick: float | None, throttle: float) -> bool:
    """
    Whether an idle worker may bring the next download forward (server-api.md 12.2).

    More than ``throttle`` seconds must have passed since the last one that did; a negative throttle allows none.
    """
    if throttle < 0:
        return False
    return last_kick is None or now - last_kick > throttle


def clean_slate_due(now: float, last: float | None) -> bool:
    """Whether everything is to be downloaded anew: at the first time, and then every few hours."""
    return last is None or now - last >= CLEAN_SLATE_EVERY


def since(mark: str | None) -> str | None:
    """Return from when on the Server is asked for tasks, or None for a clean slate: no mark, or one that is no time."""
    instant = None if mark is None else _instant(mark)
    return None if instant is None else (instant - OVERLAP).isoformat()


def next_mark(mark: str | None, heard: str, *, date: float, clean_slate: bool) -> str | None:
    """
    Return the mark after a download whose newest task is from ``heard``, by a Server where it was ``date``.

    The mark never goes back, except by a clean slate, and never into the Server's future: what a clock that is ahead
    put there would hide all tasks that come before it.
    """
    newest = _instant(heard)
    if newest is None:
        return mark
    before = None if mark is None or clean_slate else _instant(mark)
    if before is not None and before > newest:
        newest, heard = before, mark or heard
    now = datetime.fromtimestamp(date, timezone.utc)
    return (now - _MARGIN).isoformat() if newest > now else heard


def _instant(text: str) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
        return instant.replace(tzinfo=timezone.utc) if instant.tzinfo is None else instant.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None
