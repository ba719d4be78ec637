"""Mistakes in a configuration, all of them reported at once."""

import difflib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeAlias

from attrs import define, field, frozen

Value: TypeAlias = "str | list[Value] | dict[str, Value] | None"
"""What a configuration file consists of: texts, lists, mappings, and nothing."""

_LONGEST_SHOWN = 60

_USER = re.compile(r"://.*@", re.DOTALL)


@frozen(kw_only=True)
class Problem:
    """
    A mistake: where it is, what is there, what is wrong with it, and what might be meant.

    ``path`` is the key with the sections it is in, such as ``shaman.garbageCollect.period``, or a line of the file.
    ``value`` is fit to be shown: short, and without secrets.
    """

    path: str
    reason: str
    value: str = ""
    suggestion: str = ""

    def __str__(self) -> str:
        """Return the mistake as one line."""
        what = f"{self.path} = {self.value}" if self.value else self.path
        return f"{what}: {self.reason}" + (f"; {self.suggestion}" if self.suggestion else "")


class ConfigErrors(Exception):
    """A configuration cannot be used; its text names every mistake, one a line."""

    def __init__(self, problems: Iterable[Problem], source: str) -> None:
        """Store the mistakes, and where the configuration is from."""
        super().__init__(source)
        self.problems = tuple(problems)
        self.source = source

    def __str__(self) -> str:
        """Return a message for people."""
        count = len(self.problems)
        mistakes = "1 mistake" if count == 1 else f"{count} mistakes"
        return "\n".join([f"{self.source} has {mistakes}:", *(f"  {problem}" for problem in self.problems)])


class NoConfigFile(Exception):
    """There is no configuration file where one is looked for."""

    def __init__(self, tried: Sequence[Path]) -> None:
        """Store the files that are not there."""
        super().__init__(tried)
        self.tried = tuple(tried)

    def __str__(self) -> str:
        """Return a message for people, in one line."""
        return f"There is no configuration file: neither {' nor '.join(map(str, self.tried))}."


class Unfit(Exception):
    """A value that cannot be what its key wants; whoever knows the key makes a `Problem` of it."""

    def __init__(self, reason: str, suggestion: str = "") -> None:
        """Store what is wrong with the value, and what might be meant."""
        super().__init__(reason)
        self.reason = reason
        self.suggestion = suggestion


@define(eq=False)
class Notes:
    """What is found while a configuration is read."""

    problems: list[Problem] = field(factory=list)
    warnings: list[str] = field(factory=list)


@frozen(eq=False)
class Place:
    """A place in a configuration, and where notes about it go."""

    notes: Notes
    path: str = ""

    def key(self, name: str) -> "Place":
        """Return the place of a key in this mapping."""
        name = readable(name)
        return Place(self.notes, f"{self.path}.{name}" if self.path else name)

    def item(self, index: int) -> "Place":
        """Return the place of an item, counted from 0, of this list."""
        return Place(self.notes, f"{self.path}[{index}]")

    def problem(self, reason: str, *, value: str = "", suggestion: str = "") -> None:
        """Note a mistake."""
        self.notes.problems.append(Problem(path=self.path, value=value, reason=reason, suggestion=suggestion))

    def warn(self, text: str) -> None:
        """Note something that works but may not be meant."""
        self.notes.warnings.append(f"{self.path}: {text}" if self.path else text)


def shown(value: Value) -> str:
    """Return a value as a message shows it."""
    if value is None:
        return "(empty)"
    if isinstance(value, str):
        return repr(_shortened(without_user(value)))
    return "(a list)" if isinstance(value, list) else "(a mapping)"


def without_user(url: str) -> str:
    """Return a URL without the user and password that it may have."""
    return _USER.sub("://***@", url)


def readable(name: str) -> str:
    """Return a name as a message shows it: in one line, and not too long."""
    return _shortened(name) if name and name.isprintable() else repr(_shortened(name))


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a question that names the nearest of the known names; empty if none is near."""
    by_folded = {one.casefold(): one for one in known}
    close = difflib.get_close_matches(_shortened(name).casefold(), by_folded, n=1)
    return f"did you mean {by_folded[close[0]]!r}?" if close else ""


def one_of(known: Sequence[str]) -> str:
    """Return the known names as a message lists them."""
    return f"{', '.join(known[:-1])} or {known[-1]}"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
