"""
A section of the configuration is a class; its attributes say what the keys are.

That is the only description of the settings: they are read, checked, shown and written by it.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar

import attrs
from attrs import AttrsInstance, frozen

from flamenco_mgr.settings.kinds import Kind, Plain
from flamenco_mgr.settings.problems import Place, Unfit, Value, nearest, shown

T = TypeVar("T")
S = TypeVar("S", bound=AttrsInstance)

_ABOUT = "flamenco_mgr.settings"

_WHOLE = re.compile(r"[+-]?[0-9]{1,9}")


@frozen(kw_only=True, eq=False)
class OldName:
    """What a duration's key was called when its value was a whole number, and how many seconds one was."""

    key: str
    seconds: int = 1

    def modern(self, value: Value) -> Value:
        """Return the value as it is written today; a text that is a duration already stays (configuration.md 5)."""
        if isinstance(value, str) and _WHOLE.fullmatch(value):
            return f"{int(value) * self.seconds}s"
        return value


@frozen(kw_only=True, eq=False)
class Setting(Generic[T]):
    """What is known of a key with a value; ``mask`` makes a value of it fit to be shown."""

    kind: Kind[T]
    default: T
    key: str = ""
    old_name: OldName | None = None
    mask: Callable[[str], str] | None = None
    left_out: bool = False

    def read(self, value: Value, place: Place) -> T:
        """Return what the value means; a mistake is noted, and the default returned."""
        if self.kind.empty_is_default and value in (None, ""):
            return self.default
        try:
            return self.kind.read(self.kind.empty if value is None else value, place)
        except Unfit as e:
            known = self.mask(value) if self.mask and isinstance(value, str) else value
            place.problem(e.reason, value=shown(known), suggestion=e.suggestion)
            return self.default

    def write(self, value: T, *, masked: bool) -> Plain:
        """Return the value as a file has it."""
        written = self.kind.write(value)
        return self.mask(written) if masked and self.mask and isinstance(written, str) else written


@frozen(kw_only=True, eq=False)
class Section(Generic[S]):
    """What is known of a key with further keys below it."""

    kind: type[S]
    key: str = ""
    left_out: bool = False
    old_name: None = None

    @property
    def default(self) -> S:
        """The section with all its defaults."""
        return self.kind()

    def read(self, value: Value, place: Place) -> S:
        """Return what the mapping means; mistakes are noted."""
        return read_section(self.kind, value, place)

    def write(self, value: S, *, masked: bool) -> Plain:
        """Return the section as a file has it."""
        return write_section(value, masked=masked)


Entry: TypeAlias = Setting[Any] | Section[Any]


def setting(
    kind: Kind[T],
    default: T,
    *,
    key: str = "",
    old_name: OldName | None = None,
    mask: Callable[[str], str] | None = None,
    left_out: bool = False,
    converter: Callable[[T], T] | None = None,
) -> T:
    """
    Return an attribute for a key of the file, which has the attribute's name if it is not given.

    ``mask`` makes a secret fit to be shown; ``left_out`` keys are not written when they have their default. Every
    value goes through the ``converter``.
    """
    about = Setting(kind=kind, default=default, key=key, old_name=old_name, mask=mask, left_out=left_out)
    hidden = (lambda value: repr(mask(value))) if mask else True
    return attrs.field(default=default, metadata={_ABOUT: about}, repr=hidden, converter=converter)


def section(kind: type[S], *, key: str = "", left_out: bool = False) -> S:
    """Return an attribute for a section of the file."""
    about = Section(kind=kind, key=key, left_out=left_out)
    return attrs.field(factory=kind, metadata={_ABOUT: about})


def entries(kind: type[AttrsInstance]) -> Iterator[tuple[str, str, Entry]]:
    """Return each attribute of a section's class, its key, and what is known of it."""
    for attribute in attrs.fields(kind):
        about: Entry = attribute.metadata[_ABOUT]
        yield attribute.name, about.key or attribute.name, about


def keys_below(kind: type[AttrsInstance]) -> Iterator[str]:
    """Return all keys of a section's class that have values, with the sections they are in: ``shaman.enabled``."""
    for _, key, about in entries(kind):
        if isinstance(about, Section):
            yield from (f"{key}.{below}" for below in keys_below(about.kind))
        else:
            yield key


def read_section(kind: type[S], value: Value, place: Place) -> S:
    """Return the section that a mapping means; every mistake is noted, and what is not there has its default."""
    if value is None:
        value = {key: None for _, key, _ in entries(kind)}
    if not isinstance(value, dict):
        place.problem("must be a mapping", value=shown(value))
        return kind()
    left = dict(value)
    read = {}
    for name, key, about in entries(kind):
        for written, found in _taken(left, key, about.old_name, place):
            read[name] = about.read(found, place.key(written))
    for key in left:
        place.key(key).problem("is unknown", suggestion=_meant(key, kind))
    return kind(**read)


def write_section(values: AttrsInstance, *, masked: bool) -> dict[str, Plain]:
    """Return a section as a file has it, complete, in the order of its class; ``masked`` hides its secrets."""
    written: dict[str, Plain] = {}
    for name, key, about in entries(type(values)):
        value = getattr(values, name)
        if not (about.left_out and value == about.default):
            written[key] = about.write(value, masked=masked)
    return written


def with_paths(values: S, change: Callable[[Path], Path]) -> S:
    """Return a section with every path in it, and in the sections below it, changed in the same way."""
    names = [attribute.name for attribute in attrs.fields(type(values))]
    return type(values)(**{name: _with_path(getattr(values, name), change) for name in names})


def _with_path(value: Any, change: Callable[[Path], Path]) -> Any:
    if isinstance(value, Path):
        return change(value)
    if isinstance(value, tuple):
        return tuple(_with_path(item, change) for item in value)
    return with_paths(value, change) if attrs.has(type(value)) else value


def _taken(left: dict[str, Value], key: str, old: OldName | None, place: Place) -> Iterator[tuple[str, Value]]:
    """Take a key out of a mapping, and return it as it is written there and its value; nothing if it is not there."""
    if key in left:
        yield key, left.pop(key)
        if old and old.key in left:
            del left[old.key]
            place.key(old.key).problem(f"is the old name of {key!r}, which is there as well", suggestion="remove one")
    elif old and old.key in left:
        place.key(old.key).warn(f"is the old name of {key!r}")
        yield old.key, old.modern(left.pop(old.key))


def _meant(key: str, kind: type[AttrsInstance]) -> str:
    here = nearest(key, [known for _, known, _ in entries(kind)])
    if here:
        return here
    elsewhere = {known.rpartition(".")[2]: known for known in keys_below(kind)}
    return f"did you mean {elsewhere[key]!r}?" if key in elsewhere else ""
