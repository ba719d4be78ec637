"""How long twistd takes until Workers are served, and what an idle Manager weighs."""

from collections.abc import Callable, Sequence

from bench.manager import Home, running_manager
from bench.processes import Child
from bench.results import Row, in_mebibytes, in_time, middle
from bench.surroundings import Surroundings

COLD = 1.5
FILLED = 3.0
IDLE = 90 * 2**20


def measure(around: Surroundings) -> Sequence[Row]:
    """Start with nothing and with many tasks, alternately."""
    stock = around.stock(100_000, 20_000)
    with around.server([]) as server:
        cold: list[tuple[float, float]] = []
        filled: list[tuple[float, float]] = []
        idle: list[float] = []
        for _ in range(int(around.pick(5, 2))):
            cold.append(_started(around.empty_home, server, idle))
            filled.append(_started(lambda: around.home_with(stock), server))
    return [
        _row("start, no store yet", cold, COLD),
        _row(f"start, {stock.count:,} tasks", filled, FILLED),
        Row(
            figure="memory, idle",
            measured=in_mebibytes(middle(idle)),
            target=f"≤ {in_mebibytes(IDLE)}",
            met=middle(idle) <= IDLE,
            rounds={"bytes": idle},
        ),
    ]


def _started(home: Callable[[], Home], server: Child, memory: list[float] | None = None) -> tuple[float, float]:
    with running_manager(home(), server.port) as manager:
        if memory is not None:
            manager.settle()
            memory.append(manager.resident())
        return manager.listening, manager.serving


def _row(figure: str, times: Sequence[tuple[float, float]], target: float) -> Row:
    listening = middle([listening for listening, _ in times])
    serving = middle([serving for _, serving in times])
    return Row(
        figure=figure,
        measured=f"listens after {in_time(listening)}, serves after {in_time(serving)}",
        target=f"≤ {in_time(target)}",
        met=serving <= target,
        rounds={"listening": [one for one, _ in times], "serving": [one for _, one in times]},
    )
