"""Requests per second, and what Workers wait, by the number of connections that ask at once, next to a bare app."""

from collections.abc import Sequence

from bench.figures.mix import together
from bench.load import Plan, Round
from bench.processes import Child
from bench.results import Row, latencies, middle
from bench.surroundings import Surroundings

_NUMBERS = (1, 8, 32, 128, 512)
_SEED = 50_000
_LOGINS_PER_SECOND = 80
"""Workers that are let in at first: each one's secret is hashed slowly, once."""


def measure(around: Surroundings) -> Sequence[Row]:
    """Measure Manager and bare app alternately, with more and more connections."""
    stock = around.stock(100_000, 20_000)
    rounds, seconds = int(around.pick(2, 1)), around.pick(4, 2)
    numbers = _NUMBERS if not around.quick else _NUMBERS[:-1]
    ours: dict[int, list[Round]] = {number: [] for number in numbers}
    bares: dict[int, list[Round]] = {number: [] for number in numbers}
    with (
        around.server([around.hot(stock)]) as server,
        around.bare(server.port, around.hot(stock)) as bare,
        around.manager(around.home_with(stock), server.port, "connections") as manager,
    ):
        log_in(around, manager, max(numbers))
        for turn in range(rounds):
            for number in numbers:
                for child, found in ((manager, ours), (bare, bares)):
                    plan = Plan(port=child.port, workers=number, seconds=seconds, warm_up=1.5, seed=100 * turn + number)
                    found[number].append(around.load(plan))
    return [row for number in numbers for row in _rows(number, ours[number], bares[number])]


def log_in(around: Surroundings, manager: Child, workers: int) -> None:
    """Let Workers prove who they are, slowly enough that none is sent away."""
    arrival = workers / _LOGINS_PER_SECOND
    around.load(
        Plan(
            port=manager.port,
            workers=workers,
            seconds=0.5,
            warm_up=arrival + 2,
            pace=2,
            arrival=arrival,
            seed=_SEED + workers,
        )
    )


def _rows(number: int, ours: Sequence[Round], bares: Sequence[Round]) -> list[Row]:
    ratio = middle([one.rate / other.rate for one, other in zip(ours, bares, strict=True)])
    return [
        _row(number, "Manager", ours, f"{ratio:.0%} of the bare app", {"ratio": ratio}),
        _row(number, "bare app", bares, "", {}),
    ]


def _row(number: int, who: str, rounds: Sequence[Round], ratio: str, numbers: dict[str, float]) -> Row:
    rates, every = [one.rate for one in rounds], together(rounds)
    wrong = every.unexpected()
    return Row(
        figure=f"{number:,} connection{'s' if number > 1 else ''}, {who}",
        measured=f"{middle(rates):,.0f} requests/s, {latencies(every.answers)}" + (f"; {wrong}" if wrong else ""),
        ratio=ratio,
        at={"who": who},
        numbers={"connections": number, "requests/s": middle(rates), **numbers},
        rounds={"requests/s": rates},
        took={"all": latencies(every.answers), **{kind: latencies(took) for kind, took in every.took.items()}},
    )
