"""Durations as texts: ``10s``, ``1h30m``, ``1.5h`` (configuration.md 2)."""

import re
from fractions import Fraction

from flamenco_mgr.settings.problems import Unfit

_SECOND = 10**9

# In nanoseconds. The two micro signs look alike; both are written.
_UNITS = {
    "h": 3600 * _SECOND,
    "m": 60 * _SECOND,
    "s": _SECOND,
    "ms": 10**6,
    "us": 10**3,
    "ns": 1,
    "\u00b5s": 10**3,
    "\u03bcs": 10**3,
}
_WRITTEN = ("h", "m", "s", "ms", "us", "ns")

_LONGER = {"d": 24, "day": 24, "days": 24, "w": 168, "week": 168, "weeks": 168}

_LIMIT = 2**63
_LONGEST_TEXT = 100

_NUMBER = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
_UNIT = "|".join(sorted(_UNITS, key=len, reverse=True))
_PART = re.compile(rf"({_NUMBER})({_UNIT})")
_DURATION = re.compile(rf"([+-]?)((?:{_NUMBER}(?:{_UNIT}))+)")
_BARE = re.compile(rf"[+-]?{_NUMBER}")
_LONG = re.compile(rf"([0-9]{{1,9}}) *({'|'.join(_LONGER)})")


def parse_duration(text: str) -> float:
    """Return the seconds that a text means, exact to the nanosecond; raise `Unfit` if it means none."""
    if len(text) > _LONGEST_TEXT:
        raise Unfit("is too long for a duration")
    match = _DURATION.fullmatch(text)
    if not match:
        return _without_unit(text)
    sign, parts = match.groups()
    nanoseconds = round(sum(Fraction(number) * _UNITS[unit] for number, unit in _parts(parts)))
    if nanoseconds >= _LIMIT:
        raise Unfit("is longer than 292 years")
    return (-nanoseconds if sign == "-" else nanoseconds) / _SECOND


def format_duration(seconds: float) -> str:
    """Return the text that any reader of the format takes for so many seconds, to the nanosecond."""
    rest = round(abs(Fraction(seconds)) * _SECOND)
    written = "-" if seconds < 0 and rest else ""
    for unit in _WRITTEN:
        count, rest = divmod(rest, _UNITS[unit])
        if count:
            written += f"{count}{unit}"
    return written or "0s"


def _parts(text: str) -> list[tuple[str, str]]:
    # "1." and ".5" are numbers to the format, though not to Fraction.
    return [(f"0{number}0" if "." in number else number, unit) for number, unit in _PART.findall(text)]


def _without_unit(text: str) -> float:
    if _BARE.fullmatch(text):
        if not any(digit in text for digit in "123456789"):
            return 0.0
        raise Unfit("is a number without a unit", f"add a unit: write '{text}s' for seconds, '{text}m' for minutes")
    long = _LONG.fullmatch(text)
    if long:
        raise Unfit("days and weeks are no units", f"write '{int(long[1]) * _LONGER[long[2]]}h'")
    joined = "".join(text.split())
    if joined != text and _DURATION.fullmatch(joined):
        raise Unfit("is no duration", f"write '{joined}'")
    raise Unfit("is no duration", "write numbers with the units h, m, s, ms, us or ns, such as '1h30m' or '10s'")
