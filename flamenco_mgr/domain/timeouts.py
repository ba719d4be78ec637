"""Tasks and workers that are not heard of any more (task-lifecycle.md 12)."""

from collections.abc import Mapping
from enum import Enum, auto

from attrs import evolve, frozen

from flamenco_mgr.domain.ids import made_at
from flamenco_mgr.domain.stamps import log_stamp
from flamenco_mgr.domain.tasks import Task, TaskStatus
from flamenco_mgr.domain.workers import Worker, WorkerStatus

GRACE = 300.0
"""Seconds after a start, or after a disturbance, in which nothing times out: everybody has to be heard first."""

SLEEPER_SILENT = 120.0
"""Seconds; a sleeping worker polls every 30 (worker-api.md 5), and some of its polls may get lost."""

ERROR_SILENT = 600.0
"""Seconds in which a worker in ``error`` says nothing, before it tries again (worker-api.md 5)."""


@frozen(kw_only=True)
class TimeoutRules:
    """After how many seconds of silence a task, and a worker that should be heard every five, times out."""

    task_interval: float
    worker_interval: float

    @property
    def limits(self) -> Mapping[str, float]:
        """By status that a worker polls in: after how many seconds of silence it is not healthy any more."""
        return {
            WorkerStatus.AWAKE: self.worker_interval,
            WorkerStatus.TESTING: self.worker_interval,
            WorkerStatus.STARTING: self.worker_interval,
            WorkerStatus.ASLEEP: max(self.worker_interval, SLEEPER_SILENT),
            WorkerStatus.ERROR: ERROR_SILENT + self.worker_interval,
        }


class Fate(Enum):
    """What is to become of an active task."""

    KEEP = auto()
    RETURN = auto()
    FAIL = auto()


def last_heard(worker: Worker) -> float | None:
    """Return when a worker was last heard of; one that never was counts from its registration, which its id tells."""
    return made_at(worker.id) if worker.last_activity is None else worker.last_activity


def is_polling(worker: Worker, rules: TimeoutRules) -> bool:
    """Whether a worker should be heard again and again, as its status is."""
    return worker.status in rules.limits


def is_silent(worker: Worker, rules: TimeoutRules, now: float) -> bool:
    """Whether a worker that should be heard has not been for too long."""
    heard, limit = last_heard(worker), rules.limits.get(worker.status)
    return limit is not None and heard is not None and heard <= now - limit


def timed_out(worker: Worker) -> Worker:
    """
    Return the worker as it is when it was not heard of for too long.

    What it was asked to become it is still to become. Otherwise only a sleeper is asked for anything, to sleep on when
    it comes back; of other statuses there is none that workers could be asked for (task-lifecycle.md 21.17).
    """
    to_sleep = worker.status_requested is None and worker.status == WorkerStatus.ASLEEP
    return evolve(
        worker,
        status=WorkerStatus.TIMEOUT.value,
        status_requested=WorkerStatus.ASLEEP.value if to_sleep else worker.status_requested,
        lazy_status_request=False if to_sleep else worker.lazy_status_request,
    )


def fate(task: Task, worker: Worker | None, rules: TimeoutRules, now: float) -> Fate:
    """
    Decide on a task; ``worker`` is the one that has it, None if there is none.

    A worker that lives and says nothing of its task has failed at it. The tasks of a worker that is silent itself come
    back when that one times out. One that is gone, or out of duty, has left the task behind.
    """
    if task.status != TaskStatus.ACTIVE:
        return Fate.KEEP
    silent = now - last_sign(task)
    if worker is None or not is_polling(worker, rules):
        return Fate.RETURN if silent >= rules.worker_interval else Fate.KEEP
    if silent < rules.task_interval or is_silent(worker, rules, now):
        return Fate.KEEP
    return Fate.FAIL


def last_sign(task: Task) -> float:
    """Return when a task was last heard of, or at least changed; 0 if nobody knows."""
    known = [time for time in (task.last_worker_ping, task.last_updated) if time is not None]
    return max(known, default=0.0)


def task_reason(task: Task) -> str:
    """Return the words for a task of which nothing was heard."""
    if task.last_worker_ping is None:
        return "the task timed out: nothing was heard of it"
    return f"the task timed out: it was last heard of at {log_stamp(task.last_worker_ping)}"


def worker_reason(worker: Worker) -> str:
    """Return the words for a worker of which nothing was heard."""
    if worker.last_activity is None:
        return "the worker timed out: nothing was heard of it"
    return f"the worker timed out: it was last heard of at {log_stamp(worker.last_activity)}"


def disturbance(*, wall: float, steady: float, expected: float, tolerance: float) -> str:
    """
    Return what has happened to the clock or the process between two looks, for people; empty if nothing did.

    ``wall`` and ``steady`` are the seconds that passed by the clock that people set, and by one that nobody sets;
    ``expected`` those that should have passed.
    """
    if steady - expected > tolerance:
        return f"this process stood still for {steady - expected:.0f} s"
    if abs(wall - steady) > tolerance:
        return f"the clock was set {'forward' if wall > steady else 'back'} by {abs(wall - steady):.0f} s"
    return ""
