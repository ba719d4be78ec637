"""Small answers of the Server that become huge, over real sockets and by the client that the Manager uses."""

import gzip
import tracemalloc
import zlib
from typing import Any

from twisted.internet import reactor
from twisted.internet.interfaces import IReactorTCP, IReactorTime
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase
from twisted.web.resource import Resource
from twisted.web.server import Request as Heard
from twisted.web.server import Site

from flamenco_mgr.server.clock_offset import ClockOffset
from flamenco_mgr.server.exchange import REPLY_LIMIT, Request, ServerExchange, http_client
from flamenco_mgr.server.reachability import Reachability
from flamenco_mgr.server.trouble import BadReply

MB = 2**20
MOST = 160 * MB


def a_bomb() -> bytes:
    """Return a MB of gzip that becomes a GB; it is a block of a MB, a thousand times over."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    beginning = packer.compress(b"[") + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(b" " * MB) + packer.flush(zlib.Z_FULL_FLUSH)
    return beginning + block * 1024


class Bomb(Resource):
    """A Server that sends the same answer to everything."""

    isLeaf = True

    def __init__(self, content: bytes, *codings: str) -> None:
        super().__init__()
        self.content, self.codings = content, codings

    def render_GET(self, request: Heard) -> bytes:
        request.responseHeaders.setRawHeaders("Content-Encoding", list(self.codings))
        return self.content


class BombTests(TestCase):
    timeout = 60

    async def answer(self, content: bytes, *codings: str) -> int:
        """Have the Server asked, which answers with some bytes; return the most memory that this took."""
        site: Any = Site(Bomb(content, *codings))
        port: Any = IReactorTCP(reactor).listenTCP(0, site, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        clock = IReactorTime(reactor)
        client: Any = http_client(reactor)
        self.addCleanup(client._agent.agent._pool.closeCachedConnections)
        exchange = ServerExchange(
            treq=client,
            clock=clock,
            url=f"http://127.0.0.1:{port.getHost().port}/",
            secret="s",
            reachability=Reachability(clock=clock),
            offset=ClockOffset(clock=clock),
        )
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        with self.assertRaises(BadReply) as raised:
            await exchange.ask(Request(what="a task", path=("x",), seconds=30.0))
        self.told = str(raised.exception)
        await deferLater(clock, 0)  # in the middle of the answer nothing can be closed
        return tracemalloc.get_traced_memory()[1]

    async def test_once(self) -> None:
        """A GB in a MB is read no further than 16 MiB, and what one read from the socket becomes."""
        bomb = a_bomb()
        self.assertLess(len(bomb), 2 * MB)
        self.assertLess(await self.answer(bomb, "gzip"), MOST)
        self.assertIn(f"longer than {REPLY_LIMIT} bytes", self.told)

    async def test_twice(self) -> None:
        """A GB in a few KB is compressed twice, and such an answer is none."""
        bomb = gzip.compress(a_bomb())
        self.assertLess(len(bomb), 16 * 1024)
        for codings in (("gzip, gzip",), ("gzip", "gzip")):
            self.assertLess(await self.answer(bomb, *codings), MOST)
            self.assertIn("compressed more than once", self.told)
