"""Stand-ins of the farm: one small class per behaviour."""

from collections.abc import Sequence
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from flamenco_mgr.domain.reporting import Report
from flamenco_mgr.domain.running import Verdict
from flamenco_mgr.domain.workers import Worker
from flamenco_mgr.farm.registration import Registration
from flamenco_mgr.farm.scheduler import Idle, Run
from flamenco_mgr.farm.updates import Outcome
from flamenco_mgr.web.lean import LeanResource
from flamenco_mgr.web.log_pages import LogPages
from flamenco_mgr.web.operator_access import OperatorAccess
from flamenco_mgr.web.routes import Routes
from flamenco_mgr.web.table import routing_table
from flamenco_mgr.web.worker_api import WorkerAPI
from tests.builders import WORKER, a_worker

SECRET = b"s" * 64


@define(eq=False)
class RegistryOfOne:
    """Knows one worker, now or when it is let go, and notes what it hears of it; or has trouble, and knows nobody."""

    worker: Worker = field(factory=a_worker)
    trouble: Exception | None = None
    wait: "Deferred[None] | None" = None
    heard: list[tuple[Any, ...]] = field(factory=list)

    async def authenticate(self, worker_id: str, secret: bytes, address: str = "") -> Worker | None:  # noqa: ARG002
        if self.wait is not None:
            await self.wait
        if self.trouble is not None:
            raise self.trouble
        return self.worker if (worker_id, secret) == (WORKER, SECRET) else None

    def seen(self, worker: Worker, *, address: str, software: str) -> None:
        self.heard.append(("seen", worker.id, address, software))

    async def register(self, registration: Registration, address: str) -> Worker:
        self.heard.append(("register", registration, address))
        return self.worker

    async def sign_on(self, worker: Worker, *, nickname: str, supported_task_types: tuple[str, ...]) -> None:
        self.heard.append(("sign_on", worker.id, nickname, supported_task_types))

    async def acknowledge(self, worker: Worker, status: str) -> None:
        self.heard.append(("acknowledge", worker.id, status))

    async def sign_off(self, worker: Worker) -> None:
        self.heard.append(("sign_off", worker.id))


@define(eq=False)
class SchedulerWith:
    """Has one answer for everybody, at once or when it is let go."""

    answer: Any = field(factory=Idle)
    wait: "Deferred[None] | None" = None
    taken_back: list[tuple[Run, str, str]] = field(factory=list)

    async def schedule(self, worker: Worker) -> Any:  # noqa: ARG002
        if self.wait is not None:
            await self.wait
        return self.answer

    async def take_back(self, run: Run, worker: Worker, reason: str) -> None:
        self.taken_back.append((run, worker.id, reason))


@define(eq=False)
class ReceiverWith:
    """Has one outcome for every report, and keeps the reports."""

    outcome: Outcome = Outcome.ACCEPTED
    received: list[tuple[str, str, Report, bytes]] = field(factory=list)

    async def receive(self, worker: Worker, task_id: str, report: Report, digest: bytes) -> Outcome:
        self.received.append((worker.id, task_id, report, digest))
        return self.outcome


@define(eq=False)
class ReturnerThatNotes:
    """Takes everything back."""

    returned: list[tuple[str, str]] = field(factory=list)

    async def give_back(self, worker: Worker, task_id: str) -> None:
        self.returned.append((worker.id, task_id))


@define(eq=False)
class VerdictOf:
    """Has one verdict for everybody."""

    verdict: Verdict = field(factory=lambda: Verdict(may_keep_running=True))
    asked: list[tuple[str, str]] = field(factory=list)

    async def may_i_run(self, worker: Worker, task_id: str) -> Verdict:
        self.asked.append((worker.id, task_id))
        return self.verdict


@define(eq=False)
class OutputsThatNote:
    """Takes every path."""

    offered: list[tuple[str, tuple[str, ...]]] = field(factory=list)

    def offer(self, worker: Worker, paths: Sequence[str]) -> None:
        self.offered.append((worker.id, tuple(paths)))


@define(eq=False)
class GuardThat:
    """Refuses registrations with a text, or none."""

    why: str | None = None
    headers: list[str | None] = field(factory=list)

    def refusal(self, authorization: str | None) -> str | None:
        self.headers.append(authorization)
        return self.why


@define(eq=False)
class FarmOfFakes:
    """All that the web layer asks of a farm, each part to be replaced by a test."""

    registry: Any = field(factory=RegistryOfOne)
    guard: Any = field(factory=GuardThat)
    scheduler: Any = field(factory=SchedulerWith)
    updates: Any = field(factory=ReceiverWith)
    returner: Any = field(factory=ReturnerThatNotes)
    running: Any = field(factory=VerdictOf)
    outputs: Any = field(factory=OutputsThatNote)
    reader: Any = None
    clock: Clock = field(factory=Clock)
    open_to_all: bool = False
    server_url: str = "http://server.invalid:5000/some/where"

    def routes(self) -> Routes:
        """Return the real routes before this farm."""
        api = WorkerAPI(
            registry=self.registry,
            guard=self.guard,
            scheduler=self.scheduler,
            updates=self.updates,
            returner=self.returner,
            running=self.running,
            outputs=self.outputs,
        )
        access = OperatorAccess(open_to_all=self.open_to_all, machine="manager")
        pages = LogPages(reader=self.reader, access=access, server_url=self.server_url)
        return routing_table(api, pages, access, self.clock)

    def resource(self) -> LeanResource:
        """Return the real web layer before this farm."""
        return self.routes().resource()


def unfired() -> "Deferred[None]":
    """Return something to wait for."""
    return Deferred()
