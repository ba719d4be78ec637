"""What workers are asked to become: by operators, and by their schedules (task-lifecycle.md 13 and 14)."""

from attrs import evolve, frozen

from flamenco_mgr.domain import sleeping
from flamenco_mgr.domain.local_time import Offset
from flamenco_mgr.domain.sleeping import SleepSchedule
from flamenco_mgr.domain.workers import REQUESTABLE, Worker, WorkerStatus


class CannotRequest(ValueError):
    """A status that no worker can be asked to take; the text says which."""

    def __init__(self, status: str) -> None:
        super().__init__(f'RequestStatusChange("{status[:100]}"): status cannot be requested')


@frozen
class DoesNotApply(Exception):
    """What an operator wants makes no sense as the worker is now; ``why`` is for people."""

    why: str


def requested(worker: Worker, status: str, *, lazy: bool) -> Worker:
    """
    Return the worker after an operator has asked it to take a status; a newer request replaces a pending one.

    To ask for the status that it has takes a pending request back (dashboard.md W11). An operator that wants a sick
    worker to be awake has looked at it. Raises `CannotRequest` or `DoesNotApply`.
    """
    if status not in REQUESTABLE:
        raise CannotRequest(status)
    if status == WorkerStatus.SHUTDOWN and worker.status == WorkerStatus.OFFLINE:
        raise DoesNotApply("the worker is offline already")
    if status == WorkerStatus.AWAKE:
        worker = evolve(worker, sick="", failed_jobs=())
    if status == worker.status:
        return _asked(worker, None)
    return _asked(worker, status, lazy=lazy)


def timeout_acknowledged(worker: Worker) -> Worker:
    """Return the worker after an operator has seen that it had timed out; raises `DoesNotApply` if it has not."""
    if worker.status != WorkerStatus.TIMEOUT:
        raise DoesNotApply('Worker status is not "timeout"')
    kept = WorkerStatus.ASLEEP.value if worker.sick else None
    return _asked(evolve(worker, status=WorkerStatus.OFFLINE.value), kept)


def scheduled(worker: Worker, schedule: SleepSchedule, now: float, offset: Offset) -> Worker:
    """Return the worker after it was given a schedule, which acts at once."""
    return _by_schedule(evolve(worker, sleep_schedule=schedule), now, offset)


def checked(worker: Worker, now: float, offset: Offset) -> Worker:
    """Return the worker after a look at its schedule; nothing happens before it is due."""
    return _by_schedule(worker, now, offset) if sleeping.is_due(worker.sleep_schedule, now) else worker


def _by_schedule(worker: Worker, now: float, offset: Offset) -> Worker:
    schedule = worker.sleep_schedule
    after = evolve(worker, sleep_schedule=evolve(schedule, next_check=sleeping.next_check(schedule, now, offset)))
    if not schedule.active or worker.status_requested == WorkerStatus.SHUTDOWN:
        return after
    if sleeping.is_night(schedule, now, offset):
        return _to_sleep(after)
    return _to_wake(after)


def _to_sleep(worker: Worker) -> Worker:
    if worker.status in {WorkerStatus.ASLEEP, WorkerStatus.TESTING}:
        return worker
    return _asked(worker, WorkerStatus.ASLEEP.value)


def _to_wake(worker: Worker) -> Worker:
    """
    Return the worker after its schedule wants it awake.

    One that is not here is asked when it returns, if it was to sleep then; a sick one waits for an operator.
    """
    if worker.sick or worker.status in {WorkerStatus.AWAKE, WorkerStatus.TESTING}:
        return worker
    if worker.status == WorkerStatus.ASLEEP or worker.status_requested in {WorkerStatus.ASLEEP, WorkerStatus.AWAKE}:
        return _asked(worker, WorkerStatus.AWAKE.value)
    return worker


def _asked(worker: Worker, status: str | None, *, lazy: bool = False) -> Worker:
    return evolve(worker, status_requested=status, lazy_status_request=lazy)
