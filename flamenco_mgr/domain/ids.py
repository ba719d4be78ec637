"""Ids: 24 hexadecimal digits, kept in lower case."""

import re

ZERO_ID = "0" * 24
"""The job of tasks that the Manager makes itself, and of tasks whose job is unknown."""

_ID = re.compile(r"[0-9a-fA-F]{24}\Z")


def normal_id(text: object) -> str | None:
    """Return an id in its one spelling, or None if ``text`` is no id (worker-api.md 4)."""
    if isinstance(text, str) and _ID.match(text):
        return text.lower()
    return None


def made_at(any_id: str) -> float | None:
    """Return when an id was made, which MongoDB's say in seconds since 1970, UTC; None if it is no id."""
    known = normal_id(any_id)
    return None if known is None else float(int(known[:8], 16))
