"""
What each kind of request costs the Manager in processor time on MongoDB, next to the embedded store.

Waiting is not in it, and hardly anything of other processes; SQLite's own work is, as it is done in the Manager.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from bench.farm import Stock
from bench.figures.mix import mixed
from bench.mix import Kind
from bench.mongodb import on_test_server, recorded
from bench.results import Row, middle
from bench.surroundings import Surroundings

if TYPE_CHECKING:
    from tests.mongo.server import StandIn

PER_COMMAND = 150e-6

_STOCK = Stock(family="1", count=1000)
_WORKERS = 100
_ROOM = 20
"""How many times as many tasks the embedded store has, which gives them out quicker; its costs are the same."""

_MEASURED: Mapping[str, str] = {
    Kind.MAY_I_RUN.value: "may-i-run",
    Kind.PROGRESS.value: "progress update",
    Kind.COMPLETION.value: "/task, completion: half of both",
    "": "the mix",
}


@frozen(kw_only=True)
class Cost:
    """Processor seconds for a request, and the commands that it took, all that the Manager does besides included."""

    seconds: float
    commands: float


def measure(around: Surroundings) -> Sequence[Row]:
    """Measure one kind after the other on both stores."""
    return on_test_server("MongoDB: processor time", lambda server: _measured(around, server))


def _measured(around: Surroundings, server: "StandIn") -> Sequence[Row]:
    return [_row(name, *_costs(around, server, only)) for only, name in _MEASURED.items()]


def _costs(around: Surroundings, server: "StandIn", only: str) -> tuple[float, Cost]:
    """Return the processor seconds of a kind of request on the embedded store, and its cost on MongoDB."""
    rounds, seconds = int(around.pick(2, 1)), around.pick(2, 1.5)
    plenty = evolve(_STOCK, count=_ROOM * _STOCK.count)
    embedded: list[float] = []
    there: list[Cost] = []
    with (
        around.server([plenty], *[[_STOCK]] * rounds) as flamenco,  # one for each, that has heard of no task before
        around.manager(around.home_with(plenty), flamenco.port, "costs-embedded") as manager,
    ):
        for number in range(rounds):
            embedded.append(mixed(around, manager, number, seconds, only).cost)
            database = f"costs_{only or 'mix'}_{number}"
            home = around.home_in(server.url(database), _STOCK, workers=_WORKERS)
            with (
                around.manager(home, flamenco.port + 1 + number, f"mongodb-{database}") as other,
                recorded(server, database) as commands,
            ):
                result = mixed(around, other, number, seconds, only)
            there.append(Cost(seconds=result.cost, commands=len(commands) / sum(result.round.statuses.values())))
    return middle(embedded), Cost(
        seconds=middle([one.seconds for one in there]), commands=middle([one.commands for one in there])
    )


def _row(name: str, embedded: float, there: Cost) -> Row:
    most = embedded + PER_COMMAND * there.commands
    more = (there.seconds - embedded) / there.commands
    return Row(
        figure=f"MongoDB: processor time, {name}",
        measured=f"{there.seconds * 1e6:.0f} µs with {there.commands:.2f} commands",
        target=f"≤ {most * 1e6:.0f} µs: the embedded store's + {PER_COMMAND * 1e6:.0f} µs per command",
        ratio=f"embedded {embedded * 1e6:.0f} µs, + {more * 1e6:.0f} µs per command",
        met=there.seconds <= most,
        numbers={"seconds": there.seconds, "commands": there.commands, "embedded": embedded},
    )
