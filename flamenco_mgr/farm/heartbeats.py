"""Signs of life of workers and their tasks, kept in memory and stored about once a second."""

from typing import ClassVar

from attrs import asdict, define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from flamenco_mgr.domain.workers import Worker
from flamenco_mgr.store.interfaces import IWorkerStore, StoreUnavailable, WorkerBeat


@define(kw_only=True)
class _Beat:
    """A `WorkerBeat` in the making; it changes with nearly every request."""

    last_activity: float | None = None
    address: str = ""
    software: str = ""
    current_task: str | None = None
    current_task_status: str = ""
    current_task_updated: float | None = None


@define(eq=False, kw_only=True)
class Heartbeats:
    """
    Collects what requests show of workers and tasks, so that no request has to write it.

    Time-outs are minutes; what a crash loses here is a second of signs of life, which the next request brings again.
    """

    _log: ClassVar[Logger] = Logger()

    workers: IWorkerStore
    clock: IReactorTime
    _beats: dict[str, _Beat] = field(init=False, factory=dict)
    _pings: dict[str, tuple[str, float]] = field(init=False, factory=dict)

    def seen(self, worker: Worker, *, address: str, software: str) -> None:
        """Note that a worker was heard, from where and of what program ("Seen", worker-api.md 4)."""
        beat = self._beat(worker)
        beat.last_activity = self.clock.seconds()
        beat.address = address if address != worker.address else ""
        beat.software = software if software != worker.software else ""

    def assigned(self, worker: Worker, task_id: str) -> None:
        """Note that a worker was given a task."""
        self._beat(worker).current_task = task_id

    def pinged(self, worker: Worker, task_id: str, status: str = "") -> None:
        """Note that a worker spoke of a task, and the status that it gave it, if any."""
        now = self.clock.seconds()
        self._pings[task_id] = (worker.id, now)
        beat = self._beat(worker)
        beat.current_task_updated = now
        beat.current_task_status = status or beat.current_task_status

    def started_anew(self, worker: Worker) -> None:
        """Forget which task a worker was given before it signed on."""
        self._beat(worker).current_task = None

    async def flush(self) -> None:
        """Store what was collected; if the store cannot, it is kept for the next time."""
        beats, self._beats = self._beats, {}
        pings, self._pings = self._pings, {}
        if not beats and not pings:
            return
        try:
            await self.workers.beat({worker: WorkerBeat(**asdict(beat)) for worker, beat in beats.items()}, pings)
        except StoreUnavailable as e:
            self._log.debug("Signs of life wait to be stored: {reason}", reason=e)
            self._beats = beats | self._beats
            self._pings = pings | self._pings

    def _beat(self, worker: Worker) -> _Beat:
        beat = self._beats.get(worker.id)
        if beat is None:
            beat = self._beats[worker.id] = _Beat()
        return beat
