"""What goes wrong on the farm of the demonstration with tasks that fail, and a Worker that has to sleep."""

from collections import Counter
from datetime import datetime
from typing import Final

from attrs import define, field

from flamenco_mgr.demo.farm import DemoFarm
from flamenco_mgr.demo.farm_books import Night
from flamenco_mgr.demo.faulty_job import SIMULATION
from flamenco_mgr.demo.narrator import Narrator
from flamenco_mgr.demo.operator import night_after, night_around
from flamenco_mgr.demo.plan import FAILURES_OF_A_WORKER
from flamenco_mgr.demo.simulated_worker import SimulatedWorker
from flamenco_mgr.demo.standin.entries import StandInTask
from flamenco_mgr.demo.standin.statuses import FINAL, TaskStatus
from flamenco_mgr.demo.worker.journal import Ending
from flamenco_mgr.demo.worker.obeying import WorkerState
from flamenco_mgr.domain.sleeping import SleepSchedule

_AND: Final = " and "


@define(eq=False, kw_only=True)
class Breakdowns:
    """The parts of the story in which the Manager spares a task, or a Worker."""

    farm: DemoFarm
    narrator: Narrator
    _asleep: tuple[SimulatedWorker, float] | None = field(init=False, default=None)

    async def tasks_fail(self) -> None:
        """Have a Worker fail at all that it tries, and a task on all Workers that try it."""
        if not self.farm.plan.failures:
            return
        # Before that, who fails might be the only one whom the Manager knows, and the task would have failed for good.
        await self.narrator.until(self.farm.crew.are_registered, "not all Workers have registered")
        job = self.farm.jobs[-1]
        self.farm.server.books.requeue_job(job.id)
        self.narrator.tell(f"All Workers have registered. A user starts '{job.name}', which was paused")
        await self.narrator.until(lambda: bool(self._tried()) or self._is_settled(), "no task has failed on a Worker")
        for task in self._tried()[:1]:
            self.narrator.tell(f"{task.name} has failed on {self._failed_at(task)}, and others may try it")
        await self._a_worker_is_banned()
        await self._a_task_has_failed()

    async def _a_worker_is_banned(self) -> None:
        await self.narrator.until(lambda: bool(self._failing()) or self._is_settled(), "no Worker has failed enough")
        asked = self.farm.operator.banned
        for name in self._failing()[:1]:
            worker_id = next(worker_id for worker_id, named in self.farm.crew.names.items() if named == name)
            missing = f"{name} is not on the blacklist"
            while (worker_id, SIMULATION) not in await self.narrator.until_done(asked(), missing):
                await self.narrator.pause(0.1)
            self.narrator.tell(
                f"{name} has failed at {FAILURES_OF_A_WORKER} tasks of type {SIMULATION}: the Manager's blacklist says "
                "that it gets no more"
            )

    async def _a_task_has_failed(self) -> None:
        await self.narrator.until(
            lambda: any(task.status == TaskStatus.FAILED for task in self._tasks()), "no task has failed for good"
        )
        for task in self._tasks():
            if task.status == TaskStatus.FAILED:
                self.narrator.tell(
                    f"{task.name} has failed on {self._failed_at(task)}: nobody else tries it, the Server is told"
                )

    async def a_worker_falls_asleep(self) -> None:
        """Have an operator give a Worker a night in which it is now, and wait until it sleeps."""
        if not self.farm.plan.failures:
            return
        crew = self.farm.crew
        await self.narrator.good_moment(
            lambda: next(crew.at_work(), None) is not None, "no Worker is awake", fair=crew.at_rest
        )
        worker = next(crew.at_work(), crew.workers[0])
        name, task, now = worker.profile.nickname, self.farm.task_name(worker.running), self._now()
        night = night_around(datetime.now().astimezone())
        await self._give(worker, night)
        self.narrator.tell(f"An operator has {name} sleep {night.text}, {task} in its hands")
        await self.narrator.until(lambda: worker.state is WorkerState.ASLEEP, f"{name} does not fall asleep")
        self.narrator.tell(f"{name} sleeps, and what it had in its hands is for others")
        self._asleep = (worker, now)

    async def it_wakes_up(self) -> None:
        """Have the operator give the Worker that sleeps a night in which it is not now, and wait until it is awake."""
        if self._asleep is None:
            return
        worker, begins = self._asleep
        name, now = worker.profile.nickname, self._now()
        night = night_after(datetime.now().astimezone())
        await self._give(worker, night)
        self.farm.nights.append(Night(worker=name, begins=begins, ends=now))
        self.narrator.tell(f"An operator has {name} sleep {night.text}: its night is over")
        await self.narrator.until(lambda: worker.state is WorkerState.AWAKE, f"{name} does not wake up")
        self.narrator.tell(f"{name} is awake")

    async def _give(self, worker: SimulatedWorker, night: SleepSchedule) -> None:
        giving = self.farm.operator.set_schedule(worker.disk.worker_id, night)
        await self.narrator.until_done(giving, "no Manager takes a sleep schedule")

    def _now(self) -> float:
        return float(self.farm.reactor.seconds())

    def _tasks(self) -> list[StandInTask]:
        return list(self.farm.jobs[-1].tasks.values())

    def _tried(self) -> list[StandInTask]:
        """Return the tasks that have failed on some, and not for good."""
        return [task for task in self._tasks() if self._failed_at(task) and task.status != TaskStatus.FAILED]

    def _is_settled(self) -> bool:
        return all(task.status in FINAL for task in self._tasks())

    def _failed_at(self, task: StandInTask) -> str:
        """Return who has failed at a task, as far as the Server knows."""
        known, failed_by = self.farm.crew.names, task.document.get("failed_by_workers", ())
        names = [known.get(failed["id"], "somebody") for failed in failed_by]
        return _AND.join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)

    def _failing(self) -> list[str]:
        """Return the Workers that have failed at as many tasks as one may."""
        failures = Counter(
            name
            for name, journal in self.farm.crew.journals.items()
            for run in journal.runs
            if run.how is Ending.FAILED
        )
        return [name for name, count in failures.items() if count >= FAILURES_OF_A_WORKER]
