"""What the Server is told about a task, and how a worker's words become that."""

from collections.abc import Mapping

from attrs import evolve, field, frozen

from flamenco_mgr.domain import events
from flamenco_mgr.domain.events import Event
from flamenco_mgr.domain.tasks import FINISHED, FailedBy, Progress, Task

TAIL_LINES = 10

LONGEST_TAIL = 32_768
"""Characters; of longer lines, such as of a log without line ends, the end is told."""


@frozen(kw_only=True)
class TaskUpdate:
    """
    Something the Server has to hear about a task.

    ``status`` None means no change of status; ``failed_by`` None means that the list did not change;
    ``received_at`` is in seconds since 1970, UTC, by this Manager's clock.
    """

    id: str
    task_id: str
    received_at: float
    status: str | None = None
    activity: str = ""
    log_tail: str = ""
    worker: str = ""
    failed_by: tuple[FailedBy, ...] | None = None
    timing: Mapping[str, float] = field(factory=dict, hash=False)
    progress: Progress | None = None


@frozen(kw_only=True)
class Transition:
    """
    A decided change of a task: from what it was based on, to what it becomes, and what the Server hears of it.

    ``log_text`` is for the task's log file. ``unless_pinged``: it is decided on the task's last ping as well, which
    moves no revision. ``said`` is what the history has of whoever wanted it, behind the change itself.
    """

    before: Task
    after: Task
    update: TaskUpdate | None = None
    log_text: str = ""
    unless_pinged: bool = False
    said: Event | None = None

    @property
    def changes_anything(self) -> bool:
        """Whether there is anything to store; the task's revision moves by one then."""
        return self.update is not None or self.said is not None or self.after != self.before

    @property
    def events(self) -> tuple[Event, ...]:
        """What this is in the history, in its order; nothing if it is nothing to remember."""
        change = events.of_task(self.before, self.after)
        return tuple(event for event in (change, self.said) if event is not None)


@frozen(kw_only=True)
class QueuedUpdate:
    """
    An update that waits for the Server.

    ``sequence`` is its place in the queue. ``version`` grows when later words are merged into the update while it
    waits, so that the Server's receipt for the earlier version does not remove the later one. ``unhandled`` counts how
    often the Server answered well without taking it. ``local_status`` is the task's status here, None if it is not
    here; ``final_waits`` says that an update with a final status of the task is in the queue.
    """

    sequence: int
    version: int
    update: TaskUpdate
    unhandled: int = 0
    local_status: str | None = None
    final_waits: bool = False


def log_tail(text: str) -> str:
    """Return the last ten lines of a log text, ending in a newline; empty for an empty text (task-lifecycle.md 7.2)."""
    text = text.strip()
    if not text:
        return ""
    return "\n".join(text.rsplit("\n", TAIL_LINES)[-TAIL_LINES:])[-LONGEST_TAIL:] + "\n"


def only_words(update: TaskUpdate) -> bool:
    """Whether an update is news only until the next one: neither the status changes, nor who failed at the task."""
    return update.status is None and update.failed_by is None


def merged(waiting: TaskUpdate, later: TaskUpdate) -> TaskUpdate | None:
    """
    Merge two consecutive updates of one task, or return None when both must be told one by one (server-api.md 17.10).

    Only updates without a status, and without a change of who failed at the task, are merged: the newest words win,
    and the older ones stay where the newer update says nothing.
    """
    if not (only_words(waiting) and only_words(later)):
        return None
    return evolve(
        waiting,
        received_at=later.received_at,
        activity=later.activity or waiting.activity,
        log_tail=later.log_tail or waiting.log_tail,
        worker=later.worker or waiting.worker,
        timing=later.timing or waiting.timing,
        progress=later.progress or waiting.progress,
    )


def forwarded(queued: QueuedUpdate) -> TaskUpdate:
    """
    Return what may be said to the Server of an update that waited (server-api.md 17.18).

    A task that is over must not be raised from the dead: its late statuses are left out, unless the task's own end
    follows in the queue.
    """
    update = queued.update
    if update.status is None or update.status in FINISHED:
        return update
    if queued.final_waits or queued.local_status not in FINISHED:
        return update
    return evolve(update, status=None)
