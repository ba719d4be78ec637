"""The link to the database: every command goes through it, within the time that whoever asks has."""

from collections.abc import Awaitable, Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, TypeVar

from attrs import define, evolve, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure
from txmongo.errors import TimeExceeded

from flamenco_mgr.deadline import WORKERS_WAIT, seconds_left
from flamenco_mgr.durations import Durations
from flamenco_mgr.store.interfaces import StoreUnavailable
from flamenco_mgr.store.mongo.connection import Connections, chosen, host_of
from flamenco_mgr.store.mongo.failures import Failures, in_words, of_the_caller, passes
from flamenco_mgr.store.mongo.reach import Obstacle, Obstacles
from flamenco_mgr.store.mongo.tls import MongoTLS, subject_of
from flamenco_mgr.store.mongo.uri import X509, Login, MongoAddress

T = TypeVar("T")

_ONE_TRY = 0.6
"""Share of the time that is left for one try, so that a connection that died unnoticed does not cost all of it."""

_UNTIL_CONNECTED = 0.25
"""Seconds to wait for one connection to be made before looking for another, or for a reason why there is none."""

_TOO_LATE = 0.05
"""Seconds that are too few for another try."""

_PAUSES = (0.0, 0.02, 0.05, 0.1)
"""Seconds between one try and the next; the last one counts for all that follow."""

_QUIET = 5.0
"""Seconds without a failure after which trouble is over, and between two lines about it."""


@define(eq=False, kw_only=True)
class MongoLink:
    """
    The connections to a database, and how commands are sent on them.

    ``clock`` is what deadlines are measured with. ``reactor`` is what the driver runs on, and what tries and pauses
    are measured with; the same but in tests. ``commits`` tells how long it took until changes were acknowledged.
    """

    _log: ClassVar[Logger] = Logger()

    address: MongoAddress
    in_flight: int = field(init=False, default=0)
    commits: Durations = field(init=False, factory=Durations)
    _clock: IReactorTime
    _reactor: Any
    _connections: Connections
    _obstacles: Obstacles
    _trouble: str = field(init=False, default="")
    _failed_at: float = field(init=False, default=0.0)
    _told_at: float = field(init=False, default=float("-inf"))
    _closed: bool = field(init=False, default=False)
    _last: "Deferred[None] | None" = field(init=False, default=None)

    @classmethod
    def connect(cls, address: MongoAddress, clock: IReactorTime, reactor: Any) -> "MongoLink":
        """Begin to connect; `StoreRefused` if a file that the address names cannot be used."""
        tls = None if address.tls is None else MongoTLS.wished(address.tls, lambda one: host_of(connections, one))
        login = _complete(address)
        obstacles = Obstacles(reactor)
        connections = Connections(address, tls, obstacles.told)
        if login is not None:
            connections.log_in(login)
        return cls(
            address=evolve(address, login=login),
            clock=clock,
            reactor=reactor,
            connections=connections,
            obstacles=obstacles,
        )

    async def call(
        self,
        operation: Callable[[Any, float], Awaitable[T]],
        *,
        seconds: float = WORKERS_WAIT,
        theirs: Container[int] = (),
    ) -> T:
        """
        Carry out an operation on the driver's database, in so many seconds or what is left of the request's deadline.

        It is called with the database and the seconds for this try, and more than once when a connection was lost, a
        primary stepped down, an answer did not come: it may have been done already, and must do no harm a second time.
        Fails with `StoreUnavailable`; a duplicate key, a document that is too large, and what has one of ``theirs``
        among its codes is passed on as the driver's error, which says more to whoever asked for it.
        """
        end = self._reactor.seconds() + seconds_left(self._clock, seconds)
        pauses = iter(_PAUSES)
        pause, error = 0.0, None
        while (left := end - self._reactor.seconds()) > _TOO_LATE:
            if self._closed:
                raise StoreUnavailable("the store is closed")
            try:
                result = await self._try(operation, self._share_of(left))
            except Failures as e:
                if (ours := of_the_caller(e, theirs)) is not None:
                    raise ours from None
                error = e
                if not passes(e) or self._hopeless:
                    break
                pause = next(pauses, pause)
                await deferLater(self._reactor, min(pause, left))
            else:
                self._worked()
                return result
        if error is None:
            raise StoreUnavailable("no time is left to ask the database")
        raise await self._failed(error)

    def _share_of(self, left: float) -> float:
        return left * _ONE_TRY if self._connections.ready else min(left, _UNTIL_CONNECTED)

    @contextmanager
    def committing(self) -> Iterator[None]:
        """Note how long it takes until a change is acknowledged; one that never is does not count."""
        began = self._clock.seconds()
        yield
        self.commits.note(self._clock.seconds() - began)

    async def obstacles(self) -> list[Obstacle]:
        """Return what is in the way to each host; empty if there is a connection."""
        return [] if self._connections.ready else list(await self._obstacles.between(self.address.hosts))

    def send(self, command: Mapping[str, Any], seconds: float) -> "Deferred[dict[str, Any]]":
        """Send one command, for an operation that is carried out by `call`; give it up if it takes longer."""
        asking = self._connections.send(self.address.database, command)
        return asking.addTimeout(seconds, self._reactor, _took_too_long)

    async def close(self) -> None:
        """Let what is on its way end, in a request's time, and disconnect; who comes later gets `StoreUnavailable`."""
        self._closed = True
        if self.in_flight:
            self._last = Deferred()
            timer = self._reactor.callLater(WORKERS_WAIT, self._look_for_last, 0)
            await self._last
            if timer.active():
                timer.cancel()
        await self._connections.leave()

    async def _try(self, operation: Callable[[Any, float], Awaitable[T]], seconds: float) -> T:
        used: list[Any] = []
        chosen.set(used)
        self.in_flight += 1
        try:
            return await operation(self._connections[self.address.database], seconds)
        except TimeExceeded:
            for connection in used[-1:]:  # it may be dead, with nobody having told us
                connection.drop_if_silent(seconds)
            raise
        finally:
            chosen.set(None)
            self.in_flight -= 1
            self._look_for_last(self.in_flight)

    def _look_for_last(self, left: int) -> None:
        if not left and self._last is not None:
            last, self._last = self._last, None
            last.callback(None)

    @property
    def _hopeless(self) -> bool:
        return not self._connections.ready and self._obstacles.for_good(self.address.hosts)

    def _worked(self) -> None:
        self._obstacles.overcome()
        if self._trouble and self._clock.seconds() - self._failed_at > _QUIET:
            self._trouble = ""
            self._log.warn("The database {database} can be used again", database=self.address.shown)

    async def _failed(self, error: Exception) -> StoreUnavailable:
        obstacles = await self.obstacles()
        words = "; ".join(one.words for one in obstacles) or in_words(error)
        if words != self._trouble and self._clock.seconds() - self._told_at > _QUIET:
            self._trouble, self._told_at = words, self._clock.seconds()
            self._log.critical(
                "The database {database} cannot be used: {words}", database=self.address.shown, words=words
            )
        self._failed_at = self._clock.seconds()
        return StoreUnavailable(f"the database cannot be used: {words}")


def _took_too_long(result: Any, seconds: float) -> Any:
    if isinstance(result, Failure):
        result.trap(CancelledError)
    raise TimeExceeded(f"no answer in {seconds:.1f} s")


def _complete(address: MongoAddress) -> Login | None:
    """Return the login with its user, if that is whoever the certificate says."""
    login, tls = address.login, address.tls
    if login is None or login.mechanism != X509 or login.user or tls is None or tls.certificate_key_file is None:
        return login
    return evolve(login, user=subject_of(tls.certificate_key_file))
