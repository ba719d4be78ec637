"""What a setting can be: how it is read from the tree of a file, and how it is written (configuration.md 2)."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

from attrs import evolve, frozen

from flamenco_mgr.domain.workers import WorkerStatus
from flamenco_mgr.settings.addresses import parse_address, parse_database_url, parse_id, parse_web_url
from flamenco_mgr.settings.durations import format_duration, parse_duration
from flamenco_mgr.settings.problems import Place, Unfit, Value, nearest, one_of

T = TypeVar("T")

Plain: TypeAlias = "str | int | bool | list[Plain] | dict[str, Plain]"
"""What a YAML writer understands."""

_INTEGER = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[+-]?[0-9]+\.[0-9]*")

_WORDS = {"true": True, "yes": True, "on": True, "y": True, "false": False, "no": False, "off": False, "n": False}
_FLAGS = {spelled: flag for word, flag in _WORDS.items() for spelled in (word, word.capitalize(), word.upper())}


@frozen(kw_only=True, eq=False)
class Kind(Generic[T]):
    """
    How a setting is read and written.

    ``read`` raises `Unfit` for what is not of this kind, or notes several mistakes at the place it is given.
    ``empty`` stands for a key with nothing behind it; with ``empty_is_default`` that means the setting's default.
    """

    read: Callable[[Value, Place], T]
    write: Callable[[T], Plain]
    empty: Value = ""
    empty_is_default: bool = False


def choice(*names: str) -> Kind[str]:
    """Return the kind of a setting that is one of some words."""

    def read(text: str) -> str:
        if text in names:
            return text
        raise Unfit(f"must be {one_of(names)}", nearest(text, names))

    return _of_text(read, str)


def duration(*, least: float | None = 0.0, zero: bool = True) -> Kind[float]:
    """Return the kind of a duration in seconds that is not below ``least`` (None: of any sign), and may be ``zero``."""

    def read(text: str) -> float:
        seconds = parse_duration(text)
        if least is not None and seconds < least:
            raise Unfit("must not be negative")
        if not zero and not seconds:
            raise Unfit("must be longer than nothing")
        return seconds

    return evolve(_of_text(read, format_duration), empty="0")


def _of_text(read: Callable[[str], T], write: Callable[[T], Plain]) -> Kind[T]:
    return Kind(read=lambda value, _: read(_text(value)), write=write)


def _list_of(read: Callable[[str], T], write: Callable[[T], Plain]) -> Kind[tuple[T, ...]]:
    def read_all(value: Value, _: Place) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise Unfit("must be a list", "write '[one, two]', or '[]' for none")
        return tuple(read(_text(item)) for item in value)

    return Kind(read=read_all, write=lambda items: [write(item) for item in items], empty=[])


def _text(value: Value) -> str:
    if isinstance(value, str):
        return value
    raise Unfit("must be a text, not a list, a mapping or nothing")


def _flag(text: str) -> bool:
    if text in _FLAGS:
        return _FLAGS[text]
    raise Unfit("must be true or false")


def _count(text: str) -> int:
    if _FLOAT.fullmatch(text):
        raise Unfit("must be a whole number", f"write '{text.partition('.')[0]}'")
    if not _INTEGER.fullmatch(text):
        raise Unfit("must be a whole number, written in decimal digits")
    number = int(text)
    if number < 0:
        raise Unfit("must not be negative")
    return number


def _path(text: str) -> Path:
    if text.startswith("~"):
        raise Unfit("begins with '~', which is not replaced here", "write the directory in full")
    return Path(text)


def _no_acme(text: str) -> str:
    if text.strip():
        raise Unfit(
            "certificates from Let's Encrypt are not fetched by this Manager",
            "remove it, and use a reverse proxy that does, or tlskey and tlscert",
        )
    return ""


def _statuses(value: Value, place: Place) -> tuple[str, ...]:
    statuses = TEXTS.read(value, place)
    for status in statuses:
        if status not in _STATUSES:
            place.warn(f"no worker is ever {status!r}; the statuses are {', '.join(_STATUSES)}")
    return statuses


_STATUSES = tuple(status.value for status in WorkerStatus)

TEXT = _of_text(str, str)
TRIMMED = _of_text(str.strip, str)
FLAG = evolve(_of_text(_flag, bool), empty="false")
COUNT = evolve(_of_text(_count, int), empty="0")
DURATION = duration()
ADDRESS = _of_text(parse_address, str)
URL = _of_text(lambda text: parse_web_url(text) if text else "", str)
SERVER_URL = evolve(URL, empty_is_default=True)
DATABASE_URL = _of_text(parse_database_url, str)
ID = _of_text(parse_id, str)
PATH = evolve(_of_text(_path, str), empty_is_default=True)
OPTIONAL_PATH: Kind[Path | None] = _of_text(
    lambda text: _path(text) if text else None, lambda path: "" if path is None else str(path)
)
PATHS = _list_of(_path, str)
TEXTS = _list_of(str, str)
STATUSES = evolve(TEXTS, read=_statuses)
NO_ACME = _of_text(_no_acme, str)
