"""What has happened, for people and scripts."""

from collections.abc import Awaitable

from attrs import frozen
from zope.interface import Interface

from flamenco_mgr.domain.events import Event
from flamenco_mgr.store.interfaces.overview import Page, Place


def behind_event(place: int) -> Place:
    """Return where any list of events begins behind the event of that place, or where it was."""
    return (str(place),)


@frozen(kw_only=True)
class RecordedEvent:
    """An event with its place in the order in which the store came to know them; places are never used twice."""

    place: int
    event: Event


@frozen(kw_only=True)
class EventsAsked:
    """Which events somebody wants: of a task, a job, a worker or a kind, those that are given; all of them else."""

    task: str | None = None
    job: str | None = None
    worker: str | None = None
    kind: str | None = None

    @property
    def conditions(self) -> int:
        """How many of these are given."""
        return sum(one is not None for one in (self.task, self.job, self.worker, self.kind))

    def wants(self, event: Event) -> bool:
        """Whether an event is one of them."""
        return (
            (self.task is None or event.task == self.task)
            and (self.job is None or event.job == self.job)
            and (self.worker is None or event.worker == self.worker)
            and (self.kind is None or event.kind == self.kind)
        )


class IHistory(Interface):
    """
    The event log.

    Events of tasks and workers are recorded with the change itself (`ITaskStore.apply`, `ITaskStore.take_in`,
    `IWorkerStore.change`), and so is what operators do to updates (`IUpdateQueue.add`, `IUpdateQueue.drop_parked`).
    They can be read within a second after it.
    """

    def note(event: Event) -> Awaitable[None]:
        """Record an event that goes with no other change."""

    def events(
        asked: EventsAsked, after: Place | None, limit: int, *, newest_first: bool
    ) -> Awaitable[Page[RecordedEvent]]:
        """
        Return a page of `RecordedEvent`, at most so many.

        ``after`` is `Page.next` of the page before, None for the first, or `behind_event` of any event, of whatever
        list. Whoever follows the log from its oldest event on, and goes on from `Page.reached` at its end, misses
        nothing. A page may be shorter than ``limit``, even empty, though there are more: the work for one page is
        bounded. Raises ValueError if ``after`` is no place of this list.
        """

    def forget(before: float, limit: int) -> Awaitable[int]:
        """
        Look at the ``limit`` oldest events, and forget those from before that instant (seconds since 1970, UTC).

        Return how many were forgotten.
        """
