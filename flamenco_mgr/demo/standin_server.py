"""A Flamenco Server in memory, as Managers see it: for tests, the demonstration and measurements."""

from random import Random

from attrs import define, field
from klein.resource import KleinResource
from twisted.internet.interfaces import IReactorTime

from flamenco_mgr.demo.standin.api import StandInAPI
from flamenco_mgr.demo.standin.behaviour import Behaviour, Silent
from flamenco_mgr.demo.standin.books import Books
from flamenco_mgr.demo.standin.conduct import Conduct
from flamenco_mgr.demo.standin.endpoints import Endpoint
from flamenco_mgr.demo.standin.instants import ServerTime
from flamenco_mgr.demo.standin.minting import Mint
from flamenco_mgr.demo.standin.record import Record
from flamenco_mgr.demo.standin.services import Services


@define(eq=False)
class StandInServer:
    """
    A Server with one linked Manager, and no jobs yet.

    ``books`` has its data and does what users do, ``record`` what Managers did to it, and ``time`` is its clock, whose
    ``offset`` can be set wrong. The clock's seconds count from ``epoch``, which is in seconds since 1970. Ids and etags
    come from ``random``, so that the same seed and requests give the same answers.
    """

    clock: IReactorTime
    random: Random
    manager_id: str
    manager_secret: str = field(repr=False)
    epoch: float = field(default=0.0, kw_only=True)
    time: ServerTime = field(init=False)
    record: Record = field(init=False, factory=Record)
    books: Books = field(init=False)
    _conduct: Conduct = field(init=False, factory=Conduct)
    _services: Services = field(init=False)
    _api: StandInAPI = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Put the parts together; nothing begins to run."""
        self.time = ServerTime(clock=self.clock, epoch=self.epoch)
        self.books = Books(
            time=self.time,
            mint=Mint(random=self.random, time=self.time),
            record=self.record,
            manager_id=self.manager_id,
        )
        self._services = Services(books=self.books, record=self.record)
        self._api = StandInAPI(services=self._services, conduct=self._conduct, record=self.record, time=self.time)
        self.add_manager(self.manager_id, self.manager_secret)

    def resource(self) -> KleinResource:
        """Return what a `Site` serves."""
        return self._api.router.resource()

    def add_manager(self, manager_id: str, secret: str) -> None:
        """Link another Manager."""
        self._services.credentials.add(manager_id, secret)

    @property
    def early(self) -> bool:
        """Whether this is a Server of before the depsgraph, which hands out tasks in chunks (server-api.md 12.3)."""
        return self._services.early

    @early.setter
    def early(self, early: bool) -> None:
        self._services.early = early

    def behave(self, *behaviours: Behaviour, endpoint: Endpoint | str | None = None, times: int | None = None) -> None:
        """
        Misbehave on an endpoint, or on all of them, for the next so many requests, or until told otherwise.

        Of several behaviours the first is the outermost. What is told for some requests comes before what is told for
        good, and in the order of telling.
        """
        self._conduct.tell(behaviours, None if endpoint is None else Endpoint(endpoint), times)

    def behave_well(self, endpoint: Endpoint | str | None = None) -> None:
        """Forget what was told for an endpoint, or everything."""
        self._conduct.forget(None if endpoint is None else Endpoint(endpoint))

    def silent_everywhere(self) -> None:
        """Answer nobody any more."""
        self.behave(Silent())
