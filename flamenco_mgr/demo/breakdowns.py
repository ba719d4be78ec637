"""What goes wrong on the farm of the demonstration with tasks that fail, and a Worker that has to sleep."""

from collections import Counter
from datetime import datetime
from typing import Final

from attrs import define

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

_AND: Final = " and "


@define(eq=False, kw_only=True)
class Breakdowns:
    """The parts of the story in which the Manager spares a task, or a Worker."""

    farm: DemoFarm
    narrator: Narrator

    async def tasks_fail(self) -> None:
        """Have a Worker fail at all that it tries, and a task on all Workers that try it."""
        if not self.farm.plan.failures:
            return
        await self.narrator.until(
            lambda: any(task.status == TaskStatus.SOFT_FAILED for task in self._tasks()) or self._is_settled(),
            "no task has failed",
        )
        for task in [task for task in self._tasks() if self._failed_at(task)][:1]:
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

    async def a_worker_falls_asleep(self) -> SimulatedWorker | None:
        """Give a Worker a sleep schedule, and wait until it obeys; return which one it is."""
        crew = self.farm.crew
        if len(crew.workers) == 1:
            return None
        awake = [worker for worker in crew.workers if worker.state is WorkerState.AWAKE]
        await self.narrator.good_moment(lambda: any(crew.at_work()), "no Worker is at work", fair=lambda: bool(awake))
        worker = next(crew.at_work(), awake[0])
        return worker

    async def it_wakes_up(self, sleeper: SimulatedWorker | None) -> None:
        """End the night of the Worker that sleeps."""

    def _tasks(self) -> list[StandInTask]:
        return list(self.farm.jobs[-1].tasks.values())

    def _is_settled(self) -> bool:
        return all(task.status in FINAL for task in self._tasks())

    def _failed_at(self, task: StandInTask) -> str:
        """Return who has failed at a task, as far as the Server knows."""
        names = [self.farm.crew.names[failed["id"]] for failed in task.document.get("failed_by_workers", ())]
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
