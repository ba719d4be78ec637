"""What the farm's operators do, by the pages that the Manager has for them."""

from typing import TYPE_CHECKING, Any, Final

from attrs import define
from twisted.internet.defer import Deferred
from twisted.web.http_headers import Headers

from flamenco_mgr.domain.timeouts import last_heard
from tests.simulation.reading import result_of
from tests.simulation.watch import client_of

if TYPE_CHECKING:
    from tests.simulation.machines import Machine
    from tests.simulation.world import World

_LOST_AFTER: Final = 120.0
"""Seconds after which an operator takes a Worker for lost whose host has another one by now."""


@define(eq=False, repr=False)
class Operator:
    """Asks on the Manager's own host; what is not answered is asked again another time, if at all."""

    world: "World"

    def ask(self, machine: "Machine", status: str) -> None:
        """Ask a Worker to be asleep, awake or shut down."""
        if not machine.worker_id:
            return
        self.world.trace.note("operator", f"wants {machine.name} {status}")
        form = "action=shutdown" if status == "shutdown" else f"action=set-status&status={status}"
        self._act(machine.worker_id, form)

    def forget_lost(self) -> None:
        """
        Forget the Workers that no host knows of any more.

        As long as they are registered they count as left for a week, and what all others have failed at waits for them.
        """
        manager = self.world.manager
        if manager is None or not manager.is_ready or manager.is_stopping:
            return
        present = {machine.worker_id for machine in self.world.machines}
        before = manager.reactor.seconds() - _LOST_AFTER
        for worker in result_of(manager.look().workers.all()):
            heard = last_heard(worker)
            if worker.id not in present and heard is not None and heard < before:
                self.world.trace.note("operator", "forgets a worker of before")
                self._act(worker.id, "action=forget-worker")

    def _act(self, worker_id: str, form: str) -> None:
        headers = Headers({"Content-Type": ["application/x-www-form-urlencoded"]})
        asking: Deferred[Any] = client_of(self.world.operators_reactor()).request(
            "POST", f"http://localhost:8080/worker-action/{worker_id}", data=form.encode(), headers=headers
        )
        _ = asking.addCallbacks(lambda response: response.content(), lambda _: None)
