"""Whether the process lives, and whether it can do its work: for load balancers and whoever restarts it."""

from http import HTTPStatus

from attrs import frozen
from twisted.web.server import Request

from flamenco_mgr.farm.condition import FarmCondition
from flamenco_mgr.store.interfaces import StoreUnavailable
from flamenco_mgr.web.replies import json_reply
from flamenco_mgr.web.routes import Routes

ALIVE = "/healthz"
READY = "/readyz"


def alive(request: Request) -> bytes:
    """Prepare the answer that the process lives, whatever else is wrong."""
    return json_reply(request, HTTPStatus.OK, {"alive": True})


def not_ready(request: Request, reason: str) -> bytes:
    """Prepare the answer that Workers had better ask another Manager, or later."""
    return json_reply(request, HTTPStatus.SERVICE_UNAVAILABLE, {"ready": False, "reason": reason})


@frozen(eq=False)
class Health:
    """Answers for a Manager that has started; the gate does so before."""

    _condition: FarmCondition

    def add_to(self, routes: Routes) -> None:
        """Add the routes."""
        for method in ("GET", "HEAD"):
            routes.open(method, ALIVE, self.alive)
            routes.open(method, READY, self.ready)

    async def alive(self, request: Request) -> bytes:
        """Say that the process lives."""
        return alive(request)

    async def ready(self, request: Request) -> bytes:
        """Say whether the store is of use; the configuration was read before anything else."""
        try:
            await self._condition.check()
        except StoreUnavailable as e:
            return not_ready(request, str(e))
        return json_reply(request, HTTPStatus.OK, {"ready": True})
