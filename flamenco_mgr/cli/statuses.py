"""The statuses of the HTTP interface, as far as they are known here, for those who ask for one of them."""

from typing import Final

from flamenco_mgr.cli.output import Output
from flamenco_mgr.cli.texts import shortened

OF_WORKERS: Final = ("starting", "awake", "testing", "asleep", "error", "timeout", "offline", "shutdown")

OF_TASKS: Final = (
    "queued",
    "claimed-by-manager",
    "soft-failed",
    "active",
    "completed",
    "failed",
    "canceled",
    "cancel-requested",
    "paused",
    "under-construction",
)

FINISHED: Final = ("completed", "failed", "canceled")
"""Those of tasks to which nothing more happens."""


def warn_if_unknown(output: Output, status: str | None, known: tuple[str, ...]) -> None:
    """Warn of a status that is not known: it may be a slip, or the Server's or a Worker's own."""
    if status and status not in known:
        output.warn(f"{shortened(status, 60)!r} is no status that is known: {', '.join(known)}")
