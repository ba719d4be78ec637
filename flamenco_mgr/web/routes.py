"""The one way to add a route, so that none can miss authentication."""

from typing import Protocol

from attrs import Factory, field, frozen
from klein import Klein
from twisted.internet.interfaces import IReactorTime
from twisted.web.server import Request

from flamenco_mgr.deadline import within
from flamenco_mgr.domain.ids import normal_id
from flamenco_mgr.web.auth import WorkerAuth, peer_address
from flamenco_mgr.web.errors import BadId
from flamenco_mgr.web.lean import Handler, LeanResource, is_gone
from flamenco_mgr.web.meter import RequestMeter
from flamenco_mgr.web.operator_access import OperatorAccess

_ID = "_id"
"""What the names of those parts of a path end in that are ids."""


def _app() -> Klein:
    app = Klein()
    # Workers must not be redirected: a POST would become a GET (worker-api.md 1.5).
    app.url_map.merge_slashes = False
    app.url_map.redirect_defaults = False
    return app


@frozen(eq=False)
class Routes:
    """
    A table of routes.

    Parts of a path that are named ``…_id`` reach the handlers as ids in their one spelling; else the answer is 404.
    What is done for a worker is done within the time that it waits, by ``clock``.
    """

    auth: WorkerAuth
    clock: IReactorTime
    access: OperatorAccess = field(factory=OperatorAccess)
    meter: RequestMeter = field(
        init=False, default=Factory(lambda self: RequestMeter(self.clock.seconds), takes_self=True)
    )
    app: Klein = field(init=False, factory=_app)
    handlers: dict[str, Handler] = field(init=False, factory=dict)

    def worker(self, method: str, path: str, handler: Handler, *, seen: bool = True) -> None:
        """
        Add a route for workers.

        ``handler(request, worker, **parts)`` is asked after the worker has proved who it is; ``seen`` says whether the
        request is a sign of life.
        """

        async def authenticated(request: Request, **parts: str) -> bytes:
            with within(self.clock):
                address = peer_address(request)
                worker = await self.auth.worker(request, address)
                if is_gone(request):  # meanwhile, and its body with it; the worker asks again
                    return b""
                if seen:
                    self.auth.seen(request, worker, address)
                return await handler(request, worker, **_with_ids(parts))

        self._add(method, path, authenticated)

    def operator(self, method: str, path: str, handler: Handler) -> None:
        """Add a route for operators; ``handler(request, **parts)`` is asked after it is sure that one sends it."""

        async def allowed(request: Request, **parts: str) -> bytes:
            self.access.check(request)
            with within(self.clock):
                return await handler(request, **_with_ids(parts))

        self._add(method, path, allowed)

    def open(self, method: str, path: str, handler: Handler) -> None:
        """Add a route for everybody; ``handler(request, **parts)`` may have its own idea of who that is."""

        async def opened(request: Request, **parts: str) -> bytes:
            with within(self.clock):
                return await handler(request, **_with_ids(parts))

        self._add(method, path, opened)

    def resource(self) -> LeanResource:
        """Return the resource that answers by these routes."""
        return LeanResource(self.app, self.handlers, self.meter)

    def _add(self, method: str, path: str, handler: Handler) -> None:
        endpoint = f"{method} {path}"
        if endpoint in self.handlers:
            raise ValueError(f"there are two routes for {endpoint}")
        self.handlers[endpoint] = handler
        self.app.route(path, methods=[method], endpoint=endpoint)(handler)
        for rule in self.app.url_map.iter_rules(endpoint):
            # The router adds HEAD to each GET by itself.
            rule.methods = {method}


class Desk(Protocol):
    """Answers some routes."""

    def add_to(self, routes: Routes) -> None:
        """Add the routes that are answered here."""


def _with_ids(parts: dict[str, str]) -> dict[str, str]:
    return {name: _an_id(name, value) if name.endswith(_ID) else value for name, value in parts.items()}


def _an_id(name: str, value: str) -> str:
    normal = normal_id(value)
    if normal is None:
        raise BadId(name.replace("_", "-"), value)
    return normal
