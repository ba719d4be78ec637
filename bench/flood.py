"""
A flood of connections on a real Manager, whose Workers go on.

``python -m bench.flood`` starts a Manager under twistd on the loopback interface, has Workers ask it whether
they may go on, over connections that they keep and over new ones, and opens connections by the thousand meanwhile:
silent ones, and such that send requests slowly. It ends with 1 if a Worker was not served.
"""

import argparse
import json
import multiprocessing
import resource
import secrets
import socket
import sys
import tempfile
import threading
import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import yaml
from attrs import define, field, frozen

from bench.manager import Home, running_manager
from bench.processes import Broken, free_port
from bench.results import in_time, latencies

TASK = "5e6a2b7d9d3b4a0017c0a001"
PATIENCE = 3.0
"""Seconds after which a Worker gives up."""

PAUSE = 0.05
"""Seconds between two requests of a Worker."""

_AFTER_FAILURE = 0.05
_FLOODERS = 2

BEGINNINGS = (
    b"",
    b"GET /may-i-ru",
    b"POST /task HTTP/1.1\r\nHost: manager\r\nX-Slow: ",
    b"POST /register-worker HTTP/1.1\r\nHost: manager\r\nContent-Length: 2000000\r\n\r\n{",
)
"""What those send who flood: nothing, or a request that does not end."""


@frozen(kw_only=True)
class Flood:
    """
    How many connections are opened at once and held, from how many addresses, for how long; and with how many Workers.

    When all are there, so many a second (``rate``) are closed and opened anew.
    """

    connections: int = 10_000
    addresses: int = 1
    rate: int = 200
    seconds: float = 30.0
    workers: int = 20
    settings: Mapping[str, object] = field(factory=dict)


@define(kw_only=True)
class Served:
    """How Workers were served: seconds that answers took, and what went wrong."""

    taken: list[float] = field(factory=list)
    wrong: list[str] = field(factory=list)

    def told(self) -> dict[str, Any]:
        """Return it for people."""
        taken = latencies(self.taken)
        return {
            "requests": taken.count,
            "not served": len(self.wrong),
            "p50": in_time(taken.p50),
            "p99": in_time(taken.p99),
            "longest": in_time(taken.worst),
        }


@frozen(kw_only=True)
class Result:
    """What was measured: Workers before and during the flood, and the Manager's process at its height."""

    before: Served
    kept: Served
    fresh: Served
    attempts: int
    descriptors: int
    resident_mb: float

    @property
    def all_served(self) -> bool:
        """Whether each request of a Worker was answered with 200."""
        return not (self.before.wrong or self.kept.wrong or self.fresh.wrong)

    def told(self) -> dict[str, Any]:
        """Return it for people."""
        return {
            "workers before the flood": self.before.told(),
            "workers on connections that they keep": self.kept.told(),
            "workers on new connections": self.fresh.told(),
            "connections of the flood": self.attempts,
            "the Manager's most descriptors": self.descriptors,
            "the Manager's most memory, MB": self.resident_mb,
        }


def run(flood: Flood) -> Result:
    """Start a Manager, flood it, and return how its Workers fared."""
    settings = {"manager_id": "", "manager_secret": "", **flood.settings}  # it is linked to no Server
    with (
        tempfile.TemporaryDirectory() as directory,
        running_manager(Home(directory=Path(directory), settings=settings), free_port()) as manager,
    ):
        port = manager.port
        workers = [_registered(port) for _ in range(flood.workers)]
        before = Served()
        _work(port, workers, before, Served(), min(5.0, flood.seconds / 3))
        kept, fresh = Served(), Served()
        ended, attempts = multiprocessing.Event(), multiprocessing.Value("q", 0)
        flooders = [
            multiprocessing.Process(target=_pour, args=(port, flood, number, ended, attempts), daemon=True)
            for number in range(_FLOODERS)
        ]
        for each in flooders:
            each.start()
        most = [0, 0.0]
        watching = threading.Thread(target=_watch, args=(manager.pid, ended, most))
        watching.start()
        try:
            _work(port, workers, kept, fresh, flood.seconds)
        finally:
            ended.set()
            watching.join()
            for each in flooders:
                each.join(10)
        return Result(
            before=before,
            kept=kept,
            fresh=fresh,
            attempts=attempts.value,
            descriptors=int(most[0]),
            resident_mb=round(most[1], 1),
        )


def _registered(port: int) -> dict[str, str]:
    secret = secrets.token_hex(32)
    body = json.dumps({"secret": secret, "platform": "linux", "supported_task_types": ["sleep"], "nickname": "w"})
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    status, answer = _ask(connection, "POST", "/register-worker", {}, body.encode())
    if status != 200:
        raise Broken(f"a Worker cannot register: {status} {answer!r}")
    connection.close()
    basic = b64encode(f"{json.loads(answer)['_id']}:{secret}".encode()).decode()
    return {"Authorization": f"Basic {basic}"}


def _ask(connection: HTTPConnection, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
    connection.request(method, path, body or None, headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


def _work(port: int, workers: Sequence[dict[str, str]], kept: Served, fresh: Served, seconds: float) -> None:
    """Have Workers ask for so long, one in four on a new connection for each request."""
    over = threading.Event()
    timer = threading.Timer(seconds, over.set)
    threads = [
        threading.Thread(
            target=_ask_on, args=(port, headers, fresh if number % 4 == 3 else kept, over, number % 4 == 3)
        )
        for number, headers in enumerate(workers)
    ]
    for thread in (timer, *threads):
        thread.start()
    for thread in threads:
        thread.join()


def _ask_on(port: int, headers: dict[str, str], served: Served, over: threading.Event, anew: bool) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    while not over.wait(PAUSE):
        began = time.monotonic()
        try:
            status, answer = _ask(connection, "GET", f"/may-i-run/{TASK}", headers, b"")
        except (OSError, HTTPException) as e:
            served.wrong.append(repr(e))
            connection.close()
        else:
            served.taken.append(time.monotonic() - began)
            if status != 200:
                served.wrong.append(f"{status} {answer!r}")
        if anew:
            connection.close()
    connection.close()


def _pour(port: int, flood: Flood, number: int, ended: Event, attempts: Any) -> None:
    """Open connections again and again, and hold the newest of them."""
    _allow_descriptors()
    share = flood.connections // _FLOODERS
    held: list[socket.socket] = []
    opened = 0
    while not ended.is_set():
        if opened >= share:
            # All are there: others take their places, without an end.
            ended.wait(_FLOODERS / flood.rate)
        try:
            source = f"127.0.{1 + number}.{1 + opened % flood.addresses}"
            one = socket.create_connection(("127.0.0.1", port), timeout=2, source_address=(source, 0))
            one.sendall(BEGINNINGS[opened % len(BEGINNINGS)])
            one.setblocking(False)
        except OSError:
            ended.wait(_AFTER_FAILURE)
            continue
        held.append(one)
        opened += 1
        with attempts.get_lock():
            attempts.value += 1
        if len(held) > share:
            held.pop(0).close()
    for one in held:
        one.close()


def _watch(pid: int, ended: Event, most: list[float]) -> None:
    page = resource.getpagesize() / 2**20
    while not ended.wait(0.5):
        with suppress(OSError):
            most[0] = max(most[0], len(list(Path(f"/proc/{pid}/fd").iterdir())))
            most[1] = max(most[1], int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * page)


def _allow_descriptors() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main() -> int:
    """Read the command line, flood, and tell."""
    parser = argparse.ArgumentParser(description=__doc__.strip().partition("\n")[0] if __doc__ else None)
    standard = Flood()
    parser.add_argument("--connections", type=int, default=standard.connections)
    parser.add_argument("--addresses", type=int, default=standard.addresses, help="of each of two processes")
    parser.add_argument("--rate", type=int, default=standard.rate, help="opened anew a second, when all are there")
    parser.add_argument("--seconds", type=float, default=standard.seconds)
    parser.add_argument("--workers", type=int, default=standard.workers)
    parser.add_argument("--set", action="append", default=[], metavar="KEY: VALUE", help="a line of the configuration")
    asked = parser.parse_args()
    flood = Flood(
        connections=asked.connections,
        addresses=asked.addresses,
        rate=asked.rate,
        seconds=asked.seconds,
        workers=asked.workers,
        settings=yaml.safe_load("\n".join(asked.set)) or {},
    )
    result = run(flood)
    sys.stdout.write(json.dumps(result.told(), indent=2) + "\n")
    for what in sorted({*result.kept.wrong, *result.fresh.wrong})[:10]:
        sys.stdout.write(f"not served: {what}\n")
    return 0 if result.all_served else 1


if __name__ == "__main__":
    sys.exit(main())
