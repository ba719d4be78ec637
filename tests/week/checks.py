"""What must be true of the farm at each step: the Manager's store, compared with what the world knows."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from attrs import define, field

from flamenco_mgr.domain.blacklist import EXPIRES_AFTER
from flamenco_mgr.domain.events import Event
from flamenco_mgr.domain.tasks import FINISHED, SCHEDULABLE, Task, TaskStatus
from flamenco_mgr.domain.workers import Worker, WorkerStatus
from flamenco_mgr.store.interfaces import EventsAsked, IStore, TasksAsked
from flamenco_mgr.store.interfaces.overview import Page, Place
from tests.week.machine import Machine
from tests.week.manager import ManagerProcess
from tests.week.plan import (
    ASLEEP_POLL,
    CHECKED_WITHIN,
    CONTENTION,
    GRACE,
    HOUR,
    STEP,
    TASKS_KEPT,
    UNTOLD,
    WORKER_SILENT,
    WORKERS_KEPT,
)
from tests.week.world import World

_PAGE: Final = 500
_AUDIT_EVERY: Final = HOUR

_POLLING: Final = {WorkerStatus.AWAKE, WorkerStatus.STARTING, WorkerStatus.ASLEEP, WorkerStatus.TESTING}
_MAY_LEAVE: Final = {WorkerStatus.OFFLINE, WorkerStatus.TIMEOUT, ""}


@define(eq=False)
class Checks:
    """Looks at the farm after each step, and at all of its books once an hour; ``events`` are all that happened."""

    world: World
    events: list[Event] = field(init=False, factory=list)
    _place: Place | None = field(init=False, default=None)
    _statuses: dict[str, str] = field(init=False, factory=dict)
    _changed: dict[str, float] = field(init=False, factory=dict)
    _waiting_since: dict[str, float] = field(init=False, factory=dict)
    _tasks: dict[str, Task] = field(init=False, factory=dict)
    _workers: dict[str, Worker] = field(init=False, factory=dict)
    _audited: float = field(init=False, default=0.0)

    def look(self) -> None:
        """Complain of all that is not as it must be."""
        manager = self.world.manager
        if manager is None:
            self.world.idle.clear()
            return
        for complaint in self._complaints(manager):
            self.world.complain(complaint)

    def _complaints(self, manager: ManagerProcess) -> Iterator[str]:
        store, now = manager.store, self.world.now()
        yield from self._history(manager)
        workers = {worker.id: worker for worker in manager.result_of(store.workers.all())}
        up = now - manager.since
        for machine in self.world.machines:
            worker = workers.get(machine.worker_id)
            if worker is not None:
                yield from self._sleeper(machine, worker, up)
                yield from self._silent(machine, worker, up)
        yield from self._stuck(manager, workers)
        if now - self._audited >= _AUDIT_EVERY:
            self._audited = now
            yield from self._books(manager, workers)

    def _history(self, manager: ManagerProcess) -> Iterator[str]:
        """Follow the event log; no task that is over goes on, unless a user wants it done again."""
        page = manager.result_of(manager.store.history.events(EventsAsked(), self._place, _PAGE, newest_first=False))
        self._place = page.next or page.reached or self._place
        for recorded in page.items:
            event = recorded.event
            self.events.append(event)
            if event.task is None or not (event.before or event.after):
                continue
            known = self._last_status(event.task)
            if known is not None and event.before and event.before != known:
                yield f"task {event.task} became {event.after} from {event.before}, but it was {known}"
            if known in FINISHED and event.after not in FINISHED and not self._is_wanted_again(event.task):
                yield f"task {event.task} went back from {known} to {event.after}: {event.text}"
            self._statuses[event.task], self._changed[event.task] = event.after, event.at

    def _last_status(self, task: str) -> str | None:
        """Return what a task became last; None if it was forgotten since, or may have been, and come anew."""
        known = self._statuses.get(task)
        forgotten = known in FINISHED and self.world.now() - self._changed[task] >= TASKS_KEPT
        return None if forgotten else known

    def _is_wanted_again(self, task: str) -> bool:
        """Whether a user wanted a task done again after it was over, or just before that was told to the Server."""
        return self.world.last_requeue(task) >= self._changed[task] - UNTOLD

    def _sleeper(self, machine: Machine, worker: Worker, up: float) -> Iterator[str]:
        """A machine keeps to its hours, within two minutes and the time until it asks."""
        if machine.nights is None or worker.sick or not worker.sleep_schedule.active:
            return
        to_sleep, since = machine.nights.sleeping_since(self.world.now())
        begun = min(self.world.now() - since, up)
        if machine.disturbed_at >= since - CHECKED_WITHIN - ASLEEP_POLL or begun < CHECKED_WITHIN:
            return
        awake = {WorkerStatus.AWAKE, WorkerStatus.STARTING}
        asked = worker.status_requested
        if to_sleep and worker.status in awake and asked not in {WorkerStatus.ASLEEP, WorkerStatus.SHUTDOWN}:
            yield f"{machine.name} is {worker.status} at night, and asked to be {asked}"
        wakes = {WorkerStatus.AWAKE, WorkerStatus.SHUTDOWN}
        if not to_sleep and worker.status == WorkerStatus.ASLEEP and asked not in wakes:
            yield f"{machine.name} is asleep by day, and asked to be {asked}"
        if machine.is_there and begun >= CHECKED_WITHIN + ASLEEP_POLL + 2 * STEP:
            if to_sleep and machine.state == "awake":
                yield f"{machine.name} is awake at night"
            if not to_sleep and machine.state == "asleep":
                yield f"{machine.name} sleeps by day"

    def _silent(self, machine: Machine, worker: Worker, up: float) -> Iterator[str]:
        """A worker that is not heard of times out in time, and no other does."""
        silent = self.world.now() - max(machine.heard_at, machine.asked_at)
        due = WORKER_SILENT + CHECKED_WITHIN
        if worker.status in _POLLING and silent > due and up > GRACE + CHECKED_WITHIN:
            yield f"{machine.name} was not heard of for {silent:.0f} s, and is {worker.status} still"
        just_heard = self.world.now() - machine.heard_at < STEP
        is_heard = machine.is_there and machine.state in {"awake", "asleep"} and just_heard
        if worker.status == WorkerStatus.TIMEOUT and is_heard:
            yield f"{machine.name} has just been heard, and is {worker.status}"

    def _stuck(self, manager: ManagerProcess, workers: dict[str, Worker]) -> Iterator[str]:
        """Nobody gets nothing while there has been something for a while."""
        idle, self.world.idle[:] = list(self.world.idle), []
        if not idle:
            return
        now = self.world.now()
        waiting = [task for task in self._waiting(manager.store, manager) if task.id not in self.world.hands.tasks]
        since = self._waiting_since
        self._waiting_since = {task.id: since.get(task.id, now) for task in waiting}
        banned = {
            (line.worker_id, line.job, line.task_type)
            for line in manager.result_of(manager.store.blacklist.lines(now - EXPIRES_AFTER))
        }
        for machine in idle:
            worker = workers.get(machine.worker_id)
            for task in waiting:
                if (
                    worker is not None
                    and now - self._waiting_since[task.id] >= CONTENTION
                    and task.task_type in worker.supported_task_types
                    and (worker.id, task.job, task.task_type) not in banned
                    and all(failed.id != worker.id for failed in task.failed_by)
                ):
                    waited = now - self._waiting_since[task.id]
                    yield f"{machine.name} got nothing, but task {task.id} ({task.name}) has waited for {waited:.0f} s"
                    break

    def _waiting(self, store: IStore, manager: ManagerProcess) -> Iterator[Task]:
        """Yield the tasks that may be started now."""
        here = [task for status in sorted(SCHEDULABLE) for task in _all(manager, store, TasksAsked(status=status))]
        parents = {parent for task in here for parent in task.parents}
        found = [manager.result_of(store.tasks.get(parent)) for parent in sorted(parents)]
        unfinished = {parent.id for parent in found if parent is not None and parent.status != TaskStatus.COMPLETED}
        for task in here:
            if unfinished.isdisjoint(task.parents):
                yield task

    def _books(self, manager: ManagerProcess, workers: dict[str, Worker]) -> Iterator[str]:
        tasks = {task.id: task for task in _all(manager, manager.store, TasksAsked())}
        yield from self._counts(manager, list(tasks.values()))
        yield from self._gone(tasks, workers)
        for task in tasks.values():
            known = self._last_status(task.id)
            if known is not None and known != task.status:
                yield f"task {task.id} is {task.status}, but the last that happened is {known}"
            if task.status == TaskStatus.ACTIVE and task.worker_id not in workers:
                yield f"task {task.id} is active with a worker that is gone: {task.worker_id}"
        for task_id in self._tasks.keys() - tasks.keys():
            self._statuses.pop(task_id, None)
        self._tasks, self._workers = tasks, workers

    def _counts(self, manager: ManagerProcess, tasks: Sequence[Task]) -> Iterator[str]:
        """What the overview counts is there."""
        overview = manager.store.overview
        truth = Counter(task.status for task in tasks)
        counted = dict(manager.result_of(overview.counts()).by_status)
        if counted != truth:
            yield f"the overview counts {counted}, but there are {dict(truth)}"
        jobs: dict[str, Counter[str]] = {}
        for task in tasks:
            jobs.setdefault(task.job, Counter())[task.status] += 1
        page = manager.result_of(overview.jobs(None, _PAGE))
        by_job = {job.job: dict(job.by_status) for job in page.items}
        if by_job != jobs:
            wrong = next(job for job in {*by_job, *jobs} if by_job.get(job) != jobs.get(job))
            yield f"the overview counts {by_job.get(wrong)} in job {wrong}, but there are {jobs.get(wrong)}"

    def _gone(self, tasks: dict[str, Task], workers: dict[str, Worker]) -> Iterator[str]:
        """Only what is old and over is forgotten, or whom an operator wants forgotten."""
        now = self.world.now()
        for task_id, task in self._tasks.items():
            if task_id in tasks:
                continue
            self.world.came_to_pass["tasks forgotten"] += 1
            if task.status not in FINISHED or (task.last_updated or 0.0) > now - TASKS_KEPT:
                yield f"task {task_id} is gone; it was {task.status}, and last changed at {task.last_updated}"
        by_operators = {event.worker for event in self.events if event.kind == "operator"}
        for worker_id, worker in self._workers.items():
            if worker_id in workers or worker_id in by_operators:
                continue
            self.world.came_to_pass["workers removed"] += 1
            if worker.status not in _MAY_LEAVE or (worker.last_activity or 0.0) > now - WORKERS_KEPT:
                yield f"worker {worker_id} ({worker.nickname}) is gone; it was {worker.status}"

    def at_the_end(self) -> Iterator[str]:
        """Yield what is not as it must be when everything has come to its end."""
        manager = self.world.manager
        assert manager is not None
        store = manager.store
        server = {task.id: task.status for task in self.world.server.books.tasks()}
        here = {task.id: task.status for task in _all(manager, store, TasksAsked())}
        yield from (
            f"task {task} is {status} at the Server" for task, status in server.items() if status not in FINISHED
        )
        yield from (
            f"task {task} is {status} here, and {server.get(task)} at the Server"
            for task, status in here.items()
            if status != server.get(task)
        )
        if self.world.hands.tasks:
            yield f"tasks are in hands still: {sorted(self.world.hands.tasks)}"
        if manager.result_of(store.updates.waiting()) or manager.result_of(store.updates.parked()):
            yield "updates wait, or are parked"
        yield from (f"{one.name} has {one.unsent} reports left" for one in self.world.machines if one.unsent)
        yield from self.world.ledger.disagreements(self.world.line.told, self.events)


def _all(manager: ManagerProcess, store: IStore, asked: TasksAsked) -> Iterator[Task]:
    after: Place | None = None
    while True:
        page: Page[Task] = manager.result_of(store.overview.tasks(asked, after, _PAGE))
        yield from page.items
        after = page.next
        if after is None:
            return
