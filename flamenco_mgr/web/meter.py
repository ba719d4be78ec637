"""How many requests there are, how they are answered, and how long that takes; by route, not by path."""

from collections.abc import Callable, Iterator

from attrs import define, field, frozen

from flamenco_mgr.durations import Durations

_CLASSES = 6


@define(eq=False)
class Series:
    """The requests of one route: how many were answered by each class of statuses (2 for 2xx), and how long it took."""

    answered: list[int] = field(init=False, factory=lambda: [0] * _CLASSES)
    durations: Durations = field(init=False, factory=Durations)

    def note(self, status: int, seconds: float) -> None:
        """Count a request that was answered so after so many seconds."""
        self.answered[min(status // 100, _CLASSES - 1)] += 1
        self.durations.note(seconds)


@frozen(eq=False)
class RequestMeter:
    """
    Counts requests; whatever finds no route is one series, so that nobody can make more of them.

    ``now`` returns seconds of some clock.
    """

    now: Callable[[], float]
    elsewhere: Series = field(init=False, factory=Series)
    _routes: dict[str, Series] = field(init=False, factory=dict)

    def series(self, endpoint: str) -> Series:
        """Return the series of a route, which is named by its method and the template of its path."""
        series = self._routes.get(endpoint)
        if series is None:
            series = self._routes[endpoint] = Series()
        return series

    def routes(self) -> Iterator[tuple[str, str, Series]]:
        """Yield method, template and series of the routes that were asked for."""
        for endpoint, series in self._routes.items():
            if series.durations.total:
                method, _, template = endpoint.partition(" ")
                yield method, template, series
        if self.elsewhere.durations.total:
            yield "other", "other", self.elsewhere
