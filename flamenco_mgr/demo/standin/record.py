"""What a Manager did to the Server, for those who check the books afterwards; instants are of the Server's clock."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from attrs import define, field, frozen

from flamenco_mgr.demo.standin.endpoints import Endpoint
from flamenco_mgr.demo.standin.statuses import TaskStatus


class Outcome(str, Enum):
    """What the Server did with an update (server-api.md 5.3, 11.2)."""

    CHANGED = "changed the status"
    SAME = "had that status"
    IGNORED = "ignored the status"
    STATUSLESS = "has no status"
    UNKNOWN_TASK = "unknown task"
    FOREIGN_TASK = "another Manager's task"

    __str__ = str.__str__


class Cause(str, Enum):
    """Who changed a task's status. What handing a task out does to it is not recorded: it happens to all of them."""

    UPDATE = "update"
    USER = "user"
    JOB = "job"

    __str__ = str.__str__


@frozen(kw_only=True)
class Received:
    """An update as it arrived; ``status`` is empty if it has none, ``again`` whether its id had arrived before."""

    at: int
    update_id: str
    task_id: str
    status: str
    outcome: Outcome
    again: bool


@frozen(kw_only=True)
class Change:
    """A status that a task got; ``update_id`` is empty if no update gave it."""

    at: int
    status: str
    cause: Cause
    update_id: str = ""


@frozen(kw_only=True)
class Push:
    """A batch that was answered with ``status``: how many updates were in it, and how many of them were applied."""

    at: int
    size: int
    applied: int
    status: int


@frozen(kw_only=True)
class Download:
    """A depsgraph, or chunk, that was asked for; ``since`` is the header as it came, empty on a clean slate."""

    at: int
    since: str
    status: int
    tasks: int = 0


@frozen(kw_only=True)
class Notification:
    """What a Manager said of itself; ``endpoint`` tells on which occasion."""

    at: int
    endpoint: Endpoint
    document: Mapping[str, Any]


@frozen(kw_only=True)
class UploadedLog:
    """A task's log as it came: ``content`` is still compressed."""

    at: int
    task_id: str
    file_name: str
    content: bytes = field(repr=False)


@define(eq=False, kw_only=True)
class Record:
    """
    Everything that happened, in order.

    ``requests`` counts what came in, ``answers`` what went out by endpoint and status; a request whose answer was
    never sent, or whose connection was cut, is only in the first.
    """

    requests: Counter[Endpoint] = field(init=False, factory=Counter)
    answers: Counter[tuple[Endpoint, int]] = field(init=False, factory=Counter)
    received: defaultdict[str, list[Received]] = field(init=False, factory=lambda: defaultdict(list))
    changes: defaultdict[str, list[Change]] = field(init=False, factory=lambda: defaultdict(list))
    times_received: Counter[str] = field(init=False, factory=Counter)
    pushes: list[Push] = field(init=False, factory=list)
    downloads: list[Download] = field(init=False, factory=list)
    notifications: list[Notification] = field(init=False, factory=list)
    logs: list[UploadedLog] = field(init=False, factory=list)

    def note_update(self, *, at: int, update_id: str, task_id: str, status: str, outcome: Outcome) -> None:
        """Record an update that was handled, or passed over."""
        self.times_received[update_id] += 1
        self.received[task_id].append(
            Received(
                at=at,
                update_id=update_id,
                task_id=task_id,
                status=status,
                outcome=outcome,
                again=self.times_received[update_id] > 1,
            )
        )

    @property
    def duplicates(self) -> Mapping[str, int]:
        """The ids of the updates that arrived more than once, and how often each did."""
        return {update_id: times for update_id, times in self.times_received.items() if times > 1}

    def statuses(self, task_id: str) -> Sequence[tuple[str, str]]:
        """Return the statuses that Managers sent for a task, in order, each with its update's id."""
        return [(one.status, one.update_id) for one in self.received.get(task_id, ()) if one.status]

    def rounds(self, task_id: str) -> Sequence[Sequence[str]]:
        """
        Return what a task went through, from its creation on and from each requeue on.

        In each of these rounds a task may be completed once, and after the last one it should be. A round without any
        status is one that was asked for and not begun.
        """
        rounds: list[list[str]] = [[]]
        for change in self.changes.get(task_id, ()):
            if change.status == TaskStatus.QUEUED and change.cause is not Cause.UPDATE:
                rounds.append([])
            else:
                rounds[-1].append(change.status)
        return rounds
