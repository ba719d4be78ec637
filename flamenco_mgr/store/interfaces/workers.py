"""The workers that have registered."""

from collections.abc import Awaitable, Mapping

from attrs import field, frozen
from zope.interface import Interface

from flamenco_mgr.domain.events import Event
from flamenco_mgr.domain.workers import Worker


@frozen(kw_only=True)
class WorkerBeat:
    """What was noticed of a worker since the last batch; None and the empty text leave a field as it is."""

    last_activity: float | None = None
    address: str = ""
    software: str = ""
    current_task: str | None = None
    current_task_status: str = ""
    current_task_updated: float | None = None


@frozen(kw_only=True)
class WorkerCounts:
    """How many workers there are by status, without zeros, and how many of them are sick."""

    by_status: Mapping[str, int] = field(factory=dict)
    sick: int = 0


class IWorkerStore(Interface):
    """The workers that have registered."""

    def add(worker: Worker) -> Awaitable[None]:
        """Store a new worker; the same id twice is once, and the first stays."""

    def get(worker_id: str) -> Awaitable[Worker | None]:
        """Return a worker, or None; what another process has changed of it may be unknown here for up to a second."""

    def all() -> Awaitable[tuple[Worker, ...]]:
        """Return every worker, in the order of their registration."""

    def change(before: Worker, after: Worker, event: Event | None = None, *, unheard: bool = False) -> Awaitable[bool]:
        """
        Change a worker, and record what happened, both or none.

        False if its revision has moved on (heartbeats do not move it) or it is gone; if ``unheard``, also if it has
        been heard of meanwhile: its last activity is another.
        """

    def remove(before: Worker, event: Event | None = None, *, unheard: bool = False) -> Awaitable[bool]:
        """Forget a worker, and record that, under the same conditions as `change`."""

    def count() -> Awaitable[int]:
        """Return the number of workers."""

    def counts() -> Awaitable[WorkerCounts]:
        """Return how many workers there are by status."""

    def task_types() -> Awaitable[frozenset[str]]:
        """Return the task types that any worker supports."""

    def beat(workers: Mapping[str, WorkerBeat], pings: Mapping[str, tuple[str, float]]) -> Awaitable[None]:
        """
        Store heartbeats: what was noticed of workers by id, and for tasks by id the worker and time of its last ping.

        Times never go back. A task's ping counts only if the worker named still has it.
        """
