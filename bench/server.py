"""
Stand-in Servers in a process of their own.

``python -m bench.server FARMS`` listens on as many consecutive ports as FARMS, a JSON list, has lists of stocks, and
writes the first port to standard output. Then it obeys commands on standard input, a line each, about the first Server,
and answers each with a line of JSON: ``completed`` tells the ids of the tasks that are; ``add STOCK`` takes in more,
job by job, so that requests are served in between.
"""

import gc
import json
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from random import Random
from typing import Any

from twisted.internet import reactor, stdio
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.protocols.basic import LineReceiver
from twisted.web.server import Site

from bench.farm import JOB_SIZE, MANAGER_ID, MANAGER_SECRET, Stock
from flamenco_mgr.demo.standin_server import StandInServer

_TRIES = 50
_BREATH = 0.1


class Commands(LineReceiver):
    """What the benchmark wants to know and to have done."""

    delimiter = b"\n"

    def __init__(self, server: StandInServer) -> None:
        self._server = server

    def lineReceived(self, line: bytes) -> None:
        """Obey one command."""
        command, _, argument = line.decode().partition(" ")
        if command == "completed":
            self._answer([task.id for task in self._server.books.tasks() if task.status == "completed"])
        elif command == "add":
            self._add(Stock(**json.loads(argument)).documents())
        else:
            raise ValueError(f"unknown command {command!r}")

    def _add(self, documents: Iterator[dict[str, Any]]) -> None:
        job = list(islice(documents, JOB_SIZE))
        if job:
            self._server.books.load(job)
            self._server.clock.callLater(_BREATH, self._add, documents)
        else:
            self._answer(True)

    def _answer(self, value: object) -> None:
        self.sendLine(json.dumps(value).encode())


class _QuietSite(Site):
    def log(self, request: object) -> None:
        """Log nothing of a request."""


def _listen(running: Any, servers: Sequence[StandInServer]) -> int:
    """Listen on consecutive ports, and return the first."""
    for _ in range(_TRIES):
        ports: list[IListeningPort] = []
        try:
            for server in servers:
                site = _QuietSite(server.resource(), timeout=60, parsePOSTFormSubmission=False)
                wanted = ports[0].getHost().port + len(ports) if ports else 0  # type: ignore[attr-defined]
                ports.append(running.listenTCP(wanted, site, backlog=1024, interface="127.0.0.1"))
        except CannotListenError:
            for port in ports:
                port.stopListening()
        else:
            return int(ports[0].getHost().port)  # type: ignore[attr-defined]
    raise SystemExit("there are not enough free ports in a row")


def main(running: Any) -> None:
    """Serve until killed."""
    servers = []
    for number, stocks in enumerate(json.loads(sys.argv[1])):
        server = StandInServer(running, Random(number), MANAGER_ID, MANAGER_SECRET)  # noqa: S311
        for stock in stocks:
            server.books.load(Stock(**stock).documents())
        servers.append(server)
    first = _listen(running, servers)
    gc.collect()
    gc.freeze()
    print(first, flush=True)
    stdio.StandardIO(Commands(servers[0]))
    running.run()


if __name__ == "__main__":
    main(reactor)
