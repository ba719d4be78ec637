"""Requests per second on MongoDB, next to what the driver alone reaches with the same commands."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import bson
from attrs import frozen
from pymongo import MongoClient

from bench.farm import Stock
from bench.figures.mix import CONNECTIONS, WARM_UP, Measured, by_kind, mixed, together
from bench.mongodb import on_test_server, recorded
from bench.processes import processor_seconds, run
from bench.results import Row, latencies, middle
from bench.surroundings import Surroundings

if TYPE_CHECKING:
    from tests.mongo.server import StandIn

TARGET = 0.8

_STOCK = Stock(family="1", count=1000)
_WORKERS = 100
_AT_ONCE = 1000


@frozen(kw_only=True)
class Pair:
    """
    A round of the mix, and its commands sent again.

    ``served`` is the share of one processor that the server took for the round. ``replayed`` and ``replaying`` are the
    requests per second that the commands were for, and the processor seconds of the driver for each command.
    """

    mixed: Measured
    commands: int
    served: float
    replayed: float
    replaying: float

    @property
    def ratio(self) -> float:
        """The Manager's requests per second next to those of the driver."""
        return self.mixed.round.rate / self.replayed


def measure(around: Surroundings) -> Sequence[Row]:
    """Measure the Manager, and then the driver with the Manager's commands, several times."""
    return on_test_server(f"MongoDB: mix, {CONNECTIONS} connections", lambda server: _measured(around, server))


def _measured(around: Surroundings, server: "StandIn") -> Sequence[Row]:
    seconds = around.pick(6, 3)
    pairs = [_pair(around, server, number, seconds) for number in range(int(around.pick(3, 2)))]
    every = together([pair.mixed.round for pair in pairs])
    wrong = every.unexpected()
    ratio = middle([pair.ratio for pair in pairs])
    requests = sum(sum(pair.mixed.round.statuses.values()) for pair in pairs)
    return [
        Row(
            figure=f"MongoDB: mix, {CONNECTIONS} connections, {_STOCK.count:,} tasks",
            measured=f"{middle([pair.mixed.round.rate for pair in pairs]):,.0f} requests/s, {latencies(every.answers)}"
            + (f"; {wrong}" if wrong else ""),
            target=f"≥ {TARGET:.0%} of the same commands by the driver alone",
            ratio=f"{ratio:.0%} of {middle([pair.replayed for pair in pairs]):,.0f}/s",
            met=ratio >= TARGET and not wrong,
            numbers={"ratio": ratio},
            rounds={
                "requests/s": [pair.mixed.round.rate for pair in pairs],
                "driver": [pair.replayed for pair in pairs],
            },
            took={"all": latencies(every.answers)},
        ),
        *by_kind(every),
        Row(
            figure="  commands per request, all of the Manager's",
            measured=f"{sum(pair.commands for pair in pairs) / requests:.2f}",
        ),
        Row(
            figure="  processor time per request",
            measured=f"{middle([pair.mixed.cost for pair in pairs]) * 1e6:.0f} µs",
            ratio=f"the driver alone: {middle([pair.replaying for pair in pairs]) * 1e6:.0f} µs per command",
            rounds={
                "seconds": [pair.mixed.cost for pair in pairs],
                "driver, a command": [pair.replaying for pair in pairs],
            },
        ),
        Row(
            figure="  the test server's share of a processor",
            measured=f"{middle([pair.served for pair in pairs]):.0%}",
        ),
    ]  # fmt: skip


def _pair(around: Surroundings, server: "StandIn", number: int, seconds: float) -> Pair:
    database, copy = f"mix_{number}", f"mix_{number}_again"
    home = around.home_in(server.url(database), _STOCK, workers=_WORKERS)
    with (
        around.server([_STOCK]) as flamenco,
        around.manager(home, flamenco.port, f"mongodb-mix-{number}") as manager,
    ):
        _copy(server, database, copy)
        used = processor_seconds(server.pid)
        with recorded(server, database) as commands:
            result = mixed(around, manager, number, seconds)
        used = processor_seconds(server.pid) - used
    file = around.directory / f"{database}.bson"
    file.write_bytes(b"".join(map(bson.encode, commands)))
    server.log(copy)  # which costs the server as much as it did before
    again: Any = run("bench.replay", server.url(copy), str(file), str(CONNECTIONS), directory=around.directory)
    server.log(copy)
    return Pair(
        mixed=result,
        commands=len(commands),
        served=used / (seconds + WARM_UP),
        replayed=sum(result.round.statuses.values()) / again["seconds"],
        replaying=again["cpu"] / len(commands),
    )


def _copy(server: "StandIn", database: str, copy: str) -> None:
    client: MongoClient[dict[str, Any]] = MongoClient(server.url(database))
    with client:
        for name in client[database].list_collection_names():
            documents = list(client[database][name].find())
            for start in range(0, len(documents), _AT_ONCE):
                client[copy][name].insert_many(documents[start : start + _AT_ONCE])
