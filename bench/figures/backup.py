"""A backup of a large store while Workers work."""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench.manager import Home
from bench.processes import Broken
from bench.results import Row, in_mebibytes, in_time, middle
from bench.steady import Window, steady
from bench.surroundings import Surroundings

LEAST = 50e6
"""Bytes a second."""

LATEST = 0.1

_NAME = "backup.db"


def measure(around: Surroundings) -> Sequence[Row]:
    """Make backups with the command line, as an operator would."""
    stock = around.stock(1_000_000, 20_000)
    home = around.home_with(stock)
    with (
        around.server([around.hot(stock)]) as server,
        around.manager(home, server.port, "backup") as manager,
        steady(manager.port, around.directory) as workers,
    ):
        without = workers.alone(around.pick(20, 5))
        windows, sizes = [], []
        for _ in range(int(around.pick(3, 1))):
            began = time.perf_counter()
            sizes.append(_backed_up(home))
            windows.append(Window.since(began))
    rates = [size / window.seconds for size, window in zip(sizes, windows, strict=True)]
    took = middle([window.seconds for window in windows])
    return [
        Row(
            figure=f"backup, {stock.count:,} tasks, {in_mebibytes(sizes[0])}",
            measured=f"{middle(rates) / 1e6:.0f} MB/s: {in_time(took)} with its verification",
            target=f"≥ {LEAST / 1e6:.0f} MB/s",
            met=middle(rates) >= LEAST,
            numbers={"tasks": stock.count, "bytes": sizes[0], "bytes/s": middle(rates), "seconds": took},
            rounds={"bytes/s": rates},
        ),
        workers.row("backup", Window(begin=windows[0].begin, end=windows[-1].end), without, worst=LATEST),
    ]


def _backed_up(home: Home) -> int:
    """Make a backup beside a store, look how large it is, and remove it."""
    path = home.directory / _NAME
    command = [str(Path(sys.executable).with_name("flamenco-manager")), "backup", _NAME]
    done = subprocess.run(command, cwd=home.directory, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Broken(f"no backup: {done.stdout}{done.stderr}")
    size = path.stat().st_size
    path.unlink()
    return size
