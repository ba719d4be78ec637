"""Requests per second of many Workers at once, next to a bare Klein app."""

from collections.abc import Sequence

from attrs import evolve, frozen

from bench.load import Plan, Round
from bench.processes import Child
from bench.results import Row, latencies, middle
from bench.surroundings import Surroundings

CONNECTIONS = 32
WARM_UP = 1.5

AIM = 0.65
TARGET = 0.5


@frozen(kw_only=True)
class Measured:
    """A round, and the processor seconds that the process which served it took for one answer."""

    round: Round
    cost: float


def mixed(around: Surroundings, child: Child, number: int, seconds: float, only: str = "") -> Measured:
    """Let Workers ask as fast as they are answered, for one round, the mix or one kind of request only."""
    plan = Plan(port=child.port, workers=CONNECTIONS, seconds=seconds, warm_up=WARM_UP, seed=number, only=only)
    before = child.cpu()
    result = around.load(plan)
    return Measured(round=result, cost=(child.cpu() - before) / sum(result.statuses.values()))


def measure(around: Surroundings) -> Sequence[Row]:
    """Measure Manager and bare app alternately."""
    stock = around.stock(100_000, 20_000)
    ours: list[Measured] = []
    bares: list[Measured] = []
    with (
        around.server([around.hot(stock)]) as server,
        around.bare(server.port, around.hot(stock)) as bare,
        around.manager(around.home_with(stock), server.port, "mix") as manager,
    ):
        for number in range(int(around.pick(5, 2))):
            seconds = around.pick(8, 4)
            ours.append(mixed(around, manager, number, seconds))
            bares.append(mixed(around, bare, number, seconds))
    rate = middle([one.round.rate for one in ours])
    ratio = middle([one.round.rate / other.round.rate for one, other in zip(ours, bares, strict=True)])
    bare_rate = middle([one.round.rate for one in bares])
    every = together([one.round for one in ours])
    wrong = every.unexpected()
    return [
        Row(
            figure=f"mix, {CONNECTIONS} connections, {stock.count:,} tasks",
            measured=f"{rate:,.0f} requests/s, {latencies(every.answers)}" + (f"; {wrong}" if wrong else ""),
            target=f"≥ {TARGET:.0%} of a bare app; aim {AIM:.0%}",
            ratio=f"{ratio:.0%} of {bare_rate:,.0f}/s",
            met=ratio >= TARGET and not wrong,
            numbers={"requests/s": rate, "bare": bare_rate, "ratio": ratio},
            rounds={"requests/s": [one.round.rate for one in ours], "bare": [one.round.rate for one in bares]},
            took={"all": latencies(every.answers)},
        ),
        *by_kind(every),
        Row(
            figure="  processor time per request",
            measured=f"{middle([one.cost for one in ours]) * 1e6:.0f} µs",
            ratio=f"bare {middle([one.cost for one in bares]) * 1e6:.0f} µs",
            rounds={"seconds": [one.cost for one in ours], "bare": [one.cost for one in bares]},
        ),
        Row(figure="  the load generator's", measured=f"{every.cpu / len(every.answers) * 1e6:.0f} µs"),
    ]  # fmt: skip


def by_kind(every: Round) -> list[Row]:
    """Return how long the answers to each kind of request took."""
    return [
        Row(figure=f"  of it {kind}", measured=str(latencies(took)), took={kind: latencies(took)})
        for kind, took in every.took.items()
    ]


def together(rounds: Sequence[Round]) -> Round:
    """Return several rounds as one."""
    result = Round()
    for one in rounds:
        result = evolve(
            result,
            seconds=result.seconds + one.seconds,
            cpu=result.cpu + one.cpu,
            answered=result.answered + one.answered,
            dropped=result.dropped + one.dropped,
            took={kind: took + one.took[kind] for kind, took in result.took.items()},
            statuses={
                status: result.statuses.get(status, 0) + one.statuses.get(status, 0)
                for status in result.statuses | one.statuses
            },
        )
    return result
