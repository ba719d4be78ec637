"""What a command shows: tables for people, JSON for programs."""

import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final, TextIO

from attrs import field, frozen
from rich.cells import cell_len

from flamenco_mgr.cli.texts import printable

Record = Mapping[str, Any]
"""A JSON object."""

_AT_ONCE: Final = 500
"""Rows whose widths are found together; a longer table is written in such pieces."""

_GAP: Final = 2


@frozen(kw_only=True)
class Column:
    """
    A column of a table: its heading, and what it shows of a record.

    ``whole``: it is never shortened, as its texts are to be copied.
    """

    title: str
    value: Callable[[Record], str]
    whole: bool = False
    right: bool = False


@frozen(eq=False, kw_only=True)
class Output:
    """
    Writes what a command has found: tables that fit a terminal, plain ones elsewhere, or JSON.

    What `say` writes is for people and not part of the JSON; `warn` writes to standard error in any case.
    """

    stdout: TextIO
    stderr: TextIO
    as_json: bool = False
    width: int = field(factory=lambda: shutil.get_terminal_size().columns)

    @property
    def is_terminal(self) -> bool:
        """Whether somebody looks at it."""
        return self.stdout.isatty()

    def say(self, text: str) -> None:
        """Write a line for people."""
        if not self.as_json:
            self._line(printable(text))
            self.stdout.flush()

    def warn(self, text: str) -> None:
        """Write a line to standard error."""
        self.stderr.write(f"flamenco-manager: {printable(text)}\n")
        self.stderr.flush()

    def document(self, value: object) -> None:
        """Write one JSON value."""
        self._line(json.dumps(value, indent=2))

    def line(self, record: Record, text: str) -> None:
        """Write a record of which more will follow, who knows when: ``text`` for people, or JSON in one line."""
        self._line(json.dumps(record) if self.as_json else printable(text))
        self.stdout.flush()

    def facts(self, facts: Iterable[tuple[str, str]]) -> None:
        """Write names with what is to be said of each, one a line."""
        pairs = [(printable(name), printable(text)) for name, text in facts]
        width = max((cell_len(name) for name, _ in pairs), default=0)
        for name, text in pairs:
            self._line(f"{_padded(name, width)}  {text}".rstrip())

    def records(self, records: Iterable[Record], columns: Sequence[Column], *, none: str) -> int:
        """Write a list, as it comes; ``none`` is said to people if it is empty. Returns how many there were."""
        return self._array(records) if self.as_json else self._table(iter(records), columns, none)

    def _array(self, records: Iterable[Record]) -> int:
        count = 0
        for record in records:
            self.stdout.write(f"{',' if count else '['}\n  {json.dumps(record)}")
            count += 1
        self._line("\n]" if count else "[]")
        return count

    def _table(self, records: Iterable[Record], columns: Sequence[Column], none: str) -> int:
        rows = ([printable(column.value(record)) for column in columns] for record in records)
        widths = [cell_len(column.title) for column in columns]
        count = 0
        while piece := list(islice(rows, _AT_ONCE)):
            widths = [max(width, *(cell_len(row[n]) for row in piece)) for n, width in enumerate(widths)]
            self._piece(piece, columns, widths, with_titles=not count)
            count += len(piece)
        if not count:
            self._line(none)
        return count

    def _piece(
        self, rows: Sequence[Sequence[str]], columns: Sequence[Column], widths: Sequence[int], *, with_titles: bool
    ) -> None:
        if self.is_terminal and sum(widths) + _GAP * (len(widths) - 1) > self.width:
            self._fitted(rows, columns, with_titles=with_titles)
            return
        titles = [[column.title for column in columns]] if with_titles else []
        for row in (*titles, *rows):
            cells = zip(row, widths, columns, strict=True)
            line = (" " * _GAP).join(_padded(text, width, right=column.right) for text, width, column in cells)
            self._line(line.rstrip())

    def _fitted(self, rows: Sequence[Sequence[str]], columns: Sequence[Column], *, with_titles: bool) -> None:
        # They take a third of this program's start, and few commands need them.
        from rich.console import Console  # noqa: PLC0415
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        table = Table(box=None, show_header=with_titles, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="")
        for column in columns:
            table.add_column(
                Text(column.title),
                no_wrap=column.whole,
                overflow="fold",
                justify="right" if column.right else "left",
            )
        for row in rows:
            table.add_row(*map(Text, row))
        console = Console(file=self.stdout, width=self.width, color_system=None, highlight=False, markup=False)
        console.print(table)

    def _line(self, text: str) -> None:
        self.stdout.write(f"{text}\n")


def _padded(text: str, width: int, *, right: bool = False) -> str:
    space = " " * (width - cell_len(text))
    return space + text if right else text + space
