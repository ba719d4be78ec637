"""What happens in the week: all that users, operators, networks and machines do to a farm."""

from collections.abc import Sequence
from random import Random
from typing import Final

from attrs import define, field

from flamenco_mgr.demo.standin.behaviour import LoseAnswer
from flamenco_mgr.demo.standin.drafts import JobDraft, TaskDraft
from flamenco_mgr.demo.standin.endpoints import Endpoint
from flamenco_mgr.demo.standin.statuses import JobStatus
from tests.week.machine import Machine
from tests.week.mail import NoAnswer
from tests.week.plan import DAY, HOUR, MINUTE, START, WEEK
from tests.week.world import World

_OVER: Final = {JobStatus.COMPLETED, JobStatus.CANCELED, JobStatus.FAILED}


@define(eq=False)
class Happenings:
    """Makes a week of it; each kind of thing happens independently of the others, by chance."""

    world: World
    _chance: Random = field(init=False)
    _retired: set[str] = field(init=False, factory=set)

    def __attrs_post_init__(self) -> None:
        self._chance = Random(f"{self.world.seed}/happenings")

    @property
    def goes_on(self) -> bool:
        return self.world.now() < START + WEEK

    def begin(self) -> None:
        """Switch everything on, and begin."""
        self.world.start_manager()
        for machine in self.world.machines:
            machine.switch_on()
        for work in (
            self._jobs(),
            self._users(),
            self._accidents(),
            self._operators(),
            self._retirement(),
            self._outages(),
            self._restarts(),
            self._caretaker(),
            self._servers_own_checks(),
        ):
            self.world.begin(work)

    def end(self) -> None:
        """Let everything come to its end: whoever can work does."""
        self.world.line.is_cut = False
        self.world.server.behave_well()
        for machine in self.world.machines:
            machine.is_connected = True
            machine.nights = None
            self._switch_on(machine)
        self.world.begin(self._wake_everybody())

    def _switch_on(self, machine: Machine) -> None:
        if machine.name not in self._retired:
            machine.switch_on()

    async def _sometime(self, least: float, most: float) -> None:
        await self.world.pause(self._chance.uniform(least, most))

    async def _jobs(self) -> None:
        while self.goes_on:
            job = self.world.server.books.add_job(self._a_job())
            self.world.note("a user", f"adds job {job.id} ({job.name}, {len(job.tasks)} tasks)")
            await self._sometime(2 * HOUR, 6 * HOUR)

    def _a_job(self) -> JobDraft:
        kind = self._chance.choice(("renders", "renders", "renders", "naps", "rare", "hopeless"))
        if kind == "renders":
            frames = self._chance.randint(5, 30)
            tasks = [self._a_task("prepare", "sleep", ())]
            tasks += [self._a_task(f"render-{frame}", "blender-render", (0,)) for frame in range(frames)]
            tasks.append(self._a_task("video", "video-encoding", range(1, frames + 1)))
        elif kind == "hopeless":
            tasks = [self._a_task(f"hopeless-{n}", "doomed", ()) for n in range(self._chance.randint(2, 12))]
        else:
            task_type = "rare" if kind == "rare" else "sleep"
            tasks = [self._a_task(f"{kind}-{number}", task_type, ()) for number in range(self._chance.randint(1, 12))]
        return JobDraft(name=kind, job_type=kind, tasks=tasks, priority=self._chance.choice((30, 50, 50, 80)))

    def _a_task(self, name: str, task_type: str, parents: Sequence[int]) -> TaskDraft:
        minutes = self._chance.choice((10, 30, 90, 180, 360))
        commands = [{"name": "sleep", "settings": {"time_in_seconds": minutes * 60}}]
        return TaskDraft(
            name=name,
            task_type=task_type,
            commands=commands,
            parents=tuple(parents),
            priority=self._chance.choice((50, 50, 60)),
        )

    async def _users(self) -> None:
        books = self.world.server.books
        while self.goes_on:
            await self._sometime(2 * HOUR, 6 * HOUR)
            job = self._chance.choice(list(books.jobs())[-12:])
            task = self._chance.choice(list(job.tasks.values()))
            act = self._chance.choice(("cancel a job", "requeue a job", "requeue a task", "hurry", "cancel a task"))
            if act == "cancel a job" and job.status not in _OVER:
                books.cancel_job(job.id)
            elif act == "requeue a job":
                books.requeue_job(job.id)
            elif act == "requeue a task" and job.status not in _OVER:
                books.requeue_task(task.id)
            elif act == "cancel a task" and job.status not in _OVER and task.status not in {"completed", "failed"}:
                books.cancel_task(task.id)
            elif act == "hurry":
                books.set_job_priority(job.id, 90)
            else:
                continue
            self.world.note("a user", f"wants to {act}: {job.id} {task.id}")

    async def _accidents(self) -> None:
        while self.goes_on:
            await self._sometime(30 * MINUTE, 3 * HOUR)
            machine = self._chance.choice(self.world.machines)
            if self._chance.random() < 0.5:
                self.world.begin(self._cut_off(machine))
            else:
                self.world.begin(self._breaks(machine))

    async def _cut_off(self, machine: Machine) -> None:
        if machine.is_connected:
            machine.is_connected = False
            machine.disturbed_at = self.world.now()
            self.world.note(machine.name, "is cut off")
            await self._sometime(2 * MINUTE, 8 * HOUR)
            machine.is_connected = True
            machine.disturbed_at = self.world.now()
            self.world.note(machine.name, "is connected again")

    async def _breaks(self, machine: Machine) -> None:
        if machine.state == "off":
            return
        machine.kill()
        self.world.note(machine.name, "dies suddenly")
        await self._sometime(MINUTE, self._chance.choice((10 * MINUTE, 9 * HOUR)))
        if self._chance.random() < 0.3:
            machine.lose_disk()
        self._switch_on(machine)
        self.world.note(machine.name, "is back")

    async def _operators(self) -> None:
        for machine in self.world.machines:
            if machine.nights is not None:
                await self._act(machine, "/set-sleep-schedule", **machine.nights.document)
        while self.goes_on:
            await self._sometime(20 * MINUTE, 2 * HOUR)
            machine = self._chance.choice(self.world.machines)
            act = self._chance.choice(("asleep", "asleep", "awake", "shutdown", "forget"))
            if act == "forget":
                await self._forget(machine)
                continue
            lazy = self._chance.choice(("true", "false"))
            await self._act(machine, "/worker-action", action="set-status", status=act, lazy=lazy)
            if act == "asleep":
                self.world.begin(self._wake_later(machine))

    async def _wake_later(self, machine: Machine) -> None:
        await self._sometime(HOUR, 6 * HOUR)
        await self._act(machine, "/worker-action", action="set-status", status="awake", lazy="false")

    async def _forget(self, machine: Machine) -> None:
        self.world.forgotten.add(machine.name)
        await self._act(machine, "/worker-action", action="forget-worker")
        await self._sometime(HOUR, 2 * HOUR)
        machine.kill()  # whoever is forgotten is refused until somebody starts it anew
        self._switch_on(machine)
        self.world.forgotten.discard(machine.name)

    async def _act(self, machine: Machine, path: str, **document: object) -> None:
        while not machine.worker_id:
            await self.world.pause(MINUTE)
        machine.disturbed_at = self.world.now()
        what = document.get("status") or document.get("action") or "keep to its hours"
        try:
            answer = await self.world.operate(f"{path}/{machine.worker_id}", **document)
            self.world.note("an operator", f"wants {machine.name} to {what}: {answer.status}")
            if answer.status >= 500:
                self.world.complain(f"an operator is answered {answer.status}")
        except NoAnswer:
            self.world.note("an operator", "gets no answer")
        machine.disturbed_at = self.world.now()

    async def _retirement(self) -> None:
        """Take away for good one of two machines that could do a job, which the other one fails at until it may not."""
        await self._sometime(2 * DAY, 4 * DAY)
        leaving = next(machine for machine in self.world.machines if "rare" in machine.task_types)
        self._retired.add(leaving.name)
        leaving.kill()
        self.world.note(leaving.name, "retires")
        tasks = [self._a_task(f"hopeless-{number}", "rare", ()) for number in range(6)]
        self.world.server.books.add_job(JobDraft(name="given up", job_type="rare", tasks=tasks))
        await self.world.pause(DAY)
        await self._act(leaving, "/worker-action", action="forget-worker")

    async def _outages(self) -> None:
        for silent in (False, True, False):
            await self._sometime(DAY, 2 * DAY)
            self.world.note("Server", "is away")
            if silent:
                self.world.server.silent_everywhere()
                await self.world.pause(20 * MINUTE)
                self.world.server.behave_well()
            else:
                self.world.line.is_cut = True
                await self.world.pause(HOUR)
                self.world.line.is_cut = False
                self.world.server.behave(LoseAnswer(), endpoint=Endpoint.PUSH, times=2)
            self.world.note("Server", "is back")

    async def _restarts(self) -> None:
        for crash in (True, False, True):
            await self._sometime(DAY, 2 * DAY)
            self.world.stop_manager(crash=crash)
            await self._sometime(MINUTE, 20 * MINUTE)
            self.world.start_manager()

    async def _caretaker(self) -> None:
        """Switch on what has ended, and have a look at the sick once a day."""
        hours = 0
        while self.goes_on:
            await self.world.pause(HOUR)
            hours += 1
            for machine in self.world.machines:
                if machine.state == "off" and self.world.now() - machine.off_since > 10 * HOUR:
                    self._switch_on(machine)
            if hours % 24 == 0:
                await self._act(
                    self.world.machines[40], "/worker-action", action="set-status", status="awake", lazy="false"
                )

    async def _servers_own_checks(self) -> None:
        while True:
            await self.world.pause(HOUR)
            self.world.server.books.fail_hopeless_jobs()

    async def _wake_everybody(self) -> None:
        for machine in self.world.machines:
            await self._act(machine, "/set-sleep-schedule", schedule_active=False)
            await self._act(machine, "/worker-action", action="set-status", status="awake", lazy="false")
