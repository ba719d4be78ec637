"""Signs of life of workers and their tasks, kept in memory and stored about once a second."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, ClassVar

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from flamenco_mgr.domain.workers import Worker
from flamenco_mgr.store.interfaces import IWorkerStore, StoreUnavailable, WorkerBeat

_Batch = tuple[dict[str, dict[str, Any]], dict[str, tuple[str, float]]]
"""What was noticed of workers, and the pings of tasks."""


@define(eq=False, kw_only=True)
class Heartbeats:
    """
    Collects what requests show of workers and tasks, so that no request has to write it.

    Time-outs are minutes; what a crash loses here is a second of signs of life, which the next request brings again.
    """

    _log: ClassVar[Logger] = Logger()

    workers: IWorkerStore
    clock: IReactorTime
    _beats: defaultdict[str, dict[str, Any]] = field(init=False, factory=lambda: defaultdict(dict))
    _pings: dict[str, tuple[str, float]] = field(init=False, factory=dict)
    _being_stored: list[_Batch] = field(init=False, factory=list)
    _behind: bool = field(init=False, default=False)

    @property
    def behind(self) -> bool:
        """Whether the store could not take what was collected, the last time it was asked to."""
        return self._behind

    def worker_heard(self, worker_id: str) -> float | None:
        """Return when a worker was last heard of as far as the store does not know it yet; None if it knows all."""
        times = [beats[worker_id].get("last_activity") for beats, _ in self._unstored() if worker_id in beats]
        return max((time for time in times if time is not None), default=None)

    def task_pinged(self, task_id: str) -> float | None:
        """Return when a task was last pinged as far as the store does not know it yet; None if it knows all."""
        return max((pings[task_id][1] for _, pings in self._unstored() if task_id in pings), default=None)

    def _unstored(self) -> "Iterator[_Batch]":
        yield from self._being_stored
        yield self._beats, self._pings

    def seen(self, worker: Worker, *, address: str, software: str) -> None:
        """Note that a worker was heard, from where and of what program ("Seen", worker-api.md 4)."""
        beat = self._beats[worker.id]
        beat["last_activity"] = self.clock.seconds()
        if address != worker.address:
            beat["address"] = address
        if software != worker.software:
            beat["software"] = software

    def assigned(self, worker: Worker, task_id: str) -> None:
        """Note that a worker was given a task."""
        self._beats[worker.id]["current_task"] = task_id

    def pinged(self, worker: Worker, task_id: str, status: str = "") -> None:
        """Note that a worker spoke of a task, and the status that it gave it, if any."""
        now = self.clock.seconds()
        self._pings[task_id] = (worker.id, now)
        beat = self._beats[worker.id]
        beat["current_task_updated"] = now
        if status:
            beat["current_task_status"] = status

    def started_anew(self, worker: Worker) -> None:
        """Forget which task a worker was given before it signed on."""
        self._beats[worker.id].pop("current_task", None)

    async def flush(self) -> None:
        """Store what was collected; if the store cannot, it is kept for the next time."""
        beats, self._beats = self._beats, defaultdict(dict)
        pings, self._pings = self._pings, {}
        if not beats and not pings:
            return
        batch: _Batch = (beats, pings)
        self._being_stored.append(batch)
        try:
            await self.workers.beat({worker: WorkerBeat(**beat) for worker, beat in beats.items()}, pings)
            self._behind = False
        except StoreUnavailable as e:
            self._behind = True
            self._log.debug("Signs of life wait to be stored: {reason}", reason=e)
            for worker, beat in beats.items():
                self._beats[worker] = beat | self._beats[worker]
            self._pings = pings | self._pings
        finally:
            self._being_stored = [one for one in self._being_stored if one is not batch]
