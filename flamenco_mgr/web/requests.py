"""A request whose body is bounded while it arrives."""

import re
from http import HTTPStatus
from io import BytesIO

from attrs import define
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.server import Request

from flamenco_mgr.web.connections import ClientConnection
from flamenco_mgr.web.replies import SERVER, error_reply

UPDATE_BOUND = 32 * 1024 * 1024
"""Bytes of a Worker's update; after an outage they carry thousands of log lines (worker-api.md 1.7)."""

BOUND = 2 * 1024 * 1024
"""Bytes of every other body."""

_ORIGIN = re.compile(rb"https?://[^/]*(?=/)", re.IGNORECASE)

DISCARDED = 256 * 1024 * 1024
"""Bytes of a refused body that are read and thrown away, so that its sender comes to read the answer."""


ROOM = 256 * 1024 * 1024
"""Bytes of all bodies that may be arriving at the same time; after an outage every Worker has a megabyte to send."""

RESERVED = 64 * 1024 * 1024
"""Bytes of that which only the first two megabytes of a body may take: a few huge ones must not keep all others out."""

STRANGERS = 128 * 1024 * 1024
"""Bytes of that which bodies may take whose senders have shown no Worker's credentials: they keep no Worker out."""


@define(eq=False)
class BodyRoom:
    """How much room there is for bodies that arrive, in bytes: ``most`` altogether, of which some is ``taken``."""

    most: int = ROOM
    reserved: int = RESERVED
    strangers: int = STRANGERS
    taken: int = 0
    taken_by_strangers: int = 0

    def take(self, size: int, so_far: int, *, by_worker: bool) -> bool:
        """Take some room for a body of which so much has arrived, this included, if there is any left."""
        if self.taken + size > self.most - (self.reserved if so_far > BOUND else 0):
            return False
        if not by_worker:
            if self.taken_by_strangers + size > self.strangers:
                return False
            self.taken_by_strangers += size
        self.taken += size
        return True

    def give_back(self, size: int, *, by_worker: bool) -> None:
        """Give back what was taken."""
        self.taken -= size
        if not by_worker:
            self.taken_by_strangers -= size


def body_of(request: Request) -> bytes:
    """Return the body of a request that has arrived."""
    return b"" if request.content is None else request.content.read()


def is_update(uri: bytes) -> bool:
    """Whether a request is about what a Worker reports of its task."""
    path = uri.partition(b"?")[0]
    return path.startswith(b"/tasks/") and path.endswith(b"/update")


class BoundedRequest(Request):
    """
    A request that is refused as soon as its body turns out to be too large, or there is no room left for bodies.

    The answer goes out at once and the rest of the body is thrown away as it comes; after that the connection serves
    the next request. A Worker that finds no room sends its update again some seconds later.
    """

    channel: ClientConnection
    content: BytesIO
    defaultContentType = None
    _bound = BOUND
    _size = 0
    _room_taken = 0
    _by_worker = False

    def announced(self, method: bytes, uri: bytes, version: bytes) -> None:
        """Note what the request is about; its body is yet to come."""
        # A proxy's way to ask, with the whole URL, is to be understood as well (RFC 9112, 3.2.2).
        self.method, self.uri, self.clientproto = method, _ORIGIN.sub(b"", uri), version
        self._by_worker = self.channel.is_workers

    def gotLength(self, length: int | None) -> None:
        """Prepare for a body of so many bytes, or of an unknown length."""
        self.content = BytesIO()
        if length == 0:
            return
        if is_update(self.uri):
            self._bound = UPDATE_BOUND
        if length is not None and length > self._bound:
            self._refuse_as_too_large()

    def handleContentChunk(self, data: bytes) -> None:
        """Take a part of the body."""
        self._size += len(data)
        if self.startedWriting:
            if self._size > DISCARDED:
                self.channel.forceAbortClient()
        elif self._size > self._bound:
            self._refuse_as_too_large()
        elif not self.channel.site.room.take(len(data), self._size, by_worker=self._by_worker):
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "too much is arriving at the same time; come again later")
        else:
            self._room_taken += len(data)
            self.content.write(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:  # noqa: ARG002 `announced` has it
        """Serve the request now that all of it is here, or be done with a refused one."""
        if self.startedWriting:
            self.finish()
        else:
            super().requestReceived(command, self.uri, version)

    def process(self) -> None:
        """Let the site's resource answer; it is the only one, and finds its way by itself."""
        self.site = site = self.channel.site
        self.prepath, self.postpath = [], []
        self._prepare()
        try:
            self.render(site.resource)
        except Exception:  # noqa: BLE001 whatever it is, the client gets an answer
            self.processingFailed(Failure())

    def processingFailed(self, reason: Failure) -> Failure:
        """Answer a request whose resource failed; Twisted would do it in HTML."""
        self._log.failure("A request failed", failure=reason)
        if not self.startedWriting:
            self.write(error_reply(self, HTTPStatus.INTERNAL_SERVER_ERROR, "something went wrong here"))
            self.finish()
        return reason

    def finish(self) -> None:
        """Be done with the request."""
        self._give_back_room()
        super().finish()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Be done with a request whose client is gone."""
        self._give_back_room()
        super().connectionLost(reason)

    def _refuse_as_too_large(self) -> None:
        # A Worker sends an update again and again until it is taken, or refused with a conflict.
        status = HTTPStatus.CONFLICT if is_update(self.uri) else HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        self._refuse(status, f"the body is larger than {self._bound} bytes")

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        self.content = BytesIO()
        self._give_back_room()
        # Nobody is to be told "go on" after the answer.
        self.requestHeaders.removeHeader(b"Expect")
        self._prepare()
        self.write(error_reply(self, status, why))

    def _give_back_room(self) -> None:
        if self._room_taken:
            self.channel.site.room.give_back(self._room_taken, by_worker=self._by_worker)
            self._room_taken = 0

    def _prepare(self) -> None:
        self.setHeader(b"Server", SERVER)
        self.setHeader(b"Date", self.channel.site.date())
