"""Whether whoever timed out had been silent."""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from attrs import define, field

from flamenco_mgr.domain.events import Event
from flamenco_mgr.domain.timeouts import GRACE, SLEEPER_SILENT
from flamenco_mgr.domain.workers import WorkerStatus

if TYPE_CHECKING:
    from tests.simulation.world import World

_REMEMBERED: Final = 8

_BEING_DECIDED: Final = 0.6
"""Seconds by which it may have been decided before it was durable."""

_LAG: Final = 0.3
"""Seconds by which a Manager's clock may be ahead, in a turn in which its reactor waited for the disk."""

_WORDS: Final = "the task timed out"


def _latest() -> defaultdict[tuple[str, str], deque[float]]:
    return defaultdict(lambda: deque(maxlen=_REMEMBERED))


@define(eq=False, repr=False)
class Timeouts:
    """Remembers when the Manager has last answered whom about what."""

    world: "World"
    _answered: defaultdict[tuple[str, str], deque[float]] = field(init=False, factory=_latest)
    _timed_out_at: dict[tuple[str, str], float] = field(init=False, factory=dict)

    def timed_out_at(self, host: str, task: str) -> float:
        """Return when a task last timed out on a Worker, 0 if it never did."""
        return self._timed_out_at.get((host, task), 0.0)

    def answered(self, host: str, task: str, at: float) -> None:
        """Note that a Worker was answered as one that is known; the task is empty if it did not speak of any."""
        self._answered[host, ""].append(at)
        if task:
            self._answered[host, task].append(at)

    def of_worker(self, event: Event, host: str, followed: float) -> Iterator[str]:
        """Yield what is wrong with a Worker's time-out, which was not in the log yet when that was ``followed``."""
        if event.after == WorkerStatus.TIMEOUT:
            limit = self.world.plan.worker_silent
            limit = max(limit, SLEEPER_SILENT) if event.before == WorkerStatus.ASLEEP else limit
            yield from self._too_early(event, host, "", limit, followed)

    def of_task(self, event: Event, task: str, host: str, followed: float) -> Iterator[str]:
        """Yield what is wrong with a task's time-out on a Worker in the same way."""
        if is_timeout(event):
            self._timed_out_at[host, task] = self.world.now()
            limit = min(self.world.plan.task_silent, self.world.plan.worker_silent)
            yield from self._too_early(event, host, task, limit, followed)

    def _too_early(self, event: Event, host: str, task: str, limit: float, followed: float) -> Iterator[str]:
        now, manager = self.world.now(), self.world.manager
        if manager is None:
            return
        what = f"{self.world.task(task)} on {host}" if task else host
        decided = max(followed - _BEING_DECIDED, event.at - manager.reactor.ahead - _LAG)
        heard = _before(decided, self._answered[host, task])
        if now - heard < limit:
            yield f"{what} timed out, and was answered {now - heard:.1f} s before"
        if now - manager.since < GRACE:
            yield f"{what} timed out {now - manager.since:.0f} s after the Manager's start"


def is_timeout(event: Event) -> bool:
    """Whether an event is the time-out of a task."""
    return _WORDS in event.text


def _before(instant: float, times: Iterable[float]) -> float:
    return max((time for time in times if time <= instant), default=0.0)
