"""The simulated Workers of the demonstration."""

from collections.abc import Iterator, Sequence
from random import Random

from attrs import define
from treq.client import HTTPClient
from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.web.client import Agent, HTTPConnectionPool

from flamenco_mgr.demo.durations import SeededDurations
from flamenco_mgr.demo.plan import PLATFORMS, Plan
from flamenco_mgr.demo.simulated_worker import SimulatedWorker
from flamenco_mgr.demo.worker.connection import connection_pool
from flamenco_mgr.demo.worker.enlisting import WorkerProfile
from flamenco_mgr.demo.worker.journal import Journal
from flamenco_mgr.demo.worker.obeying import WorkerState


@define(eq=False, kw_only=True)
class Crew:
    """All Workers; a place in ``workers`` is a machine, and what is in it the process that runs there now."""

    workers: list[SimulatedWorker]
    durations: SeededDurations
    pool: HTTPConnectionPool

    @classmethod
    def hired(cls, plan: Plan, reactor: IReactorTime, *, manager_url: str, task_types: Sequence[str]) -> "Crew":
        """Return the Workers of a plan, not started yet."""
        pool = connection_pool(reactor, workers=plan.workers)
        client = HTTPClient(Agent(reactor, pool=pool))
        durations = SeededDurations(seed=plan.seed)
        workers = [
            SimulatedWorker(
                profile=WorkerProfile(
                    nickname=f"{PLATFORMS[number % len(PLATFORMS)]}-{number + 1}",
                    platform=PLATFORMS[number % len(PLATFORMS)],
                    supported_task_types=tuple(task_types),
                ),
                client=client,
                clock=reactor,
                random=Random(f"{plan.seed}/{number}"),
                manager_url=manager_url,
                time_scale=1 / plan.speed,
                duration=durations,
            )
            for number in range(plan.workers)
        ]
        return cls(workers=workers, durations=durations, pool=pool)

    @property
    def journals(self) -> dict[str, Journal]:
        """What each worker did, by its nickname."""
        return {worker.profile.nickname: worker.journal for worker in self.workers}

    @property
    def unsent(self) -> dict[str, int]:
        """How many updates are on each worker's disk."""
        return {worker.profile.nickname: len(worker.disk.updates) for worker in self.workers}

    def start(self) -> None:
        """Begin, all at once."""
        for worker in self.workers:
            worker.start()

    def at_work(self) -> Iterator[SimulatedWorker]:
        """Yield those that have a task in their hands, the one first that got it last."""
        busy = [worker for worker in self.workers if worker.running is not None]
        yield from sorted(busy, key=lambda worker: worker.journal.runs[-1].started, reverse=True)

    def at_rest(self) -> bool:
        """Whether all are awake, with nothing in their hands and nothing left to say."""
        return all(
            worker.running is None and not worker.disk.updates and worker.state is WorkerState.AWAKE
            for worker in self.workers
        )

    def resurrect(self, dead: SimulatedWorker) -> None:
        """Start the next process on the machine of one that is dead."""
        place = self.workers.index(dead)
        self.workers[place] = worker = dead.restarted()
        worker.start()

    async def dismiss(self) -> None:
        """Have all sign off, at once, with their last words."""
        for end in [worker.stop() for worker in self.workers]:
            await end

    async def disperse(self) -> None:
        """End them all at once, and their connections."""
        for worker in self.workers:
            worker.kill()
        await maybeDeferred(self.pool.closeCachedConnections)
