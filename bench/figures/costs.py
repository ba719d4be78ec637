"""What each kind of request costs in processor time: it says where time goes, and hardly depends on other processes."""

from collections.abc import Sequence

from bench.figures.mix import Measured, mixed
from bench.mix import Kind
from bench.results import Row, middle
from bench.surroundings import Surroundings

_MEASURED = {
    Kind.MAY_I_RUN: "may-i-run",
    Kind.PROGRESS: "progress update",
    Kind.COMPLETION: "/task, completion: half of both",
}


def measure(around: Surroundings) -> Sequence[Row]:
    """Measure one kind after the other, Manager and bare app alternately."""
    stock = around.stock(100_000, 20_000)
    rounds, seconds = int(around.pick(2, 1)), around.pick(3, 2)
    with (
        around.server([around.hot(stock)]) as server,
        around.bare(server.port, around.hot(stock)) as bare,
        around.manager(around.home_with(stock), server.port, "costs") as manager,
    ):
        rows = []
        for kind, name in _MEASURED.items():
            ours: list[Measured] = []
            bares: list[Measured] = []
            for number in range(rounds):
                ours.append(mixed(around, manager, number, seconds, kind.value))
                bares.append(mixed(around, bare, number, seconds, kind.value))
            cost = middle([one.cost for one in ours])
            bare_cost = middle([one.cost for one in bares])
            rows.append(
                Row(
                    figure=f"processor time, {name}",
                    measured=f"{cost * 1e6:.0f} µs",
                    ratio=f"{cost / bare_cost:.2f}× of bare {bare_cost * 1e6:.0f} µs",
                    at={"kind": kind.value},
                    numbers={"seconds": cost, "bare": bare_cost},
                    rounds={"seconds": [one.cost for one in ours], "bare": [one.cost for one in bares]},
                )
            )
    return rows
