"""Workers ask whether to go on."""

from attrs import frozen

from flamenco_mgr.domain.running import Verdict, may_i_run, wakes
from flamenco_mgr.domain.workers import Worker
from flamenco_mgr.farm.heartbeats import Heartbeats
from flamenco_mgr.farm.registry import WorkerRegistry
from flamenco_mgr.store.interfaces import ITaskStore


@frozen(eq=False, kw_only=True)
class RunningTasks:
    """Answers workers that run a task."""

    tasks: ITaskStore
    registry: WorkerRegistry
    heartbeats: Heartbeats

    async def may_i_run(self, worker: Worker, task_id: str) -> Verdict:
        """Decide whether a worker may go on with a task; a yes is a sign of life of both (worker-api.md 4.6)."""
        verdict = may_i_run(await self.tasks.get(task_id), task_id, worker)
        if wakes(worker, verdict):
            await self.registry.awaken(worker)
        if verdict.may_keep_running:
            self.heartbeats.pinged(worker, task_id)
        return verdict
