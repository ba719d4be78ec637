"""Workers register, sign on, are known again, acknowledge and sign off."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from attrs import define, evolve, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from flamenco_mgr.domain import events, workers
from flamenco_mgr.domain.workers import Worker
from flamenco_mgr.farm.credentials import WorkerCredentials
from flamenco_mgr.farm.heartbeats import Heartbeats
from flamenco_mgr.farm.registration import Registration
from flamenco_mgr.farm.returning import TaskReturner
from flamenco_mgr.farm.single_flight import SingleFlight
from flamenco_mgr.server.interfaces import INotifier
from flamenco_mgr.store.interfaces import IWorkerStore

_SAME_AGAIN = 600.0
"""Seconds in which a repeated registration is the same worker's, whose first answer was lost."""

_MOST_RECENT = 5000
_SHOWN_TYPES = 10


@define(eq=False, kw_only=True)
class WorkerRegistry:
    """Knows the workers of the farm."""

    _log: ClassVar[Logger] = Logger()

    store: IWorkerStore
    credentials: WorkerCredentials
    heartbeats: Heartbeats
    returner: TaskReturner
    notifier: INotifier
    clock: IReactorTime
    new_id: Callable[[], str]
    _recent: dict[bytes, tuple[str, float]] = field(init=False, factory=dict)
    _registering: SingleFlight[bytes, Worker] = field(init=False, factory=SingleFlight)

    async def register(self, registration: Registration, address: str) -> Worker:
        """
        Store a new worker, with a secret of 1 to 72 bytes, and return it (worker-api.md 4.1).

        The same registration again within ten minutes gives the same worker: its answer had been lost.
        """
        secret = registration.secret.encode()
        key = self.credentials.digest(secret, registration.nickname.encode(), address.encode())
        return await self._registering.run(key, lambda: self._register(key, secret, registration, address))

    async def _register(self, key: bytes, secret: bytes, registration: Registration, address: str) -> Worker:
        known = await self._registered_before(key)
        if known is not None:
            return known
        worker = Worker(
            id=self.new_id(),
            hashed_secret=await self.credentials.hashed(secret, address),
            nickname=registration.nickname,
            address=address,
            platform=registration.platform,
            supported_task_types=registration.supported_task_types,
        )
        types = await self.store.task_types()
        await self.store.add(worker)
        self.credentials.remember(worker.id, secret)
        self._recent[key] = (worker.id, self.clock.seconds())
        self._log.info(
            "Worker {worker} registered: {platform}, {types}",
            worker=worker.identifier,
            platform=worker.platform or "unknown platform",
            types=_shown(worker.supported_task_types),
        )
        await self._tell_types(types)
        return worker

    async def _registered_before(self, key: bytes) -> Worker | None:
        forgotten = self.clock.seconds() - _SAME_AGAIN
        while self._recent:
            oldest = next(iter(self._recent))
            if self._recent[oldest][1] > forgotten and len(self._recent) < _MOST_RECENT:
                break
            del self._recent[oldest]
        worker_id, _ = self._recent.get(key, ("", 0.0))
        return await self.store.get(worker_id) if worker_id else None

    async def authenticate(self, worker_id: str, secret: bytes, address: str = "") -> Worker | None:
        """
        Return the worker with this id and secret, None if there is none; a store that cannot answer is no "no".

        ``address`` is where the request comes from.
        """
        known = self.credentials.known(worker_id, secret)
        if known is False:
            return None
        worker = await self.store.get(worker_id)
        if worker is None:
            self.credentials.forget(worker_id)
            return None
        if known is None:
            if not await self.credentials.check(worker_id, worker.hashed_secret, secret, address):
                return None
            worker = await self.store.get(worker_id)  # the slow hash took its time
        return worker

    def seen(self, worker: Worker, *, address: str, software: str) -> None:
        """Note that a worker was heard."""
        self.heartbeats.seen(worker, address=address, software=software)

    async def sign_on(self, worker: Worker, *, nickname: str, supported_task_types: tuple[str, ...]) -> None:
        """Note that a worker has started again (worker-api.md 4.2); a pending request is kept for it."""
        types = await self.store.task_types()
        self.heartbeats.started_anew(worker)
        await self._change(
            worker,
            lambda current: workers.signed_on(current, nickname=nickname, supported_task_types=supported_task_types),
        )
        self._log.info("Worker {worker} signed on", worker=worker.identifier)
        await self._tell_types(types)

    async def awaken(self, worker: Worker) -> Worker:
        """Note that a worker is at work, unless it is a tester, which stays one."""
        return await self._change(worker, workers.awakened)

    async def acknowledge(self, worker: Worker, status: str) -> None:
        """Note which status a worker says it is in now (worker-api.md 4.8); what is no status is ignored."""
        if workers.acknowledged(worker, status) is None:
            self._log.warn(
                "Worker {worker} acknowledged the unknown status {status!r}", worker=worker.identifier, status=status
            )
            return
        await self._change(worker, lambda current: workers.acknowledged(current, status) or current)
        self._log.info("Worker {worker} is now {status}", worker=worker.identifier, status=status)

    async def sign_off(self, worker: Worker) -> None:
        """Note that a worker ends: its tasks come back, whatever else happens (worker-api.md 4.10)."""
        try:
            await self.returner.give_back_all(worker, "worker signed off")
        finally:
            await self._change(worker, workers.signed_off)
        self._log.info("Worker {worker} signed off", worker=worker.identifier)

    async def _change(self, worker: Worker, decide: Callable[[Worker], Worker]) -> Worker:
        current: Worker | None = worker
        while current is not None:
            after = decide(current)
            if after == current:
                return current
            if await self.store.change(current, after, events.of_worker(current, after, self.clock.seconds())):
                return evolve(after, revision=current.revision + 1)
            current = await self.store.get(worker.id)
        return worker  # removed meanwhile: its next request is answered 401

    async def _tell_types(self, before: frozenset[str]) -> None:
        if await self.store.task_types() != before:
            self.notifier.task_types_changed()


def _shown(types: Sequence[str]) -> str:
    if not types:
        return "no task types"
    shown = ", ".join(types[:_SHOWN_TYPES])
    return shown if len(types) <= _SHOWN_TYPES else f"{shown}, and {len(types) - _SHOWN_TYPES} more task types"
