"""
Everything that a farm remembers, as values of no particular store.

What a store derives from these (who waits for whom, what may run, counts) is not among them: whoever fills a store
works it out anew.
"""

from collections.abc import Iterator, Mapping
from typing import Protocol

from attrs import frozen

from flamenco_mgr.domain.blacklist import BlacklistLine
from flamenco_mgr.domain.events import Event
from flamenco_mgr.domain.tasks import Command, Task
from flamenco_mgr.domain.updates import TaskUpdate
from flamenco_mgr.domain.workers import Worker


@frozen(kw_only=True)
class Mark:
    """Up to where the Server's tasks are known; None after a clean slate."""

    value: str | None


@frozen(kw_only=True)
class StoredTask:
    """
    A task with its commands, and how it stands towards the Server.

    ``held``: nobody gets it before its release. ``acked`` is the number of the Server's latest receipt.
    """

    task: Task
    commands: tuple[Command, ...] = ()
    held: bool = False
    acked: int = 0


@frozen(kw_only=True)
class AsideTask:
    """A task of the Server's that could not be understood. Time in seconds since 1970, UTC."""

    task_id: str
    reason: str
    document: str
    since: float


@frozen(kw_only=True)
class WaitingUpdate:
    """An update that waits for the Server, with its place in the queue, where each is greater than the one before."""

    place: int
    version: int
    unhandled: int
    update: TaskUpdate


@frozen(kw_only=True)
class RefusedUpdate:
    """An update that the Server refuses, with its words, under its place in the queue."""

    place: int
    reason: str
    since: float
    update: TaskUpdate


@frozen(kw_only=True)
class PastEvent:
    """An event with its place in the history."""

    place: int
    event: Event


@frozen(kw_only=True)
class Numbers:
    """
    The latest numbers that were given, so that none is given twice.

    ``receipts``: of the Server's receipts. ``updates``: of places in the queue. ``events``: of places in the history.
    """

    receipts: int = 0
    updates: int = 0
    events: int = 0


Record = Mark | Worker | StoredTask | AsideTask | WaitingUpdate | RefusedUpdate | BlacklistLine | PastEvent | Numbers

KINDS: Mapping[str, type[Record]] = {
    "mark": Mark,
    "worker": Worker,
    "task": StoredTask,
    "aside": AsideTask,
    "update": WaitingUpdate,
    "parked": RefusedUpdate,
    "blacklist": BlacklistLine,
    "event": PastEvent,
    "numbers": Numbers,
}
"""
The kinds of records by their names, in the order in which a store is read.

The mark comes first: of a store that is in use, tasks that were fetched after it are fetched again, and none is missed.
Updates come after tasks, so that none is missed that a task in the copy has brought about; numbers come last.
"""

NAMES: Mapping[type[Record], str] = {kind: name for name, kind in KINDS.items()}

WORDS: Mapping[str, tuple[str, str]] = {
    "worker": ("worker", "workers"),
    "task": ("task", "tasks"),
    "aside": ("task set aside", "tasks set aside"),
    "update": ("waiting update", "waiting updates"),
    "parked": ("parked update", "parked updates"),
    "blacklist": ("line of the blacklist", "lines of the blacklist"),
    "event": ("event", "events"),
}
"""The kinds that there are many of, one and several, for people."""


class Source(Protocol):
    """
    Where records come from.

    ``left_out``: how many documents, of those that were read last, make no sense and are no records.
    """

    @property
    def left_out(self) -> int:
        """See above."""

    def about(self) -> str:
        """Return what it is, for people; without secrets."""

    def expected(self) -> Mapping[str, int]:
        """Return about how many records of each kind there are."""

    def records(self) -> Iterator[Record]:
        """Yield everything, kind by kind in the order of `KINDS`."""
