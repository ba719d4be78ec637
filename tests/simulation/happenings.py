"""How each fault is done."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeVar

from attrs import define

from flamenco_mgr.demo.standin.behaviour import Behaviour, LoseAnswer, Refuse, Rubbish, Silent, Slow, Truncated
from flamenco_mgr.demo.standin.endpoints import Endpoint
from flamenco_mgr.demo.standin.entries import StandInJob, StandInTask
from flamenco_mgr.demo.standin.statuses import HANDED_OUT_JOBS, LOG_CAN_BE_ASKED_FOR, JobStatus, TaskStatus
from tests.simulation.faults import DISTURBING, Fault, Kind
from tests.simulation.network import Trouble

if TYPE_CHECKING:
    from tests.simulation.machines import Machine
    from tests.simulation.world import World

T = TypeVar("T")

_CODES: Final = (500, 502, 503, 429, 404)
_STOPPABLE: Final = {TaskStatus.QUEUED, TaskStatus.CLAIMED, TaskStatus.ACTIVE, TaskStatus.SOFT_FAILED}


@define(eq=False, repr=False)
class Happenings:
    """Does to a world what its schedule says."""

    world: "World"

    def happen(self, fault: Fault) -> None:
        """Do it."""
        self.world.trace.note("fault", str(fault))
        if fault.kind in DISTURBING:
            self.world.disturbances.note(fault.lasts)
        self._acts()[fault.kind](fault)

    def _acts(self) -> Mapping[Kind, Callable[[Fault], None]]:
        return {
            Kind.KILL: self._kill,
            Kind.RESTART: lambda _: self.world.stop_manager(away=1.0),
            Kind.HANDOVER: lambda _: self.world.hand_over(),
            Kind.SECOND_MANAGER: lambda _: self.world.start_second(),
            Kind.MANAGER_AWAY: lambda fault: self.world.stop_manager(away=fault.lasts),
            Kind.COMMIT_FAILS: self._commit_fails,
            Kind.SLOW_DISK: self._slow_disk,
            Kind.CLOCK_JUMPS: self._clock_jumps,
            Kind.WORKER_KILLED: self._worker_killed,
            Kind.WORKER_NEW: self._worker_new,
            Kind.WORKER_STOPPED: self._worker_stopped,
            Kind.WORKER_VANISHES: self._worker_vanishes,
            Kind.WORKER_CLOCK: self._worker_clock,
            Kind.SLEEP: self._sleep,
            Kind.SHUTDOWN: self._shutdown,
            Kind.SERVER_SLOW: lambda fault: self._server(fault, Slow(0.2 + 4 * fault.share)),
            Kind.SERVER_SILENT: lambda fault: self._server(fault, Silent()),
            Kind.SERVER_REFUSES: self._refuses,
            Kind.SERVER_LOSES_ANSWERS: lambda fault: self._server(fault, LoseAnswer()),
            Kind.SERVER_TALKS_RUBBISH: self._rubbish,
            Kind.SERVER_RESTARTS: lambda fault: self.world.server_host.restart(fault.lasts),
            Kind.CANCEL_TASK: self._cancel_task,
            Kind.CANCEL_JOB: self._cancel_job,
            Kind.REQUEUE_TASK: self._requeue_task,
            Kind.REQUEUE_JOB: self._requeue_job,
            Kind.PRIORITY: self._priority,
            Kind.NEW_JOB: lambda fault: self.world.users.add_job(1 + int(fault.share * 6)),
            Kind.WANT_LOG: self._want_log,
            Kind.SLOW_NETWORK: lambda fault: self._network(fault, latency=0.05 + 1.2 * fault.share),
            Kind.LOST_ANSWERS: lambda fault: self._network(fault, answers=0.1 + 0.6 * fault.share),
            Kind.LOST_REQUESTS: lambda fault: self._network(fault, requests=0.1 + 0.6 * fault.share),
            Kind.CUT_SERVER: lambda fault: self._network(fault, host="server", cut=True),
        }

    def _kill(self, fault: Fault) -> None:
        self.world.set_trap(fault.place, fault.count, away=min(fault.lasts, 10.0) * fault.share)

    def _commit_fails(self, fault: Fault) -> None:
        self.world.failing_commits = fault.count

    def _slow_disk(self, fault: Fault) -> None:
        self.world.disk_takes = 0.004 + 0.15 * fault.share
        self._later(min(fault.lasts, 45.0), self.world.quick_disk)

    def _clock_jumps(self, fault: Fault) -> None:
        self.world.manager_ahead = 4 * 3600 * (fault.share - 0.5)
        self.world.stop_manager(away=1.0)

    def _machine(self, fault: Fault) -> "Machine":
        return _pick(self.world.machines, fault.share)

    def _worker_killed(self, fault: Fault) -> None:
        machine = self._machine(fault)
        if machine.is_on:
            self.world.note_hit(str(fault.kind), machine.doing)
            machine.worker.kill()
            self._later(fault.lasts, lambda: self.world.switch_on(machine))

    def _worker_new(self, fault: Fault) -> None:
        machine = self._machine(fault)
        machine.worker.kill()
        machine.install()
        self._later(fault.lasts, lambda: self.world.switch_on(machine))

    def _worker_stopped(self, fault: Fault) -> None:
        machine = self._machine(fault)
        if machine.is_on:
            _ = machine.worker.stop()
            self._later(fault.lasts + 10.0, lambda: self.world.switch_on(machine))

    def _worker_vanishes(self, fault: Fault) -> None:
        machine = self._machine(fault)
        self._network(fault, host=machine.name, cut=True)

    def _worker_clock(self, fault: Fault) -> None:
        machine = self._machine(fault)
        machine.reactor.set_rate(0.1 + fault.share)
        self._later(fault.lasts, lambda: machine.reactor.set_rate(1.0))

    def _sleep(self, fault: Fault) -> None:
        machine = self._machine(fault)
        self.world.operator.ask(machine, "asleep")
        self._later(fault.lasts, lambda: self.world.operator.ask(machine, "awake"))

    def _shutdown(self, fault: Fault) -> None:
        machine = self._machine(fault)
        self.world.operator.ask(machine, "shutdown")
        self._later(fault.lasts + 30.0, lambda: self.world.switch_on(machine))

    def _server(self, fault: Fault, behaviour: Behaviour) -> None:
        endpoint = _pick((None, Endpoint.DEPSGRAPH, Endpoint.TASK, Endpoint.PUSH), (fault.share * 7) % 1)
        self.world.server_host.misbehave(fault, behaviour, endpoint)

    def _refuses(self, fault: Fault) -> None:
        code = _pick(_CODES, fault.share)
        if code == HTTPStatus.NOT_FOUND:  # of a single task it would mean that the task is gone
            self.world.server_host.misbehave(fault, Refuse(code), Endpoint.DEPSGRAPH)
        else:
            self._server(fault, Refuse(code))

    def _rubbish(self, fault: Fault) -> None:
        self._server(fault, Rubbish(3000) if fault.share < 0.5 else Truncated(at=int(fault.share * 300)))

    def _network(self, fault: Fault, *, host: str = "", **how: Any) -> None:
        until = self.world.now() + fault.lasts
        self.world.network.troubles.append(Trouble(kind=str(fault.kind), host=host, until=until, **how))

    def _later(self, seconds: float, act: Callable[[], object]) -> None:
        self.world.people.callLater(seconds, act)

    def _cancel_task(self, fault: Fault) -> None:
        tasks = [task for task in self.world.server.books.tasks() if task.status in _STOPPABLE]
        if tasks:
            task = _pick(tasks, fault.share)
            self.world.users.act(f"cancels {self.world.task(task.id)}", self.world.server.books.cancel_task, task.id)

    def _jobs(self) -> list[StandInJob]:
        return list(self.world.server.books.jobs())

    def _cancel_job(self, fault: Fault) -> None:
        jobs = [job for job in self._jobs() if job.status in HANDED_OUT_JOBS]
        if jobs:
            job = _pick(jobs, fault.share)
            self.world.users.act(f"cancels {self.world.job(job.id)}", self.world.server.books.cancel_job, job.id)

    def _requeue_task(self, fault: Fault) -> None:
        books = self.world.server.books
        # Of a job that is not handed out, or will not be as it is to be cancelled, the task would wait for ever.
        again = {JobStatus.QUEUED, JobStatus.ACTIVE, JobStatus.COMPLETED}
        tasks: list[StandInTask] = [task for task in books.tasks() if books.job(task.job).status in again]
        task = _pick(tasks, fault.share) if tasks else None
        if task is not None and task.status != TaskStatus.CANCEL_REQUESTED:
            self.world.users.act(f"requeues {self.world.task(task.id)}", self.world.server.books.requeue_task, task.id)

    def _requeue_job(self, fault: Fault) -> None:
        job = _pick(self._jobs(), fault.share)
        self.world.users.act(f"requeues {self.world.job(job.id)}", self.world.server.books.requeue_job, job.id)

    def _priority(self, fault: Fault) -> None:
        job = _pick(self._jobs(), fault.share)
        priority = 1 + int(fault.share * 99)
        what = f"gives {self.world.job(job.id)} priority {priority}"
        self.world.users.act(what, self.world.server.books.set_job_priority, job.id, priority)

    def _want_log(self, fault: Fault) -> None:
        tasks = [task for task in self.world.server.books.tasks() if task.status in LOG_CAN_BE_ASKED_FOR]
        if tasks:
            task = _pick(tasks, fault.share)
            what = f"wants the log of {self.world.task(task.id)}"
            self.world.users.act(what, self.world.server.books.request_log, task.job, task.id)


def _pick(choices: "tuple[T, ...] | list[T]", share: float) -> T:
    return choices[int(share * len(choices))]
