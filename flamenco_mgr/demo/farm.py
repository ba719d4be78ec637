"""The whole farm of the demonstration: Server and Workers in this process, each Manager in its own."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from attrs import define, field, frozen
from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IListeningPort
from twisted.web.server import Site

from flamenco_mgr.demo.configuration import VARIABLES
from flamenco_mgr.demo.crew import Crew
from flamenco_mgr.demo.database import Database, EmbeddedDatabase, MongoDatabase
from flamenco_mgr.demo.farm_books import Night
from flamenco_mgr.demo.faulty_job import is_faulty, simulation_job
from flamenco_mgr.demo.manager_process import ManagerProcess
from flamenco_mgr.demo.managers import HERE, configured, task_logs
from flamenco_mgr.demo.operator import Operator
from flamenco_mgr.demo.plan import MANAGER_ID, MANAGER_SECRET, Plan
from flamenco_mgr.demo.real.job import flamingo_job
from flamenco_mgr.demo.standin.drafts import JobDraft
from flamenco_mgr.demo.standin.entries import StandInJob
from flamenco_mgr.demo.standin.jobs import render_job, video_chunks_job
from flamenco_mgr.demo.standin.statuses import TaskStatus
from flamenco_mgr.demo.standin_server import StandInServer


@frozen(kw_only=True)
class JobSight:
    """How far a job is."""

    name: str
    status: str
    done: int
    size: int


@frozen(kw_only=True)
class Sight:
    """What there is to see of the farm at a moment; ``requests`` are those that Workers got an answer to."""

    jobs: tuple[JobSight, ...]
    tasks: Mapping[str, int]
    workers: Mapping[str, str]
    requests: int
    unsent: int


@define(eq=False, kw_only=True)
class DemoFarm:
    """
    Starts and ends everything; ``reactor`` is the real one.

    The jobs are at the Server from the beginning, the faulty one paused. ``nights`` are those that operators gave to
    Workers.
    """

    plan: Plan
    reactor: Any
    server: StandInServer
    jobs: tuple[StandInJob, ...]
    database: Database
    managers: Sequence[ManagerProcess]
    crew: Crew
    operator: Operator
    server_url: str
    nights: list[Night] = field(init=False, factory=list)
    _port: IListeningPort

    @classmethod
    def built(cls, plan: Plan, reactor: Any) -> "DemoFarm":
        """
        Listen with the Server, and prepare all else below the plan's directory.

        Raises `StoreRefused` if the database's URL cannot be used.
        """
        database = _database(plan, reactor)
        server = StandInServer(reactor, Random(plan.seed), MANAGER_ID, MANAGER_SECRET)
        drafts = _drafts(plan)
        variables = VARIABLES if plan.studio is None else plan.studio.variables()
        jobs = tuple(server.books.add_job(draft, paused=is_faulty(draft)) for draft in drafts)
        port = reactor.listenTCP(0, Site(server.resource(), parsePOSTFormSubmission=False), interface=HERE)
        server_url = f"http://{HERE}:{port.getHost().port}/"
        managers = configured(plan.directory, database, server_url, reactor, variables)
        return cls(
            plan=plan,
            reactor=reactor,
            server=server,
            jobs=jobs,
            database=database,
            managers=managers,
            crew=Crew.hired(
                plan,
                reactor,
                managers=[manager.url for manager in managers],
                task_types=sorted({task.task_type for draft in drafts for task in draft.tasks}),
            ),
            operator=Operator.at(managers, reactor),
            server_url=server_url,
            port=port,
        )

    @property
    def task_logs(self) -> Path:
        """The directory where Managers write the tasks' logs."""
        return task_logs(self.plan.directory)

    def task_name(self, task_id: str | None) -> str:
        """Return how people call a task, or no task."""
        return "nothing" if task_id is None else self.server.books.task(task_id).name

    def sight(self) -> Sight:
        """Look at the farm."""
        tasks: Counter[str] = Counter()
        for job in self.jobs:
            tasks.update(job.counts)
        journals = self.crew.journals.values()
        return Sight(
            jobs=tuple(
                JobSight(name=job.name, status=job.status, done=job.counts[TaskStatus.COMPLETED], size=len(job.tasks))
                for job in self.jobs
            ),
            tasks={status: count for status, count in sorted(tasks.items()) if count},
            workers={
                worker.profile.nickname: worker.state if worker.running is None else "at work"
                for worker in self.crew.workers
            },
            requests=sum(len(latencies) for journal in journals for latencies in journal.latencies.values()),
            unsent=sum(self.crew.unsent.values()),
        )

    async def leader(self) -> ManagerProcess | None:
        """Return the Manager that has the duties that one does for all, or None if nobody knows of any."""
        if len(self.managers) == 1:
            return self.managers[0]
        holder = await self.database.holder()
        alive = (manager for manager in self.managers if manager.pid is not None)
        return next((manager for manager in alive if holder.endswith(f"process {manager.pid}")), None)

    async def close(self) -> None:
        """
        End everything that was started, however far it got; the database is left to be closed.

        The Managers are stopped in order: what one has sent before it is killed may reach the database after its death.
        """
        await self.crew.disperse()
        for manager in self.managers:
            _ = await manager.stop()
        await maybeDeferred(self._port.stopListening)


def _database(plan: Plan, reactor: Any) -> Database:
    if plan.database_url:
        return MongoDatabase.at(plan.database_url, reactor)
    return EmbeddedDatabase(directory=plan.directory / "db", reactor=reactor)


def _drafts(plan: Plan) -> tuple[JobDraft, ...]:
    """
    Return the jobs: two of about as many tasks as planned, and the one that fails in part.

    Each chunk of frames is one task in the first, two in the second.
    """
    if plan.studio is not None:
        return (flamingo_job(plan.tasks),)
    return (
        render_job(10 * max(1, plan.tasks - 3), chunk_size=10, priority=50),
        video_chunks_job(60 * max(1, (plan.tasks - 6) // 2), chunk_size=60, priority=60),
        *([simulation_job()] if plan.failures else []),
    )
