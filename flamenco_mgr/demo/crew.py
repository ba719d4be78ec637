"""The simulated Workers of the demonstration."""

from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from attrs import define, frozen
from treq.client import HTTPClient
from twisted.internet.defer import maybeDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.web.client import URI, Agent, HTTPConnectionPool
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from flamenco_mgr.demo.balancing import FRONT, BalancedAgent
from flamenco_mgr.demo.durations import SeededDurations
from flamenco_mgr.demo.faulty_job import SIMULATION
from flamenco_mgr.demo.plan import SIMULATORS, Plan
from flamenco_mgr.demo.real.craft import RealCraft
from flamenco_mgr.demo.simulated_worker import SimulatedWorker
from flamenco_mgr.demo.worker.connection import connection_pool
from flamenco_mgr.demo.worker.enlisting import WorkerProfile
from flamenco_mgr.demo.worker.journal import Journal
from flamenco_mgr.demo.worker.obeying import WorkerState


@define(eq=False, kw_only=True)
class Crew:
    """
    All Workers; a place in ``workers`` is a machine, and what is in it the process that runs there now.

    ``ways`` are theirs to the Managers; ``served`` counts the answers of each Manager, by its URL.
    """

    workers: list[SimulatedWorker]
    ways: Sequence[BalancedAgent]
    served: Counter[str]
    durations: SeededDurations
    pool: HTTPConnectionPool

    @classmethod
    def hired(cls, plan: Plan, reactor: Any, *, managers: Sequence[str], task_types: Sequence[str]) -> "Crew":
        """Return the Workers of a plan, not started yet; ``managers`` are the URLs of the Managers."""
        pool = connection_pool(reactor, workers=plan.workers)
        agent = Agent.usingEndpointFactory(reactor, _ByNumber(reactor=reactor), pool=pool)
        served: Counter[str] = Counter()
        ways = [
            BalancedAgent(agent=agent, managers=managers, random=Random(f"{plan.seed}/{number}/way"), served=served)
            for number in range(plan.workers)
        ]
        durations = SeededDurations(seed=plan.seed)
        platforms = plan.platforms
        workers = [
            SimulatedWorker(
                profile=WorkerProfile(
                    nickname=f"{platforms[number % len(platforms)]}-{number + 1}",
                    platform=platforms[number % len(platforms)],
                    supported_task_types=_known(plan, number, task_types),
                    failure_chance={SIMULATION: 1.0} if number == plan.workers - 1 else {},
                ),
                client=HTTPClient(way),
                clock=reactor,
                random=Random(f"{plan.seed}/{number}"),
                manager_url=FRONT,
                time_scale=1 / plan.speed,
                duration=durations,
                craft=None if plan.studio is None else RealCraft(processes=reactor),
            )
            for number, way in enumerate(ways)
        ]
        return cls(workers=workers, ways=ways, served=served, durations=durations, pool=pool)

    @property
    def journals(self) -> dict[str, Journal]:
        """What each worker did, by its nickname."""
        return {worker.profile.nickname: worker.journal for worker in self.workers}

    @property
    def names(self) -> dict[str, str]:
        """The workers' nicknames, by the ids that they were given."""
        return {worker.disk.worker_id: worker.profile.nickname for worker in self.workers}

    @property
    def unsent(self) -> dict[str, int]:
        """How many updates are on each worker's disk."""
        return {worker.profile.nickname: len(worker.disk.updates) for worker in self.workers}

    @property
    def moves(self) -> int:
        """How often a worker's next answer was another Manager's."""
        return sum(way.moves for way in self.ways)

    def start(self) -> None:
        """Begin, all at once."""
        for worker in self.workers:
            worker.start()

    def are_registered(self) -> bool:
        """Whether a Manager knows all of them."""
        return all(worker.disk.worker_id for worker in self.workers)

    def at_work(self) -> Iterator[SimulatedWorker]:
        """Yield those that have a task in their hands, the one first that got it last."""
        busy = [worker for worker in self.workers if worker.running is not None]
        yield from sorted(busy, key=lambda worker: worker.journal.runs[-1].started, reverse=True)

    def idle(self) -> bool:
        """Whether all have nothing in their hands and nothing left to say."""
        return all(worker.running is None and not worker.disk.updates for worker in self.workers)

    def at_rest(self) -> bool:
        """Whether all are idle, and awake."""
        return self.idle() and all(worker.state is WorkerState.AWAKE for worker in self.workers)

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


def _known(plan: Plan, number: int, task_types: Sequence[str]) -> tuple[str, ...]:
    """Return the task types that a worker knows: few know how to simulate."""
    simulates = number >= plan.workers - SIMULATORS
    return tuple(task_type for task_type in task_types if simulates or task_type != SIMULATION)


@implementer(IAgentEndpointFactory)
@frozen(eq=False, kw_only=True)
class _ByNumber:
    """Connects to IPv4 addresses; looking names up, Twisted would need 0.3 s to say that a connection is refused."""

    reactor: Any

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        endpoint: IStreamClientEndpoint = TCP4ClientEndpoint(self.reactor, uri.host.decode(), uri.port)
        return endpoint
