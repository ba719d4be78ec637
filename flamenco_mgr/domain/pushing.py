"""When the Server is told the news, and how much at a time (server-api.md 12.1 and 5.2)."""

from attrs import frozen

MOST_UPDATES = 1000
"""How many updates are sent in one request: the Server needs several queries for each."""

MOST_BYTES = 1 << 20
"""About how many bytes of JSON are sent in one request."""

LONGEST_BACKOFF = 60.0
"""Seconds; also how long a Server that refuses our credentials is left alone."""

KICK_DISTANCE = 1.0
"""Seconds from one attempt to the next that somebody asks for."""

SPLIT_STATUSES = frozenset({400, 413, 422, 500})
"""Answers that may be due to a single update among many."""

MOST_REFUSALS = 5
"""How often an update is refused while the Server is well, before it is parked."""

MOST_UNHANDLED = 10
"""How often the Server may answer well without taking an update, before that is parked (server-api.md 17.9)."""

_JITTER = 0.1


@frozen(kw_only=True)
class PushRules:
    """The settings that decide: intervals in seconds; ``max_count`` 0 means that every update is urgent."""

    max_interval: float = 5.0
    max_count: int = 3000
    cancel_interval: float = 10.0

    def due(self, *, now: float, last_push: float | None, waiting: int) -> bool:
        """
        Whether to push without being asked to: there is enough news, or it is old enough, or cancels must be fetched.

        ``last_push`` is when the Server's last good answer had been processed, None if there was none.
        """
        if last_push is None:
            return True
        elapsed = now - last_push
        urgent = waiting > 0 and (waiting >= self.max_count or elapsed >= self.max_interval)
        return urgent or elapsed >= self.cancel_interval

    def batch(self, waiting: int) -> int:
        """Return how many of the waiting updates one push takes; it may take several requests to send them."""
        return min(waiting, self.max_count) if self.max_count else waiting


def backoff(failures: int, chance: float) -> float:
    """
    Return how many seconds after the last of so many failures in a row the next attempt may be made.

    ``chance``, from 0 to 1, adds up to a tenth, so that several Managers do not come back at the same instant.
    """
    if failures <= 0:
        return 0.0
    seconds = LONGEST_BACKOFF if failures > LONGEST_BACKOFF else min(2.0 ** (failures - 1), LONGEST_BACKOFF)
    return seconds * (1 + _JITTER * chance)
