"""A Worker of the farm that mostly renders nothing, and does everything else as Flamenco Worker 2.5 does."""

from contextlib import suppress
from http import HTTPStatus
from random import Random

from attrs import define, evolve, field, frozen
from treq.client import HTTPClient
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime

from flamenco_mgr.demo.worker.answers import HandedTask, Malformed, changed_status, handed_task, locked_status
from flamenco_mgr.demo.worker.commands import Duration, UsualDurations
from flamenco_mgr.demo.worker.connection import ManagerConnection, NoAnswer
from flamenco_mgr.demo.worker.craft import Craft
from flamenco_mgr.demo.worker.disk import WorkerDisk
from flamenco_mgr.demo.worker.enlisting import Enlistment, Refused, WorkerProfile
from flamenco_mgr.demo.worker.holding import TaskHolder
from flamenco_mgr.demo.worker.journal import Ending, Endpoint, Journal, Offence
from flamenco_mgr.demo.worker.obeying import Obedience, WorkerState
from flamenco_mgr.demo.worker.process import WorkerProcess
from flamenco_mgr.demo.worker.reporter import TaskReporter
from flamenco_mgr.demo.worker.runner import TaskRunner
from flamenco_mgr.demo.worker.update_queue import UpdateQueue

AFTER_NO_TASK = 5.0
AFTER_TROUBLE = 10.0
AFTER_TASK = 3.0
AFTER_STUMBLING = 60.0
"""Seconds before the next question for a task (worker-api.md 6)."""

STATUS_CHANGE_EVERY = 30.0
IN_ERROR = 600.0
"""Seconds between two questions of a sleeper, and of the pause after an error (worker-api.md 6)."""


@frozen
class _Again:
    """Ask for a task in so many seconds."""

    seconds: float


@define(eq=False, kw_only=True)
class SimulatedWorker:
    """
    One process of a Worker, over real HTTP (worker-api.md 3 to 8).

    It keeps the real one's order, delays, repeats and strictness; what would break the real one it notes in
    `offences`. ``client`` may be shared by all workers (`connection_pool`). Delays are those of section 6 times
    ``time_scale``; only the 3 s for an answer are not scaled. ``duration`` says how long a command takes, in unscaled
    seconds; with a ``craft`` commands are carried out for real instead. ``disk`` and ``journal`` outlive the process:
    `restarted` makes the next one.
    """

    profile: WorkerProfile
    client: HTTPClient
    clock: IReactorTime
    random: Random
    manager_url: str
    time_scale: float = 1.0
    duration: Duration = field()
    craft: Craft | None = None
    disk: WorkerDisk = field(factory=WorkerDisk)
    journal: Journal = field(factory=Journal)
    state: WorkerState = field(init=False, default=WorkerState.STARTING)
    _process: WorkerProcess = field(init=False)
    _connection: ManagerConnection = field(init=False)
    _queue: UpdateQueue = field(init=False)
    _reporter: TaskReporter = field(init=False)
    _obedience: Obedience = field(init=False)
    _holder: TaskHolder = field(init=False)
    _leaving: bool = field(init=False, default=False)
    _waiting_for_end: "list[Deferred[None]]" = field(init=False, factory=list)

    @duration.default
    def _usual_durations(self) -> Duration:
        return UsualDurations(self.random)

    def __attrs_post_init__(self) -> None:
        self._process = WorkerProcess(clock=self.clock, time_scale=self.time_scale)
        self._connection = ManagerConnection(
            client=self.client,
            clock=self.clock,
            process=self._process,
            journal=self.journal,
            manager_url=self.manager_url,
        )
        self._queue = UpdateQueue(disk=self.disk, connection=self._connection, process=self._process)
        self._reporter = TaskReporter(queue=self._queue, process=self._process)
        self._obedience = Obedience(connection=self._connection, process=self._process)
        self._holder = TaskHolder(
            nickname=self.profile.nickname,
            clock=self.clock,
            process=self._process,
            connection=self._connection,
            queue=self._queue,
            reporter=self._reporter,
            runner=self._a_runner(),
            obedience=self._obedience,
            journal=self.journal,
        )

    @property
    def offences(self) -> list[Offence]:
        """What the Manager did that would break a real Worker."""
        return self.journal.offences

    @property
    def running(self) -> str | None:
        """The id of the task that is in the worker's hands."""
        return self._holder.task_id

    def start(self) -> None:
        """Begin: register or sign on, then ask for tasks."""
        self._process.begin(self._live())

    def stop(self) -> "Deferred[None]":
        """Sign off as upon SIGTERM: say the last words, once, and end; what is not taken stays on the disk."""
        ended = self.when_ended()
        if self.state is WorkerState.STARTING:
            self.kill()
        elif self.state is not WorkerState.ENDED and not self._leaving:
            self._process.begin(self._leave())
        return ended

    def kill(self) -> None:
        """Die at once, as upon SIGKILL: nothing more is sent, and requests in flight are dropped."""
        self._holder.let_go(Ending.KILLED)
        self._end()

    def restarted(self) -> "SimulatedWorker":
        """Return the next process on the same machine, not started yet."""
        return evolve(self)

    def when_ended(self) -> "Deferred[None]":
        """Wait until the process has ended, in whatever way."""
        if self.state is WorkerState.ENDED:
            return succeed(None)
        self._waiting_for_end.append(Deferred())
        return self._waiting_for_end[-1]

    async def _live(self) -> None:
        try:
            await self._enlistment().enlist()
        except Refused:
            self._end()
            return
        self._process.begin(self._queue.serve())
        self._process.begin(self._holder.keep_asking())
        state, delay = WorkerState.AWAKE, 0.0
        while state is not WorkerState.ENDED:
            self.state = state
            if state is WorkerState.AWAKE:
                state = await self._work(delay)
            elif state is WorkerState.ASLEEP:
                state = await self._sleep()
            else:
                await self._process.pause(IN_ERROR)
                state = WorkerState.AWAKE
                self._obedience.announce(state)
            delay = AFTER_TASK
        await self._leave()

    async def _work(self, delay: float) -> WorkerState:
        while True:
            await self._process.pause(delay)
            asked = self.clock.seconds()
            found = await self._fetch()
            if isinstance(found, HandedTask):
                found = await self._holder.hold(found, asked) or _Again(AFTER_TASK)
            if isinstance(found, WorkerState):
                return found
            delay = found.seconds

    async def _sleep(self) -> WorkerState:
        while True:
            await self._process.pause(STATUS_CHANGE_EVERY)
            try:
                answer = await self._connection.get(Endpoint.STATUS_CHANGE, "/status-change")
                if answer.status == HTTPStatus.OK:
                    return self._obedience.obey(changed_status(answer.body), Endpoint.STATUS_CHANGE)
            except NoAnswer:
                continue
            except Malformed as e:
                self._connection.offended(Endpoint.STATUS_CHANGE, str(e))

    async def _fetch(self) -> HandedTask | WorkerState | _Again:
        if self._queue.is_crowded:
            return _Again(AFTER_TROUBLE)
        try:
            answer = await self._connection.post(Endpoint.TASK, "/task")
            if answer.status == HTTPStatus.OK:
                return handed_task(answer.body)
            if answer.status == HTTPStatus.LOCKED:
                return self._obedience.obey(locked_status(answer.body), Endpoint.TASK)
        except NoAnswer:
            return _Again(AFTER_TROUBLE)
        except Malformed as e:
            self._connection.offended(Endpoint.TASK, str(e))
            return _Again(AFTER_STUMBLING)
        return _Again(AFTER_NO_TASK if answer.status == HTTPStatus.NO_CONTENT else AFTER_TROUBLE)

    async def _leave(self) -> None:
        self._leaving = True
        self._process.interrupt()
        self._holder.let_go(Ending.SIGNED_OFF)
        self._reporter.last_words()
        _ = await self._queue.flush()
        with suppress(NoAnswer):
            _ = await self._connection.post(Endpoint.SIGN_OFF, "/sign-off")
        self._end()

    def _end(self) -> None:
        self.state = WorkerState.ENDED
        self._process.kill()
        waiting, self._waiting_for_end = self._waiting_for_end, []
        for each in waiting:
            each.callback(None)

    def _enlistment(self) -> Enlistment:
        return Enlistment(
            profile=self.profile,
            disk=self.disk,
            connection=self._connection,
            process=self._process,
            clock=self.clock,
            random=self.random,
        )

    def _a_runner(self) -> TaskRunner:
        return TaskRunner(
            clock=self.clock,
            process=self._process,
            reporter=self._reporter,
            connection=self._connection,
            duration=self.duration,
            failure_chance=self.profile.failure_chance,
            random=self.random,
            craft=self.craft,
        )
