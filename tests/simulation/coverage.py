"""Which faults met which operations, as a table."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

_COLUMNS: Final = (
    ("task", r"POST /task$"),
    ("update", r"/tasks/ID/update$"),
    ("return", r"/tasks/ID/return$"),
    ("may-i-run", r"/may-i-run/"),
    ("sign-on", r"/(sign-on|register-worker)$"),
    ("sign-off", r"/sign-off$"),
    ("status", r"/(ack-status-change|status-change)"),
    ("output", r"/output-produced$"),
    ("operator", r"/worker-action/"),
    ("download", r"depsgraph$"),
    ("push", r"(task-update-batch|server push)$"),
    ("recheck", r"(/api/flamenco/tasks/ID|server task)$"),
    ("notify", r"(/managers/ID/(startup|update)|server (startup|update))$"),
    ("log", r"(attach-task-log/ID|server log)$"),
    ("connect", r"^connecting$"),
    ("nothing", r"^nothing$"),
    ("at work", r"^at work$"),
)


def table(hits: Mapping[tuple[str, str], int]) -> Iterator[str]:
    """Yield the lines of a table: a row for each kind of fault, a column for each operation that one met."""
    rows: dict[str, Counter[str]] = {}
    for (kind, operations), count in hits.items():
        for operation in operations.split(", "):
            rows.setdefault(kind, Counter())[_column(operation)] += count
    columns = [name for name, _ in (*_COLUMNS, ("other", "")) if any(row[name] for row in rows.values())]
    yield f"{'':26}" + "".join(f"{name:>10}" for name in columns)
    for kind in sorted(rows):
        yield f"{kind:26}" + "".join(f"{rows[kind][name] or '':>10}" for name in columns)


def _column(operation: str) -> str:
    return next((name for name, pattern in _COLUMNS if re.search(pattern, operation)), "other")
