"""What in a status an operator should look at."""

from collections.abc import Iterator
from typing import Final

from flamenco_mgr.cli.output import Record
from flamenco_mgr.cli.records import count, number, text, value
from flamenco_mgr.cli.texts import counted, lasting

WAITING_TOO_LONG: Final = 300.0
"""Seconds after which the Server should have heard an update: pushes are tried again once a minute at least."""

CLOCKS_APART: Final = 60.0
"""Seconds by which two machines' clocks may differ before people wonder."""


def doubts(found: Record) -> Iterator[str]:
    """Yield, for people, what is not as it should be; ``found`` is the answer to ``GET /api/v1/status``."""
    if value(found, "server", "linked"):
        yield from _of_server(found)
    if not text(found, "duties", "holder") and not value(found, "duties", "here"):
        yield "No Manager does the duties of one for all: tasks are neither fetched nor is the Server told"
    yield from _of_workers(found)
    yield from _of_updates(found)


def _of_server(found: Record) -> Iterator[str]:
    if value(found, "server", "reachable") is False:
        reason = text(found, "server", "reason")
        yield f"The Server cannot be reached{f': {reason}' if reason else ''}"
    if refusal := text(found, "server", "refusal"):
        yield f"The Server refuses our credentials (manager_id, manager_secret): {refusal}"
    if value(found, "server", "is_asked") is False:
        yield "Tasks are handed out without asking the Server whether they have changed, as it did not answer in time"
    offset = number(found, "server", "clock_offset")
    if abs(offset) > CLOCKS_APART:
        yield f"The Server's clock is {lasting(abs(offset))} {'ahead of' if offset > 0 else 'behind'} this machine's"


def _of_workers(found: Record) -> Iterator[str]:
    if sick := count(found, "workers", "sick"):
        yield f"{counted(sick, 'Worker is', 'Workers are')} kept from working after failing at too many jobs"
    if lost := count(found, "workers", "by_status", "timeout"):
        yield f"{counted(lost, 'Worker has', 'Workers have')} timed out"
    if broken := count(found, "workers", "by_status", "error"):
        yield f"{counted(broken, 'Worker is', 'Workers are')} in error"


def _of_updates(found: Record) -> Iterator[str]:
    age = number(found, "updates", "oldest_age")
    if age > WAITING_TOO_LONG:
        yield f"The Server has not heard for {lasting(age)} what waits for it"
    if parked := count(found, "updates", "parked"):
        refused = counted(parked, "update is", "updates are")
        yield f"{refused} parked, as the Server refuses them: flamenco-manager updates parked"
