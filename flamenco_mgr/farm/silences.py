"""
Since when nothing has been heard of somebody, by our own clock.

When somebody was last heard is stored by the clock of the Manager that heard it. That clock may differ from ours, and
ours may have been set since. So it is also remembered at which of our looks the stored time was another than at the
look before: it was heard between these two. A stored time that does not fit there is of another clock, and is not used.
"""

from collections.abc import Callable

from attrs import define, field, frozen

_LATE = 2.0
"""Seconds after which whatever was heard is stored for certain."""

_ALWAYS = float("inf")


@frozen(kw_only=True)
class _Heard:
    """A stored time, at which look it was noticed, and how long before that the look before was (seconds)."""

    stored: float
    noticed: float
    look_before: float


@define(eq=False)
class Silences:
    """Remembers what was stored of each at the last look; ``steady`` is a clock that nobody sets."""

    _steady: Callable[[], float]
    _now: float | None = field(init=False, default=None)
    _before: float | None = field(init=False, default=None)
    _known: dict[str, _Heard] = field(init=False, factory=dict)
    _found: dict[str, _Heard] = field(init=False, factory=dict)

    def begin(self) -> None:
        """Begin a look: whoever was not asked about in the last one is forgotten."""
        self._known, self._found = self._found, {}
        self._before, self._now = self._now, self._steady()

    def heard_at(self, who: str, stored: float, now: float) -> float:
        """
        Return when somebody was last heard of; all in seconds since 1970, UTC, as our clock shows them ``now``.

        Who has been heard of since the last look counts as just heard.
        """
        assert self._now is not None, "a look has begun"  # noqa: S101 to mypy
        heard = self._found.get(who)
        if heard is None or heard.stored != stored:
            heard = self._found[who] = self._notice(self._known.get(who), stored, self._now)
        at_latest = now - (self._now - heard.noticed)
        if heard.noticed == self._now and heard.look_before != _ALWAYS:
            return at_latest
        at_earliest = at_latest - heard.look_before - _LATE
        return stored if at_earliest <= stored <= at_latest else at_latest

    def _notice(self, known: _Heard | None, stored: float, now: float) -> _Heard:
        if known is None:
            return _Heard(stored=stored, noticed=now, look_before=_ALWAYS)
        if known.stored == stored:
            return known
        return _Heard(stored=stored, noticed=now, look_before=now - (self._before or now))
