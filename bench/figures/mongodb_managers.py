"""Two Managers on one database, next to one alone."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from attrs import frozen

from bench.farm import Stock
from bench.figures.mix import CONNECTIONS, WARM_UP, together
from bench.load import Plan, Round
from bench.manager import Manager
from bench.mongodb import on_test_server
from bench.processes import processor_seconds
from bench.results import Row, latencies, middle
from bench.surroundings import Surroundings

if TYPE_CHECKING:
    from tests.mongo.server import StandIn

_STOCK = Stock(family="1", count=1000)
_WORKERS = 100
_NUMBERS = (1, 2)


@frozen(kw_only=True)
class Shared:
    """
    What all Managers of a database did in a round: answers per second, the answers.

    ``served`` and ``managed`` are the shares of one processor that the server took, and the Managers together.
    """

    rate: float
    round: Round
    served: float
    managed: float


def measure(around: Surroundings) -> Sequence[Row]:
    """Measure one and two, alternately, with as many Workers in all."""
    return on_test_server("MongoDB: two Managers on one database", lambda server: _measured(around, server))


def _measured(around: Surroundings, server: "StandIn") -> Sequence[Row]:
    found: dict[int, list[Shared]] = {number: [] for number in _NUMBERS}
    for turn in range(int(around.pick(2, 1))):
        for number in _NUMBERS:
            found[number].append(_shared(around, server, number, turn))
    alone = middle([one.rate for one in found[1]])
    return [_row(number, rounds, alone) for number, rounds in found.items()]


def _shared(around: Surroundings, server: "StandIn", number: int, turn: int) -> Shared:
    seconds = around.pick(6, 3)
    with around.server([_STOCK]) as flamenco, _running(around, server, flamenco.port, number, turn) as managers:
        plans = [
            Plan(
                port=manager.port,
                workers=CONNECTIONS // number,
                first_worker=place * (CONNECTIONS // number),
                seconds=seconds,
                warm_up=WARM_UP,
                seed=number * turn + place,
            )
            for place, manager in enumerate(managers)
        ]
        before = processor_seconds(server.pid), sum(manager.cpu() for manager in managers)
        with ThreadPoolExecutor(number) as at_once:
            rounds = list(at_once.map(around.load, plans))
        after = processor_seconds(server.pid), sum(manager.cpu() for manager in managers)
    served, managed = ((end - begin) / (seconds + WARM_UP) for begin, end in zip(before, after, strict=True))
    return Shared(rate=sum(one.rate for one in rounds), round=together(rounds), served=served, managed=managed)


@contextmanager
def _running(
    around: Surroundings, server: "StandIn", server_port: int, number: int, turn: int
) -> Iterator[Sequence[Manager]]:
    url = server.url(f"managers_{number}_{turn}")
    around.home_in(url, _STOCK, workers=_WORKERS)
    with ExitStack() as running:
        logs = str(around.directory / f"logs-{number}-{turn}")
        homes = [around.home_on(url, task_logs_path=logs) for _ in range(number)]
        yield [
            running.enter_context(around.manager(home, server_port, f"mongodb-managers-{place}"))
            for place, home in enumerate(homes)
        ]


def _row(number: int, rounds: Sequence[Shared], alone: float) -> Row:
    rate = middle([one.rate for one in rounds])
    every = together([one.round for one in rounds])
    wrong = every.unexpected()
    of_processors = ", ".join(
        f"{name} {middle(shares):.0%}"
        for name, shares in (
            ("server", [one.served for one in rounds]),
            ("Managers" if number > 1 else "Manager", [one.managed for one in rounds]),
        )
    )
    return Row(
        figure=f"MongoDB: mix, {number} Manager{'s' if number > 1 else ''} on one database, {CONNECTIONS} connections",
        measured=f"{rate:,.0f} requests/s in all, {latencies(every.answers)}" + (f"; {wrong}" if wrong else ""),
        ratio=f"{rate / alone:.0%} of one alone; of a processor: {of_processors}",
        numbers={"managers": number, "requests/s": rate},
        rounds={"requests/s": [one.rate for one in rounds]},
        took={"all": latencies(every.answers)},
    )
