"""What a Worker does when a status is requested of it."""

from collections.abc import Mapping
from contextlib import suppress
from enum import Enum
from typing import Final

from attrs import frozen

from flamenco_mgr.demo.worker.connection import ManagerConnection, NoAnswer
from flamenco_mgr.demo.worker.journal import Endpoint, Obeyed
from flamenco_mgr.demo.worker.process import WorkerProcess


class WorkerState(str, Enum):
    """What a worker process is about."""

    STARTING = "starting"
    AWAKE = "awake"
    ASLEEP = "asleep"
    ERROR = "error"
    ENDED = "ended"

    __str__ = str.__str__


_OBEYED: Final[Mapping[str, WorkerState]] = {
    "awake": WorkerState.AWAKE,
    "asleep": WorkerState.ASLEEP,
    "error": WorkerState.ERROR,
    "shutdown": WorkerState.ENDED,
}


@frozen(kw_only=True)
class Obedience:
    """Turns requests of the Manager into states of the Worker, and acknowledges them (worker-api.md 5)."""

    connection: ManagerConnection
    process: WorkerProcess

    def obey(self, requested: str, endpoint: Endpoint) -> WorkerState:
        """Return the state that a request leads to; one that no Worker knows sends it to sleep, an offence."""
        state = _OBEYED.get(requested)
        if state is None:
            self.connection.offended(endpoint, f"requests {requested!r}, upon which a Worker sleeps for good")
            state = WorkerState.ASLEEP
        self.connection.journal.obeyed.append(Obeyed(at=self.connection.clock.seconds(), status=state.value))
        if state is not WorkerState.ENDED:
            self.announce(state)
        return state

    def announce(self, state: WorkerState) -> None:
        """Tell the Manager, once and whatever it answers; a shutdown is shown by the sign-off alone."""
        self.process.begin(self._acknowledge(state))

    async def _acknowledge(self, state: WorkerState) -> None:
        with suppress(NoAnswer):
            _ = await self.connection.post(Endpoint.ACKNOWLEDGE, f"/ack-status-change/{state}")
