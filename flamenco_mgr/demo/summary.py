"""What is printed at the end of the demonstration."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import ceil
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from flamenco_mgr.demo.farm import DemoFarm
from flamenco_mgr.demo.farm_books import FarmBooks
from flamenco_mgr.demo.narrator import Event
from flamenco_mgr.demo.worker.journal import Endpoint, Journal

_SHOWN: Final = 20
"""Disagreements of a kind that are printed; the others are counted."""


def percentile(values: Sequence[float], share: float) -> float:
    """Return the least of ``values`` (sorted, at least one) that is not below ``share`` of them."""
    return values[max(0, ceil(share * len(values)) - 1)]


def print_summary(
    console: Console,
    farm: DemoFarm,
    events: Sequence[Event],
    books: FarmBooks,
    found: Mapping[str, Sequence[str]],
) -> None:
    """Print the tables, and then what the comparison of the books has shown."""
    for table in (
        _story(events),
        _tasks(books),
        *([_failures(books)] if books.failed_by else []),
        _worker_requests(books.journals.values()),
        _server_requests(farm),
    ):
        console.print()
        console.print(table)
    console.print()
    console.print("\n".join((_figures(farm), *_mishaps(books))), soft_wrap=True)
    console.print()
    for proof, lines in found.items():
        console.print(Text.assemble(("  ✗ ", "bold red") if lines else ("  ✓ ", "bold green"), proof))
        for line in lines[:_SHOWN]:
            console.print(Text(f"      {line}"), soft_wrap=True)
        if len(lines) > _SHOWN:
            console.print(f"      … and {len(lines) - _SHOWN} more")


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="dim")
    table.add_column(columns[0])
    for column in columns[1:]:
        table.add_column(column, justify="right")
    return table


def _story(events: Iterable[Event]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.title, table.title_justify, table.title_style = "What happened", "left", "bold"
    for event in events:
        table.add_row(Text(f"{event.at:.1f} s", justify="right", style="dim"), event.what)
    return table


def _tasks(books: FarmBooks) -> Table:
    server, store = Counter(books.server.values()), Counter(books.manager.values())
    table = _table("Tasks", "status", "Server", "Store")
    for status in sorted(server.keys() | store.keys()):
        table.add_row(status, str(server[status]), str(store[status]))
    return table


def _failures(books: FarmBooks) -> Table:
    table = Table.grid(padding=(0, 2))
    table.title, table.title_justify, table.title_style = "Tasks that failed on Workers", "left", "bold"
    for task_id, workers in books.failed_by.items():
        table.add_row(books.names[task_id], books.server[task_id], Text(", ".join(workers), style="dim"))
    return table


def _worker_requests(journals: Iterable[Journal]) -> Table:
    latencies: defaultdict[Endpoint, list[float]] = defaultdict(list)
    unanswered: Counter[Endpoint] = Counter()
    for journal in journals:
        for endpoint, seconds in journal.latencies.items():
            latencies[endpoint] += seconds
        unanswered.update(journal.unanswered)
    table = _table("Workers' requests", "endpoint", "answered", "not", "p50 ms", "p95 ms", "max ms")
    for endpoint in Endpoint:
        values = sorted(latencies[endpoint])
        if values:
            shown = [
                f"{1000 * seconds:.1f}" for seconds in (percentile(values, 0.5), percentile(values, 0.95), values[-1])
            ]
            table.add_row(endpoint.value, str(len(values)), str(unanswered[endpoint]), *shown)
    return table


def _server_requests(farm: DemoFarm) -> Table:
    record = farm.server.record
    table = _table("Requests to the Server", "endpoint", "requests", "answers")
    for endpoint, count in sorted(record.requests.items()):
        answers = sorted((int(status), n) for (where, status), n in record.answers.items() if where == endpoint)
        table.add_row(endpoint.value, str(count), "  ".join(f"{n} × {status}" for status, n in answers))
    return table


def _figures(farm: DemoFarm) -> str:
    sizes = [path.stat().st_size for path in farm.task_logs.rglob("task-*.txt*") if ".gz" not in path.suffixes]
    record = farm.server.record
    updates = sum(len(received) for received in record.received.values())
    asked = sum(len(record.rounds(task.id)) for task in farm.server.books.tasks())
    again = f", {len(record.duplicates)} of them more than once" if record.duplicates else ""
    return (
        f"Tasks were asked for {asked} times, requeues counted. {updates} updates reached the Server in "
        f"{len(record.pushes)} batches{again}.\n{len(sizes)} log files were written, {sum(sizes) / 1024:.0f} KiB. "
        f"{_managers(farm)}"
    )


def _mishaps(books: FarmBooks) -> Iterator[str]:
    for worker, (_, task_type) in sorted(books.banned):
        yield f"{worker} was put on the blacklist, for tasks of type {task_type}."
    for night in books.nights:
        yield f"{night.worker} had {night.ends - night.begins:.1f} s of its night."
    for log in books.sent_logs:
        yield f"The Server asked for the log of {books.names[log.task_id]}, and got its {len(log.got)} bytes."


def _managers(farm: DemoFarm) -> str:
    starts = ", ".join(f"{manager.name} was started {_times(manager.starts)}" for manager in farm.managers)
    moves = f" Workers changed the Manager {_times(farm.crew.moves)}." if len(farm.managers) > 1 else ""
    return f"The tasks were kept in {farm.database.name}. {starts}.{moves}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
