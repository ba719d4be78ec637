"""What must be true at each instant, after each step, and at the end."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field
from twisted.internet.defer import Deferred

from flamenco_mgr.domain.blacklist import EXPIRES_AFTER
from flamenco_mgr.domain.tasks import FINISHED, SCHEDULABLE, Task, TaskStatus
from flamenco_mgr.domain.timeouts import GRACE
from flamenco_mgr.domain.workers import Worker, WorkerStatus
from flamenco_mgr.store.interfaces import EventsAsked, TasksAsked
from flamenco_mgr.store.interfaces.overview import Place
from flamenco_mgr.store.sqlite import SQLiteStore
from tests.simulation.books import disagreements
from tests.simulation.plan import ANSWER_LIMIT, STEP, WORKER_SILENT
from tests.simulation.watch import Exchange
from tests.week.hands import Hand, Hands

if TYPE_CHECKING:
    from tests.simulation.machines import Machine
    from tests.simulation.world import World

_PAGE: Final = 500
_TASK_PATH: Final = re.compile(r"/(?:tasks|may-i-run)/([0-9a-f]{24})")

_CHECKED_WITHIN: Final = 130.0
"""Seconds within which time-outs are acted upon."""

_CONTENTION: Final = 45.0
"""Seconds for which a task may be there to be had while somebody who could do it gets none."""

_UNTOLD: Final = 20.0
"""Seconds by which the Server may have wished something again before the Manager knew that it was over."""

_LONGEST_LOG: Final = 8 << 20
_MOST_WAITING: Final = 5000
_MOST_CALLS: Final = 60

_POLLING: Final = {WorkerStatus.AWAKE, WorkerStatus.STARTING}


@define(eq=False, repr=False)
class Checks:
    """Sees every answer that a Worker gets, and looks at the store after each step."""

    world: "World"
    history: dict[str, list[str]] = field(init=False, factory=dict)
    hands: Hands = field(init=False)
    asked_at: dict[str, float] = field(init=False, factory=dict)
    heard_at: dict[str, float] = field(init=False, factory=dict)
    holding: dict[str, Hand] = field(init=False, factory=dict)
    _taken_last: dict[str, Hand] = field(init=False, factory=dict)
    idle: list[tuple["Machine", float]] = field(init=False, factory=list)
    _place: Place | None = field(init=False, default=None)
    _over_at: dict[str, float] = field(init=False, factory=dict)
    _waiting_since: dict[str, float] = field(init=False, factory=dict)
    _since: float = field(init=False, default=0.0)

    def __attrs_post_init__(self) -> None:
        self.hands = Hands(
            silent=WORKER_SILENT, requeued=lambda task: self.world.requeued.get(task, 0.0), is_forgotten=lambda _: False
        )

    # What Workers see

    def asked(self, host: str) -> None:
        """Note that a Worker asks something."""
        self.asked_at[host] = self.world.now()

    def seen(self, exchange: Exchange) -> None:
        """Note an answer that a Worker has got."""
        world, machine = self.world, self._machine(exchange.host)
        self.heard_at[exchange.host] = exchange.answered
        found = _TASK_PATH.match(exchange.path)
        task = found[1] if found else ""
        shown = exchange.path.replace(task, world.task(task)) if task else exchange.path
        plain = True
        if exchange.path == "/task":
            plain = exchange.status == 204
            if plain:
                self.idle.append((machine, exchange.answered))
            if exchange.status == 200:
                task = json.loads(exchange.body)["_id"]
                shown += f" (gets {world.task(task)})"
                self._takes(machine, task)
        elif exchange.path.startswith("/may-i-run"):
            plain = bool(json.loads(exchange.body).get("may_keep_running")) if exchange.status == 200 else False
            if plain:
                self._goes_on(machine, task, exchange.asked)
        elif exchange.method == "POST" and task and exchange.status == HTTPStatus.NO_CONTENT:
            self._has_told(machine, task, exchange.asked)
        if not plain:
            world.trace.note(exchange.host, f"{exchange.method} {shown}: {exchange.status}")

    def _machine(self, host: str) -> "Machine":
        return next(machine for machine in self.world.machines if machine.name == host)

    def _takes(self, machine: "Machine", task: str) -> None:
        self._let_go()
        name, now = machine.name, self.world.now()
        hand = Hand(machine=name, task=task, since=now, heard_at=lambda: self.heard_at[name])
        self.holding[name] = self._taken_last[task] = hand
        self.world.complain(self._named(self.hands.taken(hand, now), task))

    def _goes_on(self, machine: "Machine", task: str, asked: float) -> None:
        self._let_go()
        ways = self.history.get(task, ())
        if ways and ways[-1] != TaskStatus.ACTIVE and self._over_at[task] < asked and not self._is_active(task):
            self.world.complain(f"{machine.name} may go on with {self.world.task(task)}, which is {ways[-1]}")
        hand = self.holding.get(machine.name)
        if hand is not None and hand.task == task:
            self.world.complain(self._named(self.hands.confirmed(hand, asked), task))

    def _is_active(self, task: str) -> bool:
        """Whether a task is active by now, which the events that were followed so far need not tell yet."""
        manager = self.world.manager
        if manager is None or not manager.is_ready or manager.is_stopping:
            return True
        stored = result_of(manager.look().tasks.get(task))
        return stored is not None and stored.status == TaskStatus.ACTIVE

    def _has_told(self, machine: "Machine", task: str, asked: float) -> None:
        """Note that a report was taken: nobody else may have the task, which nothing has happened to since."""
        self._let_go()
        hand = self._taken_last.get(task)
        if hand is None or hand.machine == machine.name or self.holding.get(hand.machine) is not hand:
            return
        if hand.since < asked and self._over_at.get(task, 0.0) <= hand.since + STEP:
            name = self.world.task(task)
            self.world.complain(f"{machine.name} has told what becomes of {name}, which {hand.machine} has")

    def _let_go(self) -> None:
        """Take out of hands what Workers have put down since."""
        for machine in self.world.machines:
            hand = self.holding.get(machine.name)
            if hand is not None and machine.worker.running != hand.task and hand.since < self.world.now():
                self.hands.dropped(hand)
                del self.holding[machine.name]

    def _named(self, complaint: str, task: str) -> str:
        return complaint.replace(task, self.world.task(task))

    # After each step

    def manager_died(self) -> None:
        """Forget what was seen of a process that is no more."""
        self._waiting_since.clear()

    def look(self) -> None:
        """Complain of all that is not as it must be."""
        self._let_go()
        manager = self.world.manager
        for connection in self.world.network.connections.values():
            server = connection.both[1].reactor
            if manager is None or server is not manager.reactor or not connection.asked_at:
                continue
            if self.world.now() - max(connection.asked_at, server.busy_until) > ANSWER_LIMIT:
                self.world.complain(f"{connection.operation} is not answered within {ANSWER_LIMIT:g} s")
        if manager is None or not manager.is_ready or manager.is_stopping:
            self.idle.clear()
            self._since = self.world.now()
            return
        store = manager.look()
        for complaint in self._complaints(store):
            self.world.complain(complaint)

    def _complaints(self, store: SQLiteStore) -> Iterator[str]:
        yield from self._events(store)
        if self.world.steps % 5 == 0:
            workers = {worker.id: worker for worker in result_of(store.workers.all())}
            yield from self._silent(workers)
            yield from self._stuck(store, workers)
            yield from self._bounded(store)
            self.idle.clear()

    def _events(self, store: SQLiteStore) -> Iterator[str]:
        """Follow the event log: no task that is over goes on, unless a user wants it done again."""
        page = result_of(store.history.events(EventsAsked(), self._place, _PAGE, newest_first=False))
        self._place = page.next or page.reached or self._place
        for recorded in page.items:
            event, now = recorded.event, self.world.now()
            if event.task is None:
                if event.before or event.after:
                    name = self._nickname(event.worker)
                    self.world.trace.note("manager", f"{name}: {event.before or 'new'} → {event.after}")
                continue
            if not (event.before or event.after):
                continue
            name = self.world.task(event.task)
            ways = self.history.setdefault(event.task, [])
            if event.before != event.after:
                self.world.trace.note("manager", f"{name}: {event.before or 'new'} → {event.after}")
            known = ways[-1] if ways else None
            if known is not None and event.before and event.before != known:
                yield f"{name} became {event.after} from {event.before}, but it was {known}"
            if known in FINISHED and event.after not in FINISHED:
                wished = self.world.requeued.get(event.task, 0.0)
                if wished < self._over_at[event.task] - _UNTOLD:
                    yield f"{name} went back from {known} to {event.after}"
            if event.before != event.after:
                ways.append(event.after)
            self._over_at[event.task] = now

    def _nickname(self, worker_id: str | None) -> str:
        return next((one.name for one in self.world.machines if one.worker_id == worker_id), "a worker of before")

    def _silent(self, workers: dict[str, Worker]) -> Iterator[str]:
        """A worker that is not heard of times out in time, and no other does."""
        manager, now = self.world.manager, self.world.now()
        assert manager is not None
        up = now - max(manager.since, self._since)
        for machine in self.world.machines:
            worker = workers.get(machine.worker_id)
            if worker is None:
                continue
            silent = now - max(
                self.heard_at.get(machine.name, 0.0), self.asked_at.get(machine.name, 0.0), manager.since
            )
            # What had been sent before may still arrive when a line is mended.
            if worker.status in _POLLING and min(silent, up) > GRACE + WORKER_SILENT + _CHECKED_WITHIN:
                yield f"{machine.name} was not heard of for {silent:.0f} s, and is {worker.status} still"
            heard = self.world.now() - self.heard_at.get(machine.name, 0.0)
            if worker.status == WorkerStatus.TIMEOUT and heard < 1.0 and machine.worker.running:
                yield f"{machine.name} has just been heard at work, and is {worker.status}"

    def _stuck(self, store: SQLiteStore, workers: dict[str, Worker]) -> Iterator[str]:
        """Nobody gets nothing while there has been something for a while."""
        now = self.world.now()
        held = {hand.task for hand in self.holding.values()}
        waiting = [task for task in self._runnable(store) if task.id not in held]
        since = self._waiting_since
        self._waiting_since = {task.id: since.get(task.id, now) for task in waiting}
        if not self.idle or not any(now - at >= _CONTENTION for at in self._waiting_since.values()):
            return
        banned = {
            (line.worker_id, line.job, line.task_type)
            for line in result_of(store.blacklist.lines(now - 2 * EXPIRES_AFTER))
        }
        for machine, _ in self.idle:
            worker = workers.get(machine.worker_id)
            for task in waiting:
                if (
                    worker is not None
                    and now - self._waiting_since[task.id] >= _CONTENTION
                    and task.task_type in worker.supported_task_types
                    and (worker.id, task.job, task.task_type) not in banned
                    and all(failed.id != worker.id for failed in task.failed_by)
                ):
                    yield f"{machine.name} got nothing, but {self.world.task(task.id)} waits to be done"
                    return

    def _runnable(self, store: SQLiteStore) -> Iterator[Task]:
        here = all_tasks(store)
        done = {task.id: task.status for task in here}
        for task in here:
            if task.status in SCHEDULABLE and all(
                done.get(parent, TaskStatus.COMPLETED) == TaskStatus.COMPLETED for parent in task.parents
            ):
                yield task

    def _bounded(self, store: SQLiteStore) -> Iterator[str]:
        manager = self.world.manager
        assert manager is not None
        if manager.log_size() > _LONGEST_LOG:
            yield f"the log of what is written ahead has {manager.log_size() >> 20} MiB"
        waiting = result_of(store.updates.waiting())
        if waiting > _MOST_WAITING:
            yield f"{waiting} updates wait"
        calls = self.world.timeline.waiting(manager.reactor)
        connections = len(self.world.network.connections)
        if calls > _MOST_CALLS + 6 * connections:
            yield f"{calls} delayed calls wait, with {connections} connections"
        tasks = Counter(task.status for task in all_tasks(store))
        counted = dict(result_of(store.overview.counts()).by_status)
        if counted != tasks:
            yield f"the overview counts {counted}, but there are {dict(tasks)}"

    # At the end

    def is_over(self) -> bool:
        """Whether there is nothing left to do, by what the Server and the Workers know."""
        return (
            all(task.status in FINISHED for task in self.world.server.books.tasks())
            and not self.world.server.books.wanted_logs
            and all(not machine.disks[-1].updates and machine.worker.running is None for machine in self.world.machines)
            and self.world.manager is not None
        )

    def why_not_over(self) -> Iterator[str]:
        """Yield what is left to do."""
        for task in self.world.server.books.tasks():
            if task.status not in FINISHED:
                yield f"{self.world.task(task.id)} is {task.status} at the Server, long after everything was put right"
        for machine in self.world.machines:
            if machine.disks[-1].updates:
                yield f"{machine.name} has {len(machine.disks[-1].updates)} updates left"
        yield "the farm does not come to rest"

    def at_the_end(self) -> Iterator[str]:
        """Yield what the books do not agree on."""
        manager = self.world.manager
        if manager is None:
            yield "there is no Manager at the end"
            return
        yield from disagreements(self.world, manager.look())


def all_tasks(store: SQLiteStore) -> list[Task]:
    """Return all tasks of a store."""
    found: list[Task] = []
    after: Place | None = None
    while True:
        page = result_of(store.overview.tasks(TasksAsked(), after, _PAGE))
        found += page.items
        after = page.next
        if after is None:
            return found


def result_of(awaitable: Any) -> Any:
    """Return what a read of an idle store gives: it is there at once."""
    results: list[Any] = []

    async def awaited() -> None:
        results.append(await awaitable)

    _ = Deferred.fromCoroutine(awaited())
    return results[0]
