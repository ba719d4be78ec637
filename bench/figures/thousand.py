"""A farm of a thousand Workers at their usual pace, from the moment when all of them find the Manager again."""

import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from bench.load import Plan, Round
from bench.processes import Child
from bench.results import Row, in_mebibytes, in_time, latencies
from bench.surroundings import WORKERS, Surroundings
from flamenco_mgr.domain.log_files import log_path

LATEST = 1.0
MEMORY = 150 * 2**20

_PACE = 2.0
_ARRIVAL = 10.0
_UNTIL_HEARD = 60.0


def measure(around: Surroundings) -> Sequence[Row]:
    """Let all Workers arrive within ten seconds and work; then look for everything that was acknowledged."""
    stock = around.stock(100_000, 20_000)
    workers = int(around.pick(WORKERS, 300))
    home = around.home_with(stock)
    with around.server([stock]) as server, around.manager(home, server.port, "thousand") as manager:
        used = manager.cpu()
        result = around.load(
            Plan(
                port=manager.port,
                workers=workers,
                seconds=around.pick(60, 15),
                warm_up=0,
                pace=around.pick(_PACE, 0.5),
                arrival=_ARRIVAL,
            )
        )
        used = manager.cpu() - used
        now, most = manager.resident(), manager.most_resident()
        unheard = _unheard(server, set(result.completed))
    unwritten = _unwritten(home.directory, stock.job_of, result.tokens)
    return [
        *_rows(result, workers, used, len(unheard), len(unwritten)),
        Row(
            figure=f"memory, {workers:,} Workers, {stock.count:,} tasks",
            measured=f"{in_mebibytes(now)}, at most {in_mebibytes(most)}",
            target=f"≤ {in_mebibytes(MEMORY)}",
            met=most <= MEMORY,
            numbers={"bytes": now, "most": most},
        ),
    ]


def _rows(result: Round, workers: int, used: float, unheard: int, unwritten: int) -> list[Row]:
    answers = latencies(result.answers)
    wrong = result.unexpected()
    return [
        Row(
            figure=f"{workers:,} Workers, {result.seconds:.0f} s",
            measured=f"{answers}, {result.rate:,.0f} requests/s" + (f"; {wrong}" if wrong else ""),
            target=f"no answer later than {in_time(LATEST)}",
            ratio=f"{used / result.seconds:.0%} of a core",
            met=answers.worst <= LATEST and not wrong,
            numbers={"workers": workers, "requests/s": result.rate, "processor": used / result.seconds},
            took={"all": answers},
        ),
        Row(
            figure="  updates lost",
            measured=f"{unheard} of {len(result.completed):,} completions, {unwritten} of {len(result.tokens):,} logs",
            target="none",
            met=not unheard and not unwritten,
            numbers={
                "completions": len(result.completed),
                "completions lost": unheard,
                "logs": len(result.tokens),
                "logs lost": unwritten,
            },
        ),
    ]


def _unheard(server: Child, completed: Collection[str]) -> set[str]:
    end = time.monotonic() + _UNTIL_HEARD
    while True:
        missing = set(completed) - set(server.ask("completed"))
        if not missing or time.monotonic() > end:
            return missing
        time.sleep(1)


def _unwritten(directory: Path, job_of: Callable[[str], str], tokens: Sequence[tuple[str, str]]) -> list[str]:
    logs: dict[str, str] = {}
    missing = []
    for task, token in tokens:
        if task not in logs:
            logs[task] = (directory / "task-logs" / log_path(job_of(task), task)).read_text()
        if token not in logs[task]:
            missing.append(token)
    return missing
