"""The site that Workers and people connect to."""

from twisted.internet.interfaces import IReactorTime
from twisted.web.http import datetimeToString
from twisted.web.resource import IResource
from twisted.web.server import Site

from flamenco_mgr.web.connections import ClientConnection
from flamenco_mgr.web.places import ConnectionLimits, Places, Vouching, vouched_for_by_nobody
from flamenco_mgr.web.requests import BodyRoom, BoundedRequest

DEFAULT_LIMITS = ConnectionLimits()


class WorkersSite(Site):
    """
    Serves one resource; connections and bodies are bounded, nothing is logged per request.

    ``vouches`` tells Workers from strangers, as soon as there is somebody who can.
    """

    protocol = ClientConnection  # type: ignore[assignment]  # Twisted's is wrapped, to become HTTP/2
    requestFactory = BoundedRequest

    def __init__(self, resource: IResource, clock: IReactorTime, limits: ConnectionLimits = DEFAULT_LIMITS) -> None:
        # Twisted would make an e-mail message of each POST only to look at its type.
        super().__init__(resource, parsePOSTFormSubmission=False, timeout=limits.idle, reactor=clock)
        self.limits = limits
        self.places = Places(limits)
        self.room = BodyRoom()
        self.vouches: Vouching = vouched_for_by_nobody
        self._date = b""
        self._second = -1

    def date(self) -> bytes:
        """Return the time as headers have it; it is written once a second."""
        second = int(self.reactor.seconds())
        if second != self._second:
            self._second = second
            self._date = datetimeToString(second)
        return self._date

    def startFactory(self) -> None:
        """Open no access log, and keep no time for one."""

    def stopFactory(self) -> None:
        """Close none."""

    def log(self, request: object) -> None:
        """Log nothing of a request that went well."""

    def acceptableProtocols(self) -> list[bytes]:
        """Offer HTTP/1.1 alone over TLS, as Workers speak it."""
        return [b"http/1.1"]
