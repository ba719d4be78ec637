"""What Workers ask for (worker-api.md 4)."""

from hashlib import blake2b
from http import HTTPStatus
from typing import ClassVar

from attrs import frozen
from twisted.logger import Logger
from twisted.web.server import Request

from flamenco_mgr.domain.workers import Worker
from flamenco_mgr.farm.outputs import OutputQueue
from flamenco_mgr.farm.registration import Registration, RegistrationGuard
from flamenco_mgr.farm.registry import WorkerRegistry
from flamenco_mgr.farm.returning import TaskReturner
from flamenco_mgr.farm.running import RunningTasks
from flamenco_mgr.farm.scheduler import ChangeStatus, Idle, NoTaskTypes, Run, TaskScheduler
from flamenco_mgr.farm.updates import Outcome, UpdateReceiver
from flamenco_mgr.web.auth import peer_address
from flamenco_mgr.web.errors import NothingNamed, RegistrationRefused
from flamenco_mgr.web.lean import is_gone
from flamenco_mgr.web.replies import error_reply, json_reply, no_content
from flamenco_mgr.web.requests import body_of
from flamenco_mgr.wire import worker_json
from flamenco_mgr.wire.strict_json import BadJSON

_DIGEST_SIZE = 16


@frozen(eq=False, kw_only=True)
class WorkerAPI:
    """Answers Workers; what the answer is, the farm decides."""

    _log: ClassVar[Logger] = Logger()

    registry: WorkerRegistry
    guard: RegistrationGuard
    scheduler: TaskScheduler
    updates: UpdateReceiver
    returner: TaskReturner
    running: RunningTasks
    outputs: OutputQueue

    async def register(self, request: Request) -> bytes:
        """Make whoever asks a worker."""
        refusal = self.guard.refusal(_text(request.getHeader(b"Authorization")))
        if refusal is not None:
            self._log.warn(
                "A registration from {address} is refused: {why}", address=peer_address(request), why=refusal
            )
            raise RegistrationRefused(refusal)
        body = worker_json.registration(body_of(request))
        registration = Registration(
            secret=body.secret,
            platform=body.platform,
            supported_task_types=body.supported_task_types,
            nickname=body.nickname,
        )
        worker = await self.registry.register(registration, peer_address(request))
        return json_reply(request, HTTPStatus.OK, worker_json.worker_document(worker))

    async def sign_on(self, request: Request, worker: Worker) -> bytes:
        """Hear that a worker has started again."""
        body = worker_json.sign_on(body_of(request))
        await self.registry.sign_on(worker, nickname=body.nickname, supported_task_types=body.supported_task_types)
        return no_content(request)

    async def acknowledge(self, request: Request, worker: Worker, status: str) -> bytes:
        """Hear which status a worker is in now."""
        await self.registry.acknowledge(worker, status)
        return no_content(request)

    async def task(self, request: Request, worker: Worker) -> bytes:
        """Give a worker something to do."""
        answer = await self.scheduler.schedule(worker)
        match answer:
            case Run(task=task, commands=commands):
                if is_gone(request):
                    await self.scheduler.take_back(answer, worker, "worker hung up before it had the task")
                return json_reply(request, HTTPStatus.OK, worker_json.task_document(task, commands))
            case ChangeStatus(status=status):
                return json_reply(request, HTTPStatus.LOCKED, {"status_requested": status})
            case NoTaskTypes():
                return error_reply(request, HTTPStatus.NOT_ACCEPTABLE, "this worker supports no task types")
            case Idle():
                return no_content(request)

    async def update(self, request: Request, worker: Worker, task_id: str) -> bytes:
        """Hear what a worker reports of its task."""
        body = body_of(request)
        try:
            report = worker_json.report(body)
        except BadJSON as e:
            # Anything but 404 and 409 the worker would send again and again, and nothing else before it.
            self._log.warn(
                "An update of worker {worker} for task {task} is dropped: {why}",
                worker=worker.identifier,
                task=task_id,
                why=e,
            )
            return error_reply(request, HTTPStatus.CONFLICT, f"Unable to decode JSON: {e}")
        digest = blake2b(body, digest_size=_DIGEST_SIZE).digest()
        outcome = await self.updates.receive(worker, task_id, report, digest)
        match outcome:
            case Outcome.ACCEPTED:
                return no_content(request)
            case Outcome.UNKNOWN_TASK:
                return error_reply(request, HTTPStatus.NOT_FOUND, f"Task {task_id} is not known here.")
            case Outcome.ANOTHERS_TASK:
                return error_reply(request, HTTPStatus.CONFLICT, f"Task {task_id} is assigned to another worker.")

    async def give_back(self, request: Request, worker: Worker, task_id: str) -> bytes:
        """Take a task back; whether there was one to take or not, the worker is rid of it."""
        await self.returner.give_back(worker, task_id)
        return no_content(request)

    async def may_i_run(self, request: Request, worker: Worker, task_id: str) -> bytes:
        """Tell a worker whether to go on with its task."""
        verdict = await self.running.may_i_run(worker, task_id)
        return json_reply(request, HTTPStatus.OK, worker_json.verdict_document(verdict))

    async def status_change(self, request: Request, worker: Worker) -> bytes:
        """Tell a sleeping worker what it is asked to become."""
        if not worker.status_requested:
            return no_content(request)
        return json_reply(request, HTTPStatus.OK, {"status_requested": worker.status_requested})

    async def output_produced(self, request: Request, worker: Worker) -> bytes:
        """Hear which files a worker has written."""
        paths = worker_json.output_paths(body_of(request))
        if not paths:
            raise NothingNamed("no paths are named")
        self.outputs.offer(worker, paths)
        return no_content(request)

    async def sign_off(self, request: Request, worker: Worker) -> bytes:
        """Hear that a worker ends."""
        await self.registry.sign_off(worker)
        return no_content(request)


def _text(header: bytes | None) -> str | None:
    return None if header is None else header.decode("latin-1")
