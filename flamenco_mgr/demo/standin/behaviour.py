"""
What the Server can be told to do wrong: values that are put around a request's honest answer.

Several can be told together, the outermost first: ``Slow`` and then ``LoseAnswer`` work at once, and break the
connection later.
"""

import json
from collections.abc import Awaitable, Callable, Iterator
from http import HTTPStatus
from typing import Any, Final, Protocol

from attrs import evolve, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from flamenco_mgr.demo.standin.replies import (
    HTML,
    JSON,
    Cut,
    Lost,
    Refused,
    Reply,
    Stall,
    encoded,
    error_reply,
)

Proceed = Callable[[], Awaitable[Reply]]
"""Does what was asked, or the next misbehaviour, and gives the answer."""

_NONSENSE: Final = b"Quousque tandem abutere, Catilina, patientia nostra? {[}]\x00\xff\n" * 1024


class Behaviour(Protocol):
    """A way to answer."""

    def answer(self, proceed: Proceed, clock: IReactorTime) -> Awaitable[Reply]:
        """Return what is sent; whether ``proceed`` is called decides whether the Server does what was asked."""


@frozen
class Slow:
    """Does what was asked, and answers after so many seconds."""

    seconds: float

    async def answer(self, proceed: Proceed, clock: IReactorTime) -> Reply:
        """Wait with the answer."""
        reply = await proceed()
        await deferLater(clock, self.seconds)
        return reply


@frozen
class Silent:
    """Does nothing and never answers."""

    async def answer(self, proceed: Proceed, clock: IReactorTime) -> Reply:  # noqa: ARG002 it uses neither
        """Wait until the other side gives up."""
        never: Deferred[Reply] = Deferred()
        return await never


@frozen
class Refuse:
    """Does nothing and answers with a status: with that body, else as the Server words its errors."""

    status: int = HTTPStatus.INTERNAL_SERVER_ERROR
    body: bytes | None = None
    content_type: bytes = HTML

    async def answer(self, proceed: Proceed, clock: IReactorTime) -> Reply:  # noqa: ARG002 it uses neither
        """Refuse."""
        if self.body is None:
            return error_reply(self.status, "The stand-in was told to refuse this")
        return Reply(status=self.status, headers=((b"Content-Type", self.content_type),), body=self.body)


@frozen
class Pretend:
    """Does nothing, and answers with this body as if it had."""

    body: bytes
    content_type: bytes = JSON
    status: int = HTTPStatus.OK

    async def answer(self, proceed: Proceed, clock: IReactorTime) -> Reply:  # noqa: ARG002 it uses neither
        """Lie."""
        return Reply(status=self.status, headers=((b"Content-Type", self.content_type),), body=self.body)


@frozen
class Rubbish:
    """Does nothing, and answers with so many bytes of what is neither JSON nor UTF-8."""

    size: int

    async def answer(self, proceed: Proceed, clock: IReactorTime) -> Reply:  # noqa: ARG002 it uses neither
        """Talk nonsense."""
        return Reply(headers=((b"Content-Type", JSON),), body=self._nonsense())

    def _nonsense(self) -> Iterator[bytes]:
        for start in range(0, self.size, len(_NONSENSE)):
            yield _NONSENSE[: self.size - start]


@frozen
class Redirect:
    """Does nothing, and sends the caller elsewhere."""

    to: str
    status: int = HTTPStatus.FOUND

    async def answer(self, proceed: Proceed, clock: IReactorTime) -> Reply:  # noqa: ARG002 it uses neither
        """Point elsewhere."""
        return Reply(status=self.status, headers=((b"Location", self.to.encode()),))


@frozen
class Altered:
    """Does what was asked, and answers with what a function makes of the answer's JSON value."""

    change: Callable[[Any], Any]

    async def answer(self, proceed: Proceed, clock: IReactorTime) -> Reply:  # noqa: ARG002 no time passes
        """Twist the answer."""
        reply = await proceed()
        return evolve(reply, body=encoded(self.change(json.loads(reply.whole_body()))))


@frozen
class WithoutHeaders:
    """Does what was asked, and leaves headers out of the answer."""

    names: tuple[str, ...]

    async def answer(self, proceed: Proceed, clock: IReactorTime) -> Reply:  # noqa: ARG002 no time passes
        """Keep something back."""
        reply = await proceed()
        left_out = {name.lower().encode() for name in self.names}
        return evolve(reply, headers=tuple(header for header in reply.headers if header[0].lower() not in left_out))


@frozen
class Truncated:
    """Does what was asked, and closes the connection after so many bytes of the body."""

    at: int

    async def answer(self, proceed: Proceed, clock: IReactorTime) -> Reply:  # noqa: ARG002 no time passes
        """Stop short."""
        return evolve(await proceed(), delivery=Cut(at=self.at))


@frozen
class Stalled:
    """Does what was asked, and sends nothing more after so many bytes of the body."""

    at: int

    async def answer(self, proceed: Proceed, clock: IReactorTime) -> Reply:  # noqa: ARG002 no time passes
        """Get stuck."""
        return evolve(await proceed(), delivery=Stall(at=self.at))


@frozen
class LoseAnswer:
    """Does what was asked, and breaks the connection instead of answering."""

    async def answer(self, proceed: Proceed, clock: IReactorTime) -> Reply:  # noqa: ARG002 no time passes
        """Go away."""
        return evolve(await proceed(), delivery=Lost())


async def answered(behaviours: tuple[Behaviour, ...], work: Callable[[], Reply], clock: IReactorTime) -> Reply:
    """Return the answer that these behaviours, the outermost first, make of the honest one."""
    if not behaviours:
        try:
            return work()
        except Refused as refused:
            return refused.reply
    return await behaviours[0].answer(lambda: answered(behaviours[1:], work, clock), clock)
