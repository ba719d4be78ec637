"""What happens on the farm of the demonstration, one thing after the other."""

import gzip
from collections.abc import Sequence
from typing import Final

from attrs import frozen

from flamenco_mgr.demo.breakdowns import Breakdowns
from flamenco_mgr.demo.farm import DemoFarm
from flamenco_mgr.demo.manager_process import ManagerProcess
from flamenco_mgr.demo.narrator import Failed, Narrator
from flamenco_mgr.demo.real.studio import Studio
from flamenco_mgr.demo.simulated_worker import SimulatedWorker
from flamenco_mgr.demo.standin.entries import StandInJob
from flamenco_mgr.demo.standin.statuses import FINAL, JobStatus, TaskStatus

_LAST_WORDS: Final = 35.0
"""Seconds of the Worker's time in which everything is said that waits for something to travel with."""

_DOWN: Final = 1.0
"""Seconds from the death of a Worker, or of the only Manager, to its next start."""


@frozen(eq=False, kw_only=True)
class Story:
    """Plays on a farm that is there and not started; raises `Failed` when it gets to no end."""

    farm: DemoFarm
    narrator: Narrator

    async def play(self) -> None:
        """Play from the start of the farm to the moment when nobody has anything left to do."""
        if self.farm.plan.studio is not None:
            self.farm.plan.studio.prepare()
        await self._open()
        if self.farm.plan.accidents:
            await self._accidents()
        await self.narrator.until(self._is_over, "the jobs are not done, or not everybody is at rest")
        seconds = _LAST_WORDS / self.farm.plan.speed
        await self.narrator.until_lasting(self._is_over, seconds, "the farm does not come to rest")
        await self.narrator.until_server_knows_all()
        self.narrator.tell("All is done that can be done, and everybody is at rest")
        if self.farm.plan.studio is not None:
            self._show(self.farm.plan.studio)

    async def end(self) -> None:
        """Have the Workers sign off and the Managers stop."""
        await self.farm.crew.dismiss()
        await self.narrator.until_server_knows_all()
        for manager in self.farm.managers:
            how = await manager.stop()
            if how:
                raise Failed(f"{manager.name} was asked to stop, and did not end well: {how}")
        stopped = "the Manager has stopped" if len(self.farm.managers) == 1 else "the Managers have stopped"
        self.narrator.tell(f"The Workers have signed off, and {stopped}")

    async def go_on(self) -> None:
        """Start everything once more after the end."""
        self._start_managers()
        for worker in tuple(self.farm.crew.workers):
            self.farm.crew.resurrect(worker)
        await self.narrator.until(self.farm.crew.at_rest, "not all Workers are back")

    async def _open(self) -> None:
        *others, last = (str(len(job.tasks)) for job in self.farm.jobs)
        jobs = ("a job", "two jobs", "three jobs")[len(others)]
        sizes = f"{', '.join(others)} and {last}" if others else last
        self.narrator.tell(f"The Server has {jobs}, of {sizes} tasks")
        managers = self.farm.managers
        self._start_managers()
        self.farm.crew.start()
        started = "The Manager" if len(managers) == 1 else f"{len(managers)} Managers"
        where = self.farm.database.name
        self.narrator.tell(f"{started} on {where} and {len(self.farm.crew.workers)} Workers start")
        for manager in managers:
            await self.narrator.until_served(manager)
            self.narrator.tell(f"{manager.name} serves")

    def _start_managers(self) -> None:
        for manager in self.farm.managers:
            manager.start()

    async def _accidents(self) -> None:
        breakdowns = Breakdowns(farm=self.farm, narrator=self.narrator)
        await breakdowns.tasks_fail()
        await self._completed(0.08)
        await self._a_task_is_canceled()
        await self._completed(0.2)
        await self._a_worker_dies()
        await self._a_log_is_wanted()
        await self._completed(0.4)
        self._a_job_is_requeued()
        await breakdowns.a_worker_falls_asleep()
        await self._completed(0.6)
        await self._a_manager_is_killed()
        await breakdowns.it_wakes_up()
        await self._completed(0.8)
        self._a_chunk_is_wanted_again()

    async def _a_task_is_canceled(self) -> None:
        job, books = self.farm.jobs[1], self.farm.server.books

        def running() -> list[str]:
            tasks = [task for worker in self.farm.crew.at_work() if (task := worker.running) is not None]
            return [task for task in tasks if books.task(task).job == job.id]

        def long_ones() -> list[str]:
            return [task for task in running() if self.farm.crew.durations.is_long(task)]

        await self.narrator.good_moment(
            lambda: bool(long_ones()),
            "no task runs that could be canceled",
            fair=lambda: bool(running()) or self._is_over(),
        )
        if not running():
            return
        task = books.task((long_ones() or running())[0])
        books.cancel_task(task.id)
        self.narrator.tell(f"A user cancels {task.name}, which is running")
        await self.narrator.until(
            lambda: task.status != TaskStatus.CANCEL_REQUESTED, f"{task.name} is still to be canceled"
        )
        self.narrator.tell(f"{task.name} is {task.status}")

    async def _a_worker_dies(self) -> None:
        def candidates() -> list[SimulatedWorker]:
            return [worker for worker in self.farm.crew.at_work() if not worker.disk.updates]

        await self.narrator.good_moment(lambda: bool(candidates()), "no Worker is at work", fair=self._is_over)
        for worker in candidates()[:1]:
            name = worker.profile.nickname
            self.narrator.tell(f"{name} dies, {self.farm.task_name(worker.running)} in its hands")
            worker.kill()
            await self.narrator.pause(_DOWN)
            self.narrator.tell(f"{name} is back, with its old disk")
            self.farm.crew.resurrect(worker)

    async def _a_log_is_wanted(self) -> None:
        server = self.farm.server
        ended = [task for task in server.books.tasks() if task.status in FINAL]
        task = min(ended, key=lambda task: task.status != TaskStatus.FAILED)
        server.books.request_log(task.job, task.id)
        self.narrator.tell(f"A user asks for the log of {task.name}, which is {task.status}")
        logs = server.record.logs
        await self.narrator.until(lambda: bool(logs), f"the log of {task.name} has not come")
        lines = gzip.decompress(logs[0].content).splitlines()
        self.narrator.tell(f"The Server has it, {len(lines)} lines")

    def _a_job_is_requeued(self) -> None:
        job = self.farm.jobs[1]
        running = job.counts[TaskStatus.ACTIVE]
        self.farm.server.books.requeue_job(job.id)
        self.narrator.tell(f"A user requeues '{job.name}', all that is not completed. Tasks of it that run: {running}")

    async def _a_manager_is_killed(self) -> None:
        crew = self.farm.crew

        def busy() -> int:
            return len(list(crew.at_work()))

        def unsent() -> int:
            return sum(crew.unsent.values())

        await self.narrator.good_moment(
            lambda: busy() * 2 >= len(crew.workers) and unsent() > 0,
            "no Worker is at work",
            fair=lambda: busy() > 0 or self._is_idle(),
        )
        victim = await self._leader(self.farm.managers)
        self.narrator.tell(f"{victim.name} is killed. Workers at work: {busy()}, updates on their way: {unsent()}")
        others = [manager for manager in self.farm.managers if manager is not victim]
        await victim.kill()
        if others:
            await self._taken_over(others)
        else:
            await self.narrator.pause(_DOWN)
        victim.start()
        await self.narrator.until_served(victim)
        self.narrator.tell(f"{victim.name} was started again and serves. Updates that have waited: {unsent()}")

    async def _taken_over(self, others: Sequence[ManagerProcess]) -> None:
        died, served = self.narrator.elapsed, self.farm.crew.served.total()
        heir = await self._leader(others)
        seconds, meanwhile = self.narrator.elapsed - died, self.farm.crew.served.total() - served
        self.narrator.tell(
            f"{heir.name} has taken over what one does for all, {seconds:.1f} s later. Requests served meanwhile: "
            f"{meanwhile}"
        )

    async def _leader(self, among: Sequence[ManagerProcess]) -> ManagerProcess:
        """Wait until one of these has the duties that one Manager does for all."""
        found: list[ManagerProcess] = []

        async def asked() -> bool:
            leader = await self.farm.leader()
            found[:] = [manager for manager in among if manager is leader]
            return bool(found)

        await self.narrator.until_told(asked, "nobody does what one Manager does for all")
        return found[0]

    def _a_chunk_is_wanted_again(self) -> None:
        job, books = self.farm.jobs[0], self.farm.server.books
        done = [task for task in job.tasks.values() if task.status == TaskStatus.COMPLETED and task.parents]
        if done:
            books.requeue_task(done[0].id)
            self.narrator.tell(f"A user requeues {done[0].name}, which was completed, and what depends on it")

    def _show(self, studio: Studio) -> None:
        if not studio.video.is_file():
            raise Failed(f"The job is completed, and there is no {studio.video}")
        size = studio.video.stat().st_size
        self.narrator.tell(f"Blender has rendered {studio.frames} frames, and ffmpeg has made a video of {size} bytes")

    async def _completed(self, share: float) -> None:
        def far_enough() -> bool:
            jobs = self.farm.sight().jobs
            return sum(job.done for job in jobs) >= share * sum(job.size for job in jobs)

        await self.narrator.until(far_enough, f"less than {share:.0%} of the tasks are completed")

    def _is_over(self) -> bool:
        if self.farm.plan.studio is not None and any(job.status == JobStatus.FAILED for job in self.farm.jobs):
            raise Failed(f"The job has failed; the tasks' logs in {self.farm.task_logs} tell why")
        return self._is_idle() and self.farm.crew.at_rest()

    def _is_idle(self) -> bool:
        """Whether there is nothing to do, though a Worker may sleep."""
        return all(_is_done(job) for job in self.farm.jobs) and self.farm.crew.idle()


def _is_done(job: StandInJob) -> bool:
    """Whether there is nothing more to be done for a job; one of which a task has failed is never completed."""
    if job.counts[TaskStatus.FAILED]:
        return sum(job.counts[status] for status in FINAL) == len(job.tasks)
    return job.status == JobStatus.COMPLETED
