"""What a simulated Worker did and met, for those who check the books afterwards."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from enum import Enum
from math import inf

from attrs import define, field, frozen


class Endpoint(str, Enum):
    """The endpoints of the Worker API (worker-api.md 2)."""

    REGISTER = "register-worker"
    SIGN_ON = "sign-on"
    ACKNOWLEDGE = "ack-status-change"
    TASK = "task"
    UPDATE = "update"
    RETURN = "return"
    MAY_I_RUN = "may-i-run"
    STATUS_CHANGE = "status-change"
    OUTPUT = "output-produced"
    SIGN_OFF = "sign-off"

    __str__ = str.__str__


class Ending(str, Enum):
    """How a worker's work on a task ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    STOPPED = "stopped"
    SIGNED_OFF = "signed-off"
    KILLED = "killed"

    __str__ = str.__str__


@define(eq=False, kw_only=True)
class TaskRun:
    """
    One time that a worker had a task in its hands; ``ended`` and ``how`` are None while it has.

    ``asked`` is when it asked for a task, and ``started`` when it had the answer.
    """

    task_id: str
    job: str
    started: float
    ended: float | None = None
    how: Ending | None = None
    asked: float = field()

    @asked.default
    def _when_started(self) -> float:
        return self.started


@frozen(kw_only=True)
class Interval:
    """From when to when a task was in a worker's hands; one that still is ends at infinity."""

    task_id: str
    began: float
    ended: float


@frozen(kw_only=True)
class Acknowledged:
    """An update that the worker need not send again: ``answer`` is below 400, or 404 or 409; ``body`` was sent."""

    at: float
    task_id: str
    task_status: str | None
    answer: int
    body: bytes = field(default=b"{}", repr=False, eq=False)


@frozen(kw_only=True)
class Obeyed:
    """A status that the Manager requested, and the worker took."""

    at: float
    status: str


@frozen(kw_only=True)
class Offence:
    """Something the Manager did that would break a real Worker, or cost it its time."""

    at: float
    endpoint: Endpoint
    what: str


@define(eq=False, kw_only=True)
class Journal:
    """
    The record of one worker, over all its processes; all times are seconds of the worker's clock.

    ``latencies`` has the seconds to each answer; ``unanswered`` counts the requests, resends included, without one.
    """

    runs: list[TaskRun] = field(init=False, factory=list)
    acknowledged: list[Acknowledged] = field(init=False, factory=list)
    obeyed: list[Obeyed] = field(init=False, factory=list)
    offences: list[Offence] = field(init=False, factory=list)
    latencies: defaultdict[Endpoint, list[float]] = field(init=False, factory=lambda: defaultdict(list))
    unanswered: Counter[Endpoint] = field(init=False, factory=Counter)

    @property
    def running_intervals(self) -> tuple[Interval, ...]:
        """When the worker had which task in its hands, in the order of the beginnings."""
        return tuple(
            Interval(task_id=run.task_id, began=run.started, ended=inf if run.ended is None else run.ended)
            for run in self.runs
        )


def in_two_hands(journals: Iterable[Journal]) -> tuple[str, ...]:
    """
    Return the tasks that were run more than once at the same time, sorted.

    A worker of which the Manager knows that it has lost its task (a requeue, a time-out) goes on until it asks.
    """
    found = set()
    latest: dict[str, float] = {}
    intervals = [interval for journal in journals for interval in journal.running_intervals]
    for interval in sorted(intervals, key=lambda interval: interval.began):
        if interval.began < latest.get(interval.task_id, -inf):
            found.add(interval.task_id)
        latest[interval.task_id] = max(interval.ended, latest.get(interval.task_id, -inf))
    return tuple(sorted(found))
