"""Updates for the Server as rows of the tables ``updates`` and ``parked_updates``."""

from typing import Any

from flamenco_mgr.domain.updates import TaskUpdate
from flamenco_mgr.store.sqlite.encoding import (
    from_failed_by,
    from_progress,
    from_timing,
    to_failed_by,
    to_progress,
    to_timing,
)

COLUMNS = "id, task_id, received_at, status, activity, log_tail, worker, failed_by, timing, progress"
"""What `update` reads and `row` gives, in this order."""

WIDTH = len(COLUMNS.split(", "))

_FRAME = 256
"""Bytes of an update's JSON besides its texts: ids, names of fields, times."""


def update(row: tuple[Any, ...]) -> TaskUpdate:
    """Return the update of a row that begins with `COLUMNS`."""
    return TaskUpdate(
        id=row[0],
        task_id=row[1],
        received_at=row[2],
        status=row[3],
        activity=row[4],
        log_tail=row[5],
        worker=row[6],
        failed_by=None if row[7] is None else to_failed_by(row[7]),
        timing=to_timing(row[8]),
        progress=to_progress(row[9]),
    )


def row(update: TaskUpdate) -> tuple[Any, ...]:
    """Return an update's values in the order of `COLUMNS`."""
    return (
        update.id,
        update.task_id,
        update.received_at,
        update.status,
        update.activity,
        update.log_tail,
        update.worker,
        None if update.failed_by is None else from_failed_by(update.failed_by),
        from_timing(update.timing),
        from_progress(update.progress),
    )


def size(row: tuple[Any, ...]) -> int:
    """Return about how many bytes the update of a row is as JSON."""
    return _FRAME + sum(len(text) for text in (row[4], row[5], row[6], row[7] or "", row[8]))
