"""What became of each task, and of the Workers, as the Manager's own log of events tells it."""

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from attrs import define, field, frozen

from flamenco_mgr.domain.events import Event
from flamenco_mgr.domain.tasks import FINISHED, TaskStatus
from flamenco_mgr.store.interfaces import EventsAsked
from flamenco_mgr.store.interfaces.overview import Place
from flamenco_mgr.store.sqlite import SQLiteStore
from tests.simulation.reading import result_of
from tests.simulation.timeouts import Timeouts, is_timeout

if TYPE_CHECKING:
    from tests.simulation.world import World

_PAGE: Final = 500

_TAKEN_AWAY: Final = {TaskStatus.CANCELED, TaskStatus.QUEUED, TaskStatus.CLAIMED}

_UNTOLD: Final = 20.0
"""Seconds by which the Server may have wished something again before the Manager knew that it was over."""

_ON_ITS_WAY: Final = 10.0
"""Seconds by which a wish may be older than the round that an earlier wish of the same task has begun."""


@frozen(kw_only=True)
class Standing:
    """What a task is, whose it is, when it became that, at the latest, and whether by a time-out."""

    status: str
    worker_id: str | None
    since: float
    timed_out: bool

    def is_with(self, worker_id: str) -> bool:
        """Whether a Worker is at it."""
        return self.status == TaskStatus.ACTIVE and self.worker_id == worker_id

    def is_lost_to(self, worker_id: str) -> bool:
        """Whether a Worker had it that does not have it any more, by no report of its own."""
        return self.timed_out or self.status in _TAKEN_AWAY or self.worker_id != worker_id


@define(eq=False, repr=False)
class History:
    """Follows the events: what is durable is there, whether the Manager lives or not."""

    world: "World"
    timeouts: Timeouts
    ways: defaultdict[str, list[str]] = field(init=False, factory=lambda: defaultdict(list))
    standing: dict[str, Standing] = field(init=False, factory=dict)
    _given: defaultdict[str, list[Standing]] = field(init=False, factory=lambda: defaultdict(list))
    _began_at: dict[str, float] = field(init=False, factory=dict)
    _over_at: dict[str, float] = field(init=False, factory=dict)
    _place: Place | None = field(init=False, default=None)
    _followed_at: float = field(init=False, default=0.0)

    def follow(self, store: SQLiteStore) -> Iterator[str]:
        """Look at all that is new; yield what must not be."""
        more = True
        while more:
            page = result_of(store.history.events(EventsAsked(), self._place, _PAGE, newest_first=False))
            self._place = page.next or page.reached or self._place
            more = page.next is not None
            for recorded in page.items:
                event: Event = recorded.event
                if event.before or event.after:
                    yield from self._of_worker(event) if event.task is None else self._of_task(event, event.task)
        self._followed_at = self.world.now()

    def _of_worker(self, event: Event) -> Iterator[str]:
        machine = self.world.machine_of(event.worker)
        name = "a worker of before" if machine is None else machine.name
        self.world.trace.note("manager", f"{name}: {event.before or 'new'} → {event.after}")
        if machine is not None:
            yield from self.timeouts.of_worker(event, machine.name, self._followed_at)

    def _of_task(self, event: Event, task: str) -> Iterator[str]:
        name, now, ways = self.world.task(task), self.world.now(), self.ways[task]
        known = ways[-1] if ways else None
        if event.before != event.after:
            self.world.trace.note("manager", f"{name}: {event.before or 'new'} → {event.after}")
        if known is not None and event.before and event.before != known:
            yield f"{name} became {event.after} from {event.before}, but it was {known}"
        if known in FINISHED and event.after not in FINISHED:
            earliest = max(self._over_at[task] - _UNTOLD, self._began_at.get(task, 0.0) - _ON_ITS_WAY)
            if self.world.users.requeued.get(task, 0.0) < earliest:
                yield f"{name} went back from {known} to {event.after}"
        if event.after == TaskStatus.QUEUED:
            self._began_at[task] = now
        machine = self.world.machine_of(event.worker)
        if machine is not None:
            yield from self.timeouts.of_task(event, task, machine.name, self._followed_at)
        if event.before != event.after:
            ways.append(event.after)
        self._over_at[task] = now
        self.standing[task] = stands = Standing(
            status=event.after, worker_id=event.worker, since=now, timed_out=is_timeout(event)
        )
        if event.after == TaskStatus.ACTIVE:
            self._given[task].append(stands)

    def given_since(self, task: str, instant: float) -> Iterator[str | None]:
        """Yield to whom a task was given after an instant."""
        return (one.worker_id for one in self._given[task] if one.since > instant)
