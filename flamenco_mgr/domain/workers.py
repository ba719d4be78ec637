"""What a worker is, what its statuses mean, and what it says of itself."""

from enum import Enum

from attrs import evolve, frozen

from flamenco_mgr.domain.sleeping import NO_SCHEDULE, SleepSchedule


class WorkerStatus(str, Enum):
    """The statuses of a worker (task-lifecycle.md 3); one that only registered has none, the empty text."""

    STARTING = "starting"
    AWAKE = "awake"
    TESTING = "testing"
    ASLEEP = "asleep"
    ERROR = "error"
    TIMEOUT = "timeout"
    OFFLINE = "offline"
    SHUTDOWN = "shutdown"

    __str__ = str.__str__


WORKING: frozenset[str] = frozenset({WorkerStatus.AWAKE, WorkerStatus.TESTING})
"""Statuses that a request for a task, or to go on with one, leaves as they are."""

ACKNOWLEDGEABLE: frozenset[str] = frozenset(status.value for status in WorkerStatus) - {WorkerStatus.SHUTDOWN}
"""What a worker may say that it is now; it never acknowledges a shutdown (worker-api.md 4.8)."""

REQUESTABLE: frozenset[str] = frozenset({WorkerStatus.ASLEEP, WorkerStatus.AWAKE, WorkerStatus.SHUTDOWN})
"""What a worker can be asked to become; it answers anything else by sleeping for good (worker-api.md 5)."""


@frozen(kw_only=True)
class Worker:
    """
    A worker of the farm.

    ``hashed_secret`` is a bcrypt hash, in ASCII. Times are seconds since 1970, UTC. ``failed_jobs`` are the jobs at
    whose tasks it failed since it last completed one; ``sick`` says why it is not to work before an operator has looked
    at it, and is empty for a sound one. ``revision`` grows with every change but heartbeats, and is what conditional
    changes compare.
    """

    id: str
    hashed_secret: bytes
    nickname: str = ""
    address: str = ""
    platform: str = ""
    software: str = ""
    supported_task_types: tuple[str, ...] = ()
    status: str = ""
    status_requested: str | None = None
    lazy_status_request: bool = False
    last_activity: float | None = None
    current_task: str | None = None
    current_task_status: str = ""
    current_task_updated: float | None = None
    sleep_schedule: SleepSchedule = NO_SCHEDULE
    failed_jobs: tuple[str, ...] = ()
    sick: str = ""
    revision: int = 0

    @property
    def identifier(self) -> str:
        """The worker's name in texts, here and on the Server."""
        return f"{self.address} ({self.nickname})" if self.nickname else self.address


def signed_on(worker: Worker, *, nickname: str, supported_task_types: tuple[str, ...]) -> Worker:
    """
    Return the worker after its sign-on; what it does not say stays as it is (worker-api.md 4.2).

    What it was asked to become it is told again; a sick one that was asked for nothing is to sleep.
    """
    rests = bool(worker.sick) and worker.status_requested is None
    return evolve(
        worker,
        status=WorkerStatus.STARTING.value,
        status_requested=WorkerStatus.ASLEEP.value if rests else worker.status_requested,
        nickname=nickname or worker.nickname,
        supported_task_types=supported_task_types or worker.supported_task_types,
        current_task=None,
    )


def awakened(worker: Worker) -> Worker:
    """Return the worker as it is when it asks for a task, or to go on with one; a tester stays one."""
    if worker.status in WORKING:
        return worker
    return evolve(worker, status=WorkerStatus.AWAKE.value)


def acknowledged(worker: Worker, status: str) -> Worker | None:
    """
    Return the worker after it said that it is in ``status`` now, or None if that is no status of a worker.

    Only the request that this answers is cleared: a newer one stays to be delivered (worker-api.md 4.8).
    """
    if status not in ACKNOWLEDGEABLE:
        return None
    answered = worker.status_requested == status or (
        worker.status_requested == WorkerStatus.AWAKE and status in WORKING
    )
    return evolve(
        worker,
        status=status,
        status_requested=None if answered else worker.status_requested,
        lazy_status_request=False if answered else worker.lazy_status_request,
    )


def signed_off(worker: Worker) -> Worker:
    """
    Return the worker after its sign-off (task-lifecycle.md 13).

    One that slept, and was not asked to wake up, is to sleep again when it comes back, and so is a sick one.
    """
    slept = worker.status == WorkerStatus.ASLEEP and worker.status_requested in {None, WorkerStatus.SHUTDOWN}
    return evolve(
        worker,
        status=WorkerStatus.OFFLINE.value,
        status_requested=WorkerStatus.ASLEEP.value if slept or worker.sick else None,
        lazy_status_request=False,
    )
