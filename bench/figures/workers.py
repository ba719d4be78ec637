"""
How many Workers one process serves: each on a connection of its own, with a request every two seconds.

The memory that each of them takes comes of the same rounds.
"""

from collections.abc import Mapping, Sequence

from attrs import frozen

from bench.figures.connections import log_in
from bench.figures.mix import together
from bench.load import Plan, Round
from bench.processes import Child
from bench.results import Row, in_mebibytes, in_time, latencies, middle, slope
from bench.surroundings import Surroundings

PACE = 2.0
LATEST: Mapping[int, float] = {1000: 0.010, 4000: 0.050}
"""Seconds in which 99 of 100 answers are there, by the number of Workers."""

_NUMBERS = (250, 1000, 4000)
_ARRIVALS_PER_SECOND = 400


@frozen(kw_only=True)
class Paced:
    """A round: the share of a processor that served it, and the bytes of memory that were resident at its end."""

    round: Round
    processor: float
    memory: int


def measure(around: Surroundings) -> Sequence[Row]:
    """Measure Manager and bare app alternately, with more and more Workers."""
    stock = around.stock(100_000, 20_000)
    numbers = _NUMBERS if not around.quick else _NUMBERS[:-1]
    rounds, seconds = int(around.pick(1, 1)), around.pick(20, 5)
    found: dict[tuple[int, str], list[Paced]] = {}
    with (
        around.server([around.hot(stock)]) as server,
        around.bare(server.port, around.hot(stock)) as bare,
        around.manager(around.home_with(stock, workers=max(numbers)), server.port, "workers") as manager,
    ):
        alone = manager.resident()
        for turn in range(rounds):
            for number in numbers:
                if turn == 0:
                    log_in(around, manager, number)
                for child, who in ((manager, "Manager"), (bare, "bare app")):
                    found.setdefault((number, who), []).append(_round(around, child, number, turn, seconds))
    rows = [_row(number, who, rounds) for (number, who), rounds in found.items()]
    return [*rows, _per_worker(alone, {number: found[number, "Manager"][0].memory for number in numbers})]


def _round(around: Surroundings, child: Child, number: int, turn: int, seconds: float) -> Paced:
    arrival = number / _ARRIVALS_PER_SECOND
    plan = Plan(
        port=child.port,
        workers=number,
        seconds=seconds,
        warm_up=arrival + PACE,
        arrival=arrival,
        pace=PACE,
        seed=1000 + 10 * turn + _NUMBERS.index(number),
    )
    before = child.cpu()
    result = around.load(plan)
    return Paced(
        round=result, processor=(child.cpu() - before) / (plan.warm_up + seconds), memory=child.most_resident()
    )


def _row(number: int, who: str, rounds: Sequence[Paced]) -> Row:
    every = together([one.round for one in rounds])
    took, wrong = latencies(every.answers), every.unexpected()
    latest = LATEST.get(number) if who == "Manager" else None
    processor, memory = middle([one.processor for one in rounds]), rounds[-1].memory
    return Row(
        figure=f"{number:,} Workers, {who}",
        measured=f"{took}, {every.rate:,.0f} requests/s" + (f"; {wrong}" if wrong else ""),
        target="" if latest is None else f"p99 ≤ {in_time(latest)}",
        ratio=f"{processor:.0%} of a core, {in_mebibytes(memory)}",
        met=None if latest is None else took.p99 <= latest and not wrong,
        at={"who": who},
        numbers={"workers": number, "requests/s": every.rate, "processor": processor, "memory": memory},
        took={"all": took, **{kind: latencies(times) for kind, times in every.took.items()}},
    )


def _per_worker(alone: int, memory: Mapping[int, int]) -> Row:
    """Return what a Worker weighs in the Manager: the slope over the numbers of Workers, none among them."""
    each = slope([0, *memory], [alone, *memory.values()])
    return Row(
        figure="memory per Worker that is connected",
        measured=f"{each / 1024:.1f} KiB",
        ratio=f"without any: {in_mebibytes(alone)}",
        numbers={"bytes": each, "without": alone},
    )
