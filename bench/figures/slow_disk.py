"""The mix on a disk whose fsync takes 8 ms."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bench.figures.mix import CONNECTIONS, mixed, together
from bench.processes import Broken
from bench.results import Row, latencies, middle
from bench.surroundings import Surroundings

LEAST = 1000.0

_SOURCE = Path(__file__).resolve().parent.parent / "slow_fsync.c"


def measure(around: Surroundings) -> Sequence[Row]:
    """Measure with a small library before the C library's, where there is a compiler for it."""
    figure = f"mix, fsync takes 8 ms, {CONNECTIONS} connections"
    compiler = shutil.which("cc")
    if compiler is None:
        return [Row(figure=figure, measured="not measured: there is no cc")]
    library = around.directory / "slow_fsync.so"
    subprocess.run(
        [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(_SOURCE), "-ldl"], check=True, timeout=60
    )
    stock = around.stock(100_000, 20_000)
    with (
        around.server([around.hot(stock)]) as server,
        around.manager(
            around.home_with(stock), server.port, "slow-disk", environment={"LD_PRELOAD": str(library)}
        ) as manager,
    ):
        if library.name not in Path(f"/proc/{manager.pid}/maps").read_text():
            raise Broken("the library that makes the disk slow was not loaded")
        rounds = [mixed(around, manager, number, around.pick(10, 4)).round for number in range(int(around.pick(3, 1)))]
    rate = middle([one.rate for one in rounds])
    every = together(rounds)
    wrong = every.unexpected()
    return [
        Row(
            figure=figure,
            measured=f"{rate:,.0f} requests/s, {latencies(every.answers)}" + (f"; {wrong}" if wrong else ""),
            target=f"≥ {LEAST:,.0f} requests/s",
            met=rate >= LEAST and not wrong,
        )
    ]
