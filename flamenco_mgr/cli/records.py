"""What a record of the Manager says, as a cell shows it; keys may be absent, and of another type than expected."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flamenco_mgr.cli.output import Record


def text(record: Record, *path: str) -> str:
    """Return what is found below the keys, as a text; empty if there is nothing."""
    found = value(record, *path)
    if found is None:
        return ""
    if isinstance(found, bool):
        return "yes" if found else "no"
    if isinstance(found, list):
        return ", ".join(str(item) for item in found)
    return str(found)


def number(record: Record, *path: str) -> float:
    """Return what is found below the keys, if that is a number that can be counted with, else 0."""
    found = value(record, *path)
    if isinstance(found, float) and not math.isfinite(found):
        return 0
    return found if isinstance(found, int | float) else 0


def count(record: Record, *path: str) -> int:
    """Return how many there are, as `number`."""
    return int(number(record, *path))


def value(record: Record, *path: str) -> Any:
    """Return what is found below the keys, None if there is nothing."""
    found: Any = record
    for key in path:
        if not isinstance(found, Mapping):
            return None
        found = found.get(key)
    return found


def entries(record: Record, *path: str) -> list[Record]:
    """Return what is found below the keys, if that is a list, without what is no record."""
    found = value(record, *path)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def moment(record: Record, *path: str) -> str:
    """Return an instant, in the time of this machine."""
    stamp = text(record, *path)
    try:
        instant = datetime.fromisoformat(stamp.replace("Z", "+00:00"))
        return instant.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError):  # of the first year and the last one, too
        return stamp


def tally(record: Record, *path: str) -> str:
    """Return numbers by name, the largest first, such as ``9 awake, 2 asleep``."""
    found = value(record, *path)
    if not isinstance(found, Mapping):
        return ""
    numbers = sorted(found.items(), key=lambda item: -item[1] if isinstance(item[1], int | float) else 0)
    return ", ".join(f"{_grouped(number)} {name or 'without a status'}" for name, number in numbers)


def _grouped(found: object) -> str:
    return f"{found:,}" if isinstance(found, int | float) else str(found)
