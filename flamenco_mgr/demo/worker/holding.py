"""A Worker has a task in its hands, and asks whether it may go on."""

from http import HTTPStatus

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime

from flamenco_mgr.demo.worker.answers import HandedTask, Malformed, Verdict, is_json, verdict
from flamenco_mgr.demo.worker.connection import ManagerConnection, NoAnswer
from flamenco_mgr.demo.worker.journal import Ending, Endpoint, Journal, TaskRun
from flamenco_mgr.demo.worker.obeying import Obedience, WorkerState
from flamenco_mgr.demo.worker.process import WorkerProcess
from flamenco_mgr.demo.worker.reporter import TaskReporter
from flamenco_mgr.demo.worker.runner import TaskRunner
from flamenco_mgr.demo.worker.update_queue import UpdateQueue

MAY_I_RUN_EVERY = 5.0
"""Seconds between two questions whether to go on (worker-api.md 6)."""


@define(eq=False, kw_only=True)
class _Held:
    """The task in the worker's hands; ``no`` is the answer that took it away."""

    task: HandedTask
    run: TaskRun
    running: "Deferred[Ending]"
    no: Verdict | None = None


@define(eq=False, kw_only=True)
class TaskHolder:
    """
    Runs one task after the other, each until it has ended or the Manager says no (worker-api.md 4.5, 4.6).

    Where the real Worker would start a second loop beside the first (a no together with ``awake``), this one notes
    the offence and stays one.
    """

    nickname: str
    clock: IReactorTime
    process: WorkerProcess
    connection: ManagerConnection
    queue: UpdateQueue
    reporter: TaskReporter
    runner: TaskRunner
    obedience: Obedience
    journal: Journal
    _held: _Held | None = field(init=False, default=None)
    _may_ask: bool = field(init=False, default=True)

    @property
    def task_id(self) -> str | None:
        """The id of the task in hand."""
        return None if self._held is None else self._held.task.id

    async def hold(self, task: HandedTask, asked: float) -> WorkerState | None:
        """Run a task, asked for at that instant; return the state that was requested when it was taken away, if any."""
        run = TaskRun(task_id=task.id, job=task.job, asked=asked, started=self.clock.seconds())
        self.journal.runs.append(run)
        # Held before it begins, so that a process that dies of its first update still has a task to let go.
        self._held = held = _Held(task=task, run=run, running=Deferred())
        held.running = Deferred.fromCoroutine(self.runner.run(task))
        try:
            how = await held.running
        except CancelledError:
            if held.no is None:
                raise
            self.let_go(Ending.STOPPED)
            return await self._give_back(task, held.no)
        self.let_go(how)
        return None

    def let_go(self, how: Ending) -> None:
        """Have no task in hand any more."""
        held, self._held = self._held, None
        if held is not None:
            held.run.ended, held.run.how = self.clock.seconds(), how

    async def keep_asking(self) -> None:
        """Ask whether the task in hand may go on; an answer that the real Worker can't read ends this for good."""
        while True:
            await self.process.pause(MAY_I_RUN_EVERY)
            if not self._may_ask:
                return
            held = self._held
            if held is None:
                continue
            try:
                answer = await self.connection.get(Endpoint.MAY_I_RUN, f"/may-i-run/{held.task.id}")
                told = verdict(answer.body)
            except NoAnswer:
                continue
            except Malformed as e:
                self.connection.offended(Endpoint.MAY_I_RUN, f"{e}: the Worker never asks again")
                return
            if not told.may_keep_running and held is self._held:
                held.no = told
                held.running.cancel()

    async def _give_back(self, task: HandedTask, no: Verdict) -> WorkerState | None:
        state = None
        if no.status_requested == WorkerState.AWAKE:
            self.connection.offended(Endpoint.MAY_I_RUN, "says no and awake at once, which doubles a Worker's loops")
        elif no.status_requested is not None:
            state = self.obedience.obey(no.status_requested, Endpoint.MAY_I_RUN)
        self.runner.note(f"Worker {self.nickname} stopped running this task: {no.reason}")
        self.reporter.give_up()
        await self.queue.settled()
        try:
            answer = await self.connection.post(Endpoint.RETURN, f"/tasks/{task.id}/return")
        except NoAnswer:
            return state
        if answer.status == HTTPStatus.NO_CONTENT:
            self.runner.note(f"Worker {self.nickname} returned this task")
        elif not is_json(answer.body):
            self.connection.offended(Endpoint.RETURN, f"{answer.status} without JSON: the Worker never asks again")
            self._may_ask = False
        return state
