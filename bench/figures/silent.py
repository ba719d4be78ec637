"""What Workers feel of a silent Server: its process is stopped, and the kernel goes on taking connections to it."""

import signal
import time
from collections.abc import Sequence

from bench.figures.mix import Measured, mixed, together
from bench.load import Round
from bench.mix import Kind
from bench.results import Latencies, Row, in_time, latencies
from bench.surroundings import Surroundings

RATIO = 1.2
LATEST = 2.0

_BREAKER = 35.0


def measure(around: Surroundings) -> Sequence[Row]:
    """Measure the mix with the Server, without it, and with it again when it has come back and was found."""
    stock = around.stock(100_000, 20_000)
    seconds = around.pick(15, 5)
    with (
        around.server([around.hot(stock)]) as server,
        around.manager(around.home_with(stock), server.port, "silent") as manager,
    ):
        before = mixed(around, manager, 1, seconds)
        server.send(signal.SIGSTOP)
        try:
            silent = mixed(around, manager, 2, around.pick(1.2 * _BREAKER, 10))
        finally:
            server.send(signal.SIGCONT)
        heard = [before]
        if not around.quick:
            time.sleep(_BREAKER)
            heard.append(mixed(around, manager, 3, seconds))
    usual = together([one.round for one in heard])
    return _rows(usual, silent, latencies(usual.took[Kind.TASK.value]))


def _rows(usual: Round, silent: Measured, claims: Latencies) -> Sequence[Row]:
    silenced = latencies(silent.round.took[Kind.TASK.value])
    answers = latencies(silent.round.answers)
    ratio = silenced.p99 / claims.p99
    wrong = silent.round.unexpected() or usual.unexpected()
    return [
        Row(
            figure="Server silent: claims",
            measured=f"{silenced}" + (f"; {wrong}" if wrong else ""),
            target=f"p99 ≤ {RATIO}× that with the Server",
            ratio=f"{ratio:.2f}× of p99 {in_time(claims.p99)}",
            met=ratio <= RATIO and not wrong,
            took={"silent": silenced, "usual": claims},
        ),
        Row(
            figure="Server silent: all answers",
            measured=f"{answers}, {silent.round.rate:,.0f}/s",
            target=f"none later than {in_time(LATEST)}",
            ratio=f"{silent.round.rate / usual.rate:.0%} of the requests/s",
            met=answers.worst <= LATEST,
            numbers={"requests/s": silent.round.rate, "usual": usual.rate},
            took={"silent": answers},
        ),
    ]
