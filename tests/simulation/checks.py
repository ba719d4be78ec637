"""What must be true at each instant, after each step, and at the end."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from attrs import define, field

from flamenco_mgr.domain.blacklist import EXPIRES_AFTER
from flamenco_mgr.domain.tasks import FINISHED, SCHEDULABLE, Task, TaskStatus
from flamenco_mgr.domain.timeouts import GRACE
from flamenco_mgr.domain.workers import Worker, WorkerStatus
from flamenco_mgr.store.sqlite import SQLiteStore
from tests.simulation.ahead import LogWatch
from tests.simulation.books import disagreements
from tests.simulation.growth import Growth
from tests.simulation.history import History, Standing
from tests.simulation.plan import ANSWER_LIMIT
from tests.simulation.reading import all_tasks, result_of
from tests.simulation.timeouts import Timeouts
from tests.simulation.watch import Exchange
from tests.week.hands import Hand, Hands

if TYPE_CHECKING:
    from tests.simulation.machines import Machine
    from tests.simulation.manager import ManagerProcess
    from tests.simulation.world import World

_TASK_PATH: Final = re.compile(r"/(?:tasks|may-i-run)/([0-9a-f]{24})")

_CHECKED_WITHIN: Final = 130.0
"""Seconds within which time-outs are acted upon."""

_CONTENTION: Final = 45.0
"""Seconds for which a task may be there to be had while somebody who could do it gets none."""

_ENDS: Final = {TaskStatus.COMPLETED, TaskStatus.FAILED}
_POLLING: Final = {WorkerStatus.AWAKE, WorkerStatus.STARTING}


@define(eq=False, repr=False)
class Checks:
    """
    Sees every answer that a Worker gets, and looks at the store after each step.

    ``late`` are the reports of runs that the Manager had ended before: their status does not count (task-lifecycle.md
    12). They are known by the name of the journal, and their place among what was acknowledged there.
    """

    world: "World"
    timeouts: Timeouts = field(init=False)
    history: History = field(init=False)
    growth: Growth = field(init=False)
    log: LogWatch = field(init=False, factory=LogWatch)
    hands: Hands = field(init=False)
    asked_at: dict[str, float] = field(init=False, factory=dict)
    heard_at: dict[str, float] = field(init=False, factory=dict)
    holding: dict[str, Hand] = field(init=False, factory=dict)
    idle: list[tuple["Machine", float]] = field(init=False, factory=list)
    late: set[tuple[str, int]] = field(init=False, factory=set)
    _ended_at: dict[tuple[str, str], float] = field(init=False, factory=dict)
    _unaware: set[Hand] = field(init=False, factory=set)
    _waiting_since: dict[str, float] = field(init=False, factory=dict)
    _since: float = field(init=False, default=0.0)

    def __attrs_post_init__(self) -> None:
        self.timeouts = Timeouts(self.world)
        self.history = History(self.world, self.timeouts)
        self.growth = Growth(self.world)
        self.hands = Hands(
            silent=self.world.plan.worker_silent,
            requeued=lambda task: self.world.users.requeued.get(task, 0.0),
            is_forgotten=lambda _: False,
            has_lost=self._has_lost,
        )

    # What Workers see

    def asked(self, host: str) -> None:
        """Note that a Worker asks something."""
        self.asked_at[host] = self.world.now()

    def seen(self, exchange: Exchange) -> None:
        """Note an answer that a Worker has got."""
        world, machine = self.world, self.world.machine(exchange.host)
        self.heard_at[exchange.host] = exchange.answered
        found = _TASK_PATH.match(exchange.path)
        task = found[1] if found else ""
        shown = exchange.path.replace(task, world.task(task)) if task else exchange.path
        plain = True
        if exchange.status < HTTPStatus.BAD_REQUEST:
            self.timeouts.answered(exchange.host, task, exchange.answered)
        if exchange.path == "/task":
            plain = exchange.status == HTTPStatus.NO_CONTENT
            if plain:
                self.idle.append((machine, exchange.answered))
            if exchange.status == HTTPStatus.OK:
                task = json.loads(exchange.body)["_id"]
                shown += f" (gets {world.task(task)})"
                self._takes(machine, task, exchange.asked)
        elif exchange.path.startswith("/may-i-run"):
            plain = exchange.status == HTTPStatus.OK and bool(json.loads(exchange.body).get("may_keep_running"))
            if plain:
                self._goes_on(machine, task, exchange.asked)
        elif exchange.path.endswith("/update") and exchange.status == HTTPStatus.NO_CONTENT:
            self._has_told(machine, task, exchange)
        if not plain:
            world.trace.note(exchange.host, f"{exchange.method} {shown}: {exchange.status}")

    def _takes(self, machine: "Machine", task: str, asked: float) -> None:
        self._let_go()
        name, now = machine.name, self.world.now()
        hand = Hand(machine=name, task=task, since=now, heard_at=lambda: self.heard_at[name])
        self.holding[name] = hand
        untold = any(one.task_id == task and one.task_status in _ENDS for one in machine.disks[-1].updates)
        if untold or self._ended_at.get((name, task), 0.0) > asked:
            self._unaware.add(hand)
        self.world.complain(self._named(self.hands.taken(hand, now), task))

    def _has_lost(self, hand: Hand) -> bool:
        """
        Whether a run has timed out, or was ended by the report of the last one, which was still on its way.

        A Worker sends a report again after 5 s, asks for a task after 3 s, and gets the one back that the Manager takes
        it to be at. No report says which run it is of (worker-api.md 4.4, 6).
        """
        self.follow()
        if self.timeouts.timed_out_at(hand.machine, hand.task) > hand.since:
            return True
        manager, machine = self.world.manager, self.world.machine(hand.machine)
        if hand not in self._unaware or manager is None:
            return False
        stored: Task | None = result_of(manager.look().tasks.get(hand.task))
        return stored is not None and any(failed.id == machine.worker_id for failed in stored.failed_by)

    def _goes_on(self, machine: "Machine", task: str, asked: float) -> None:
        self._let_go()
        stands = self._stood(task, asked, unless=lambda one: one.is_with(machine.worker_id))
        if stands is not None:
            whose = "" if stands.worker_id == machine.worker_id else ", and another's"
            self.world.complain(
                f"{machine.name} may go on with {self.world.task(task)}, which is {stands.status}{whose}"
            )
        hand = self.holding.get(machine.name)
        if hand is not None and hand.task == task:
            self.world.complain(self._named(self.hands.confirmed(hand, asked), task))

    def _has_told(self, machine: "Machine", task: str, exchange: Exchange) -> None:
        """A report that was taken is durable, and nobody else had the task when it was sent."""
        self._let_go()
        told = machine.disks[-1].updates[0].task_status
        ends = told in _ENDS
        if ends:
            self._ended_at[machine.name, task] = exchange.answered
        before = self.history.standing.get(task)
        if before is None or before.since >= exchange.asked:
            return
        self.follow()
        name, stands = self.world.task(task), self.history.standing[task]
        given = machine.worker_id in self.history.given_since(task, before.since)
        if before.status != TaskStatus.ACTIVE:
            if ends and not given and before.is_lost_to(machine.worker_id):
                self.late.add((machine.journal_name, len(machine.journals[-1].acknowledged)))
        elif not given and before.worker_id != machine.worker_id:
            self.world.complain(f"{machine.name} has told what becomes of {name}, which another has")
        elif ends and stands is before and self.holding.get(machine.name) not in self._unaware:
            self.world.complain(f"{machine.name} was answered that {name} is {told}, which is {stands.status} still")

    def _stood(self, task: str, asked: float, *, unless: Callable[[Standing], bool]) -> Standing | None:
        """Return what a task is, ``unless`` that is as it must be, or not yet so when something was asked."""
        stands = self.history.standing.get(task)
        if stands is None or stands.since >= asked or unless(stands):
            return None
        self.follow()
        stands = self.history.standing[task]
        return stands if stands.since < asked else None

    def _let_go(self) -> None:
        """Take out of hands what Workers have put down since."""
        for machine in self.world.machines:
            hand = self.holding.get(machine.name)
            if hand is not None and machine.worker.running != hand.task and hand.since < self.world.now():
                self.hands.dropped(hand)
                self._unaware.discard(hand)
                del self.holding[machine.name]

    def _named(self, complaint: str, task: str) -> str:
        return complaint.replace(task, self.world.task(task))

    # After each step

    def follow(self) -> None:
        """Follow what has become durable since."""
        manager = self.world.manager
        if manager is not None and manager.is_there:
            for complaint in self.history.follow(manager.look()):
                self.world.complain(complaint)

    def manager_ends(self) -> None:
        """See what a process leaves behind, and forget what was seen of it."""
        self.follow()
        self._waiting_since.clear()
        self.log = LogWatch()

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
        self.follow()
        if manager is None or not manager.is_ready or manager.is_stopping:
            self.idle.clear()
            self._since = self.world.now()
            return
        for complaint in self._complaints(manager, manager.look()):
            self.world.complain(complaint)

    def _complaints(self, manager: "ManagerProcess", store: SQLiteStore) -> Iterator[str]:
        yield self.log.look(manager.log(), self.world.now())
        if self.world.steps % 5 == 0:
            workers = {worker.id: worker for worker in result_of(store.workers.all())}
            yield from self._silent(manager, workers)
            tasks = all_tasks(store)
            yield from self._stuck(manager, store, tasks, workers)
            yield from self.growth.complaints(manager, store, tasks)
            self.idle.clear()

    def _silent(self, manager: "ManagerProcess", workers: dict[str, Worker]) -> Iterator[str]:
        """A worker that is not heard of times out in time."""
        now = self.world.now()
        up = now - max(manager.since, self._since)
        for machine in self.world.machines:
            worker = workers.get(machine.worker_id)
            if worker is None:
                continue
            silent = now - max(
                self.heard_at.get(machine.name, 0.0), self.asked_at.get(machine.name, 0.0), manager.since
            )
            # What had been sent before may still arrive when a line is mended.
            if worker.status in _POLLING and min(silent, up) > GRACE + self.world.plan.worker_silent + _CHECKED_WITHIN:
                yield f"{machine.name} was not heard of for {silent:.0f} s, and is {worker.status} still"

    def _stuck(
        self, manager: "ManagerProcess", store: SQLiteStore, tasks: Sequence[Task], workers: Mapping[str, Worker]
    ) -> Iterator[str]:
        """Nobody gets nothing while there has been something for a while."""
        now = self.world.now()
        held = {hand.task for hand in self.holding.values()}
        waiting = [task for task in _runnable(tasks) if task.id not in held]
        since = self._waiting_since
        self._waiting_since = {task.id: since.get(task.id, now) for task in waiting}
        if not self.idle or not any(now - at >= _CONTENTION for at in self._waiting_since.values()):
            return
        banned = {
            (line.worker_id, line.job, line.task_type)
            for line in result_of(store.blacklist.lines(manager.reactor.seconds() - EXPIRES_AFTER))
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


def _runnable(tasks: Sequence[Task]) -> Iterator[Task]:
    done = {task.id: task.status for task in tasks}
    for task in tasks:
        if task.status in SCHEDULABLE and all(
            done.get(parent, TaskStatus.COMPLETED) == TaskStatus.COMPLETED for parent in task.parents
        ):
            yield task
