"""The host of the Flamenco Server, which may be away, or misbehave."""

from collections import Counter
from typing import TYPE_CHECKING

from attrs import define, field
from twisted.web.server import Site

from flamenco_mgr.demo.standin.behaviour import Behaviour
from flamenco_mgr.demo.standin.endpoints import Endpoint
from flamenco_mgr.demo.standin_server import StandInServer
from tests.simulation.faults import Fault
from tests.simulation.plan import MANAGER, SECRET
from tests.simulation.reactor import SimulatedReactor

if TYPE_CHECKING:
    from tests.simulation.world import World


class _Quiet(Site):
    """The Server's site, which logs nothing."""

    def startFactory(self) -> None:
        pass

    def stopFactory(self) -> None:
        pass

    def log(self, request: object) -> None:
        pass


@define(eq=False, repr=False)
class ServerHost:
    """Serves from `listen` on; the Server's books outlive its process."""

    world: "World"
    reactor: SimulatedReactor
    server: StandInServer = field(init=False)
    _is_down: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        self.server = StandInServer(self.reactor, self.reactor.chance, MANAGER, SECRET)
        self.server.time.offset = self.world.plan.server_ahead

    def listen(self) -> None:
        """Have the Server's process run."""
        self.reactor.listenTCP(80, _Quiet(self.server.resource(), parsePOSTFormSubmission=False, reactor=self.reactor))

    def misbehave(self, fault: Fault, behaviour: Behaviour, endpoint: Endpoint | None) -> None:
        """Have the Server behave like that for a while."""
        self.world.trace.note("server", f"is {type(behaviour).__name__} at {endpoint or 'everything'}")
        self.server.behave(behaviour, endpoint=endpoint)
        people, before = self.world.people, Counter(self.server.record.requests)
        people.callLater(fault.lasts, self.server.behave_well, endpoint)
        people.callLater(fault.lasts, self._count_requests, str(fault.kind), before)

    def _count_requests(self, kind: str, before: Counter[Endpoint]) -> None:
        for endpoint, count in self.server.record.requests.items():
            self.world.hits[kind, f"server {endpoint}"] += count - before[endpoint]

    def restart(self, seconds: float) -> None:
        """Have the Server away for a while, unless it is already."""
        if self._is_down:
            return
        world = self.world
        world.trace.note("server", "goes down")
        self._is_down = True
        for operation in world.network.in_progress(self.reactor):
            world.note_hit("server restarts", operation)
        world.network.close_ports(self.reactor)
        for connection in list(world.network.connections.values()):
            if connection.server == self.reactor.host:
                connection.break_off()
        world.people.callLater(seconds, self._is_back)

    def _is_back(self) -> None:
        self.world.trace.note("server", "is back")
        self._is_down = False
        self.listen()
