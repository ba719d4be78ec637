"""
The order of what happens.

Places in an order are microseconds since 1970, but for this: each is greater than all that this process has given or
seen before. So those of one task grow, whichever Managers give them and however their clocks differ.
"""

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

_REMEMBERED = 20_000
"""Tasks; one that was forgotten costs a question to the database."""

_FRACTIONS = 1_000_000


@define(eq=False)
class Orders:
    """Gives places, and remembers the latest one of each task as of the revision in which it was seen."""

    _clock: IReactorTime
    _last: int = field(init=False, default=0)
    _seen: dict[str, tuple[int, int]] = field(init=False, factory=dict)

    def new(self, after: int = 0) -> int:
        """Return a place after this one, and after every other that was given here."""
        self._last = max(round(self._clock.seconds() * _FRACTIONS), self._last + 1, after + 1)
        return self._last

    def see(self, task_id: str, revision: int, order: int) -> None:
        """Remember the place of a task's latest update, as its document says."""
        self._seen.pop(task_id, None)
        self._seen[task_id] = (revision, order)
        if len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]

    def latest(self, task_id: str, revision: int) -> int | None:
        """Return the place of a task's latest update in this revision of it; None if that was forgotten."""
        seen, order = self._seen.get(task_id, (None, 0))
        return order if seen == revision else None
