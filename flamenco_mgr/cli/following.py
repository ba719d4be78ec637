"""The event log as it grows (docs/api.md, Events)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from flamenco_mgr.cli.invocation import Invocation
from flamenco_mgr.cli.manager import LARGEST_PAGE, Manager
from flamenco_mgr.cli.output import Record
from flamenco_mgr.cli.records import count

LOOK_EVERY: Final = 1.0
"""Seconds between two looks, when there was nothing new."""


def followed(
    invocation: Invocation, manager: Manager, asked: Mapping[str, str | None], after: int
) -> Iterator[Sequence[Record]]:
    """Yield what happens behind a place of the log, for ever: what each look finds, nothing as well."""
    place = str(after)
    while True:
        page = manager.get("/api/v1/events", {**asked, "after": place, "limit": str(LARGEST_PAGE)})
        items = page.get("items")
        found = items if isinstance(items, list) else []
        yield found
        place = str(page.get("next") or place)
        if not found:
            invocation.pause(LOOK_EVERY)


def end_of_log(manager: Manager) -> int:
    """Return the place of the newest event that there is, 0 if there is none."""
    return max((count(one, "place") for one in manager.list("/api/v1/events", limit=1)), default=0)
