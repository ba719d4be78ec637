"""A simulated farm, from its first instant to its last."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

from attrs import define, evolve, field

from flamenco_mgr.demo.standin_server import StandInServer
from flamenco_mgr.exit_status import StartError
from tests.simulation.checks import Checks
from tests.simulation.disturbances import Disturbances
from tests.simulation.faults import REPORTED, TRAPS, Fault, schedule
from tests.simulation.happenings import Happenings
from tests.simulation.machines import Machine
from tests.simulation.manager import ManagerProcess
from tests.simulation.network import Network
from tests.simulation.operators import Operator
from tests.simulation.plan import PACE, QUIET, SLOW, STANDSTILL, START, STEP, TO_DRAIN, Plan
from tests.simulation.reactor import SimulatedReactor
from tests.simulation.server_host import ServerHost
from tests.simulation.standstill import Standstill
from tests.simulation.timeline import Timeline
from tests.simulation.trace import Trace
from tests.simulation.users import Users

_ALL_AT_WORK: Final = 15.0
_TYPES: Final = (("sleep", "echo"), ("sleep",), ("echo", "sleep", "log"))
_NOW: Final = TRAPS[-1]


@define(eq=False, repr=False)
class _Trap:
    place: str
    count: int
    away: float

    def springs(self, place: str) -> bool:
        if place != self.place:
            return False
        self.count -= 1
        return self.count <= 0


@define(eq=False, repr=False, kw_only=True)
class World:
    """
    Everything that is simulated; ``faults`` are those of the seed's schedule that happen, None for all.

    ``hits`` counts which kind of fault met which operation.
    """

    seed: int
    directory: Path
    faults: Sequence[int] | None = None
    show: Callable[[str], None] = lambda line: None  # noqa: ARG005
    violations: list[str] = field(init=False, factory=list)
    hits: Counter[tuple[str, str]] = field(init=False, factory=Counter)
    failing_commits: int = field(init=False, default=0)
    disk_takes: float = field(init=False, default=0.0)
    manager_ahead: float = field(init=False, default=0.0)
    steps: int = field(init=False, default=0)
    plan: Plan = field(init=False)
    schedule: Sequence[Fault] = field(init=False)
    timeline: Timeline = field(init=False, factory=lambda: Timeline(START))
    network: Network = field(init=False)
    trace: Trace = field(init=False)
    people: SimulatedReactor = field(init=False)
    server_host: ServerHost = field(init=False)
    server: StandInServer = field(init=False)
    machines: list[Machine] = field(init=False)
    manager: ManagerProcess | None = field(init=False, default=None)
    checks: Checks = field(init=False)
    users: Users = field(init=False)
    disturbances: Disturbances = field(init=False)
    operator: Operator = field(init=False)
    calm: bool = field(init=False, default=False)
    _trap: _Trap | None = field(init=False, default=None)
    _ids: int = field(init=False, default=0)
    _images: int = field(init=False, default=0)
    _by_name: dict[str, Machine] = field(init=False)

    def __attrs_post_init__(self) -> None:
        chance = self._chance("plan")
        self.plan = Plan.of(chance)
        everything = schedule(chance, self.plan)
        self.schedule = [one for one in everything if self.faults is None or one.number in self.faults]
        self.trace = Trace(self.now, self.show)
        self.network = Network(
            timeline=self.timeline,
            chance=self._chance("network"),
            hit=self.note_hit,
            before_delivery=lambda reactor: self._passes(reactor, "before a delivery"),
        )
        self.users = Users(self)
        self.disturbances = Disturbances(self.now)
        self.people = self._reactor("people")
        self.manager_ahead = chance.choice((0.0, 0.0, -7200.0, 5400.0))
        self.server_host = ServerHost(self, self._reactor("server"))
        self.server = self.server_host.server
        self.machines = [self._machine(number, chance) for number in range(self.plan.workers)]
        self._by_name = {machine.name: machine for machine in self.machines}
        self.checks = Checks(self)
        self.operator = Operator(self)

    def now(self) -> float:
        """Return the true time, in seconds since 1970."""
        return self.timeline.now

    def _chance(self, what: str) -> Random:
        return Random(f"{self.seed}/{what}")

    def _reactor(self, host: str, **more: Any) -> SimulatedReactor:
        return SimulatedReactor(
            timeline=self.timeline,
            network=self.network,
            host=host,
            chance=self._chance(host),
            unheard=lambda error: self.complain(f"{host} failed: {type(error).__name__}"),
            **more,
        )

    def _machine(self, number: int, chance: Random) -> Machine:
        name = f"render{number + 1}"
        return Machine(
            name=name,
            reactor=self._reactor(name),
            chance=self._chance(name),
            task_types=_TYPES[number % len(_TYPES)],
            longest_task=self.plan.longest_task,
            clumsiness=chance.choice((0.0, 0.0, 0.03, 0.15)),
            asking=lambda host: self.checks.asked(host),  # noqa: PLW0108 the checks come later
            seen=lambda exchange: self.checks.seen(exchange),  # noqa: PLW0108 the checks come later
        )

    def machine(self, host: str) -> Machine:
        """Return a Worker's host."""
        return self._by_name[host]

    def machine_of(self, worker_id: str | None) -> Machine | None:
        """Return the host of a Worker that is set up now."""
        return next((one for one in self.machines if one.worker_id == worker_id), None)

    # What is told

    def task(self, its_id: str) -> str:
        """Return a task's short name."""
        return self.trace.name("task", its_id)

    def job(self, its_id: str) -> str:
        """Return a job's short name."""
        return self.trace.name("job", its_id)

    def note_hit(self, kind: str, operation: str) -> None:
        """Count that a fault of a kind met an operation."""
        self.hits[kind, operation] += 1

    def complain(self, what: str) -> None:
        """Say what must not be."""
        if what:
            self.violations.append(what)
            self.trace.note("VIOLATION", what)

    # The course of things

    def run(self, steps: int | None = None) -> None:
        """Live until everything has come to its end, or something is wrong, or for so many steps."""
        self._begin()
        happenings = Happenings(self)
        for fault in self.schedule:
            self.people.callLater(fault.at, happenings.happen, fault)
        self.people.callLater(self.plan.seconds, self._be_calm)
        self.users.begin()
        deadline = START + self.plan.seconds + TO_DRAIN
        standstill = Standstill(self)
        over_since: float | None = None
        while not self.violations and (steps is None or self.steps < steps):
            self.steps += 1
            self.timeline.run_until(START + self.steps * STEP)
            self.checks.look()
            over = self.calm and self.checks.is_over()
            over_since = (over_since or self.now()) if over else None
            if over_since is not None and self.now() - over_since >= QUIET:
                for complaint in self.checks.at_the_end():
                    self.complain(complaint)
                break
            if standstill.lasts() > STANDSTILL or self.now() > deadline:
                for complaint in self.checks.why_not_over():
                    self.complain(complaint)
        self.trace.note("end", f"{self.steps} steps, {len(self.violations)} violations")

    def close(self) -> None:
        """Close the files."""
        if self.manager is not None:
            self.manager.abandon()

    def _begin(self) -> None:
        self.server_host.listen()
        for _ in range(self.plan.jobs):
            self.users.add_job(max(2, self.plan.tasks // self.plan.jobs))
        self.start_manager()
        for machine in self.machines:
            self.people.callLater(self.people.chance.uniform(0.0, 5.0), self.switch_on, machine)
        if self.plan.lingers:
            self.people.callLater(_ALL_AT_WORK, self._linger)

    def _linger(self) -> None:
        self.disk_takes = SLOW
        self.disturbances.note(self.plan.seconds)
        for machine in self.machines:
            machine.reactor.set_rate(self.people.chance.uniform(*PACE))

    def _be_calm(self) -> None:
        self.trace.note("people", "everything is put right")
        self.calm = True
        self._trap = None
        self.failing_commits, self.disk_takes = 0, 0.0
        self.network.troubles.clear()
        self.server.behave_well()
        for machine in self.machines:
            machine.reactor.set_rate(1.0)
        self._wake_all()

    def _wake_all(self) -> None:
        for machine in self.machines:
            self.switch_on(machine)
            if machine.worker.state == "asleep":
                self.operator.ask(machine, "awake")
        self.operator.forget_lost()
        self.people.callLater(30.0, self._wake_all)

    # The Manager

    def start_manager(self) -> None:
        """Start a process of the Manager on what is stored, unless one runs."""
        if self.manager is not None:
            return
        manager = self._new_manager("manager")
        try:
            manager.start()
        except StartError:
            manager.reactor.dead = True
            self.network.died(manager.reactor)
            self.complain("the Manager cannot start")
            return
        self.manager = manager
        self.trace.note("manager", "starts")

    def _new_manager(self, host: str) -> ManagerProcess:
        reactor = self._reactor(host, ahead=self.manager_ahead)
        reactor.thread_turn = lambda before: self._passes(
            reactor, "before a thread's work" if before else "after a thread's work"
        )
        return ManagerProcess(
            reactor=reactor,
            directory=self._image,
            settings=evolve(self.plan.settings, task_logs_path=self.directory / "logs"),
            new_id=lambda: self._new_id(reactor),
            chance=self._chance(f"manager{self.now()}"),
            committing=lambda commit: self._commit(reactor, commit),
            since=self.now(),
        )

    @property
    def _image(self) -> Path:
        return self.directory / f"db{self._images}"

    def _new_id(self, reactor: SimulatedReactor) -> str:
        self._ids += 1
        return f"{int(reactor.seconds()):08x}{self._ids:016x}"

    def set_trap(self, place: str, count: int, away: float) -> None:
        """Have the Manager killed at such a place; it is started again so many seconds later."""
        self._trap = _Trap(place, count, away)
        if self.manager is not None:
            self._passes(self.manager.reactor, _NOW)

    def _passes(self, reactor: SimulatedReactor, place: str) -> bool:
        """Say whether a process goes on, which comes to a place where it may be killed."""
        trap = self._trap
        if trap is None or self.manager is None or self.manager.reactor is not reactor or not trap.springs(place):
            return not reactor.dead
        self._trap = None
        self._kill(place, trap.away)
        return False

    def _kill(self, place: str, away: float) -> None:
        manager = self.manager
        assert manager is not None
        self.disturbances.note(away)
        doing = self.network.in_progress(manager.reactor) or ["nothing"]
        for operation in doing:
            self.note_hit(f"kill {place}", operation)
        self.checks.manager_ends()
        self.manager = None
        self._images += 1
        manager.kill(self._image)
        self.network.died(manager.reactor)
        self.trace.note("manager", f"is killed {place}, in the middle of {', '.join(sorted(doing))}")
        self.people.callLater(away, self.start_manager)

    def _commit(self, reactor: SimulatedReactor, commit: Callable[[], None]) -> None:
        is_safe = not self.network.is_reported_to(reactor) or self._passes(reactor, REPORTED)
        if not (is_safe and self._passes(reactor, "before a COMMIT")):
            raise sqlite3.OperationalError("the process is gone")
        if self.failing_commits:
            self.failing_commits -= 1
            self.disturbances.note(0.0)
            self.note_hit("commit fails", ", ".join(sorted(set(self.network.in_progress(reactor)))) or "nothing")
            raise sqlite3.OperationalError("disk I/O error")
        reactor.lag += self.disk_takes
        commit()
        if not self._passes(reactor, "after a COMMIT"):
            raise sqlite3.OperationalError("the process is gone")

    def quick_disk(self) -> None:
        """Have a quick disk again."""
        self.disk_takes = 0.0

    def stop_manager(self, *, away: float) -> None:
        """Stop the Manager in order, and start it again so many seconds later."""
        manager = self.manager
        if manager is not None and not manager.is_stopping:
            self.trace.note("manager", "is asked to stop")
            self.disturbances.note(away)
            _ = manager.stop().addCallback(lambda _: self._stopped(manager, away))

    def hand_over(self) -> None:
        """Start the next process while this one still stops: it is refused until the store is free."""
        manager = self.manager
        if manager is not None and not manager.is_stopping:
            self.start_second()
            self.stop_manager(away=0.0)

    def _stopped(self, manager: ManagerProcess, away: float) -> None:
        if manager is not self.manager:
            return
        self.trace.note("manager", "has stopped")
        self.disturbances.note(away)
        self.checks.manager_ends()
        self.manager = None
        manager.abandon()
        self.network.died(manager.reactor)
        self.people.callLater(away, self.start_manager)

    def start_second(self) -> None:
        """Start another Manager on the same store, which has to be refused."""
        if self.manager is None:
            return
        second = self._new_manager("manager2")
        try:
            second.start()
        except StartError:
            self.trace.note("manager2", "is refused: the store is in use")
        else:
            self.complain("two Managers use one store")
        second.reactor.dead = True
        self.network.died(second.reactor)

    # Everybody else

    def switch_on(self, machine: Machine) -> None:
        """Start a Worker's process, unless it runs."""
        machine.start()

    def operators_reactor(self) -> SimulatedReactor:
        """Return a host for an operator's browser, next to the Manager."""
        return self._reactor("manager")
