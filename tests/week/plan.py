"""
The numbers of the simulated week.

Workers do what they do by worker-api.md 5 to 7, but far more slowly: they ask every twenty minutes, not every five
seconds, and time out after eighty-five. What the Manager does by itself keeps its own pace, but for the settings below.
"""

from datetime import datetime, timezone
from typing import Final

from flamenco_mgr.settings import Settings

MINUTE: Final = 60.0
HOUR: Final = 3600.0
DAY: Final = 24 * HOUR
WEEK: Final = 7 * DAY

STEP: Final = 4 * MINUTE
"""Seconds between two steps; whatever happens does so at one of them."""

START: Final = datetime(2020, 10, 22, 6, 0, tzinfo=timezone.utc).timestamp()
"""A Thursday morning; clocks are set back in the night to Sunday."""

_CLOCKS_ARE_SET_BACK: Final = datetime(2020, 10, 25, 1, 0, tzinfo=timezone.utc).timestamp()

MACHINES: Final = 50

AWAKE_POLL: Final = 20 * MINUTE
ASLEEP_POLL: Final = 40 * MINUTE
RETRY: Final = 8 * MINUTE
"""Seconds between two questions of a worker, awake and asleep, and before it tries again what went wrong."""

ANSWER_TIME: Final = 3.0
"""Seconds that a Worker waits for an answer (worker-api.md 1)."""

WORKER_SILENT: Final = 85 * MINUTE
TASK_SILENT: Final = 4 * HOUR
TASKS_KEPT: Final = DAY
WORKERS_KEPT: Final = 2 * DAY

CHECKED_WITHIN: Final = 2 * MINUTE + STEP
"""Seconds within which timeouts and schedules are acted upon."""

GRACE: Final = 5 * MINUTE
"""Seconds after the Manager's start in which nothing times out."""

CONTENTION: Final = 45 * MINUTE
"""Seconds for which a task may be there to be had while somebody who could do it gets none."""

UNTOLD: Final = 20 * MINUTE
"""Seconds within which the Server hears of a change, if it is there."""

TO_DRAIN: Final = 3 * DAY
"""Seconds after the week in which everything comes to its end."""

MANAGER: Final = "5d7b9f3ae4b0c83a1f2d6e11"
SECRET: Final = "SRVd0ntUseThisSecretItIsOnlyForTheUnitTests00"

SETTINGS: Final = Settings(
    manager_id=MANAGER,
    manager_secret=SECRET,
    flamenco="http://server.invalid/",
    active_worker_timeout_interval=WORKER_SILENT,
    active_task_timeout_interval=TASK_SILENT,
    task_cleanup_max_age=TASKS_KEPT,
    worker_cleanup_max_age=WORKERS_KEPT,
    worker_cleanup_status=("offline", "timeout"),
    download_task_recheck_throttle=15 * MINUTE,
    task_update_push_max_interval=10 * MINUTE,
    cancel_task_fetch_max_interval=10 * MINUTE,
)


def offset(instant: float) -> float:
    """Return how many seconds the wall clock is ahead of UTC, where it is summer time until the week's Sunday."""
    return 2 * HOUR if instant < _CLOCKS_ARE_SET_BACK else HOUR
