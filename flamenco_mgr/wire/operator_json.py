"""What operators' pages and scripts send and get as JSON (dashboard.md 3 and 5)."""

from collections.abc import Mapping, Sequence
from typing import Any

from flamenco_mgr.domain import sleeping
from flamenco_mgr.domain.blacklist import BlacklistLine
from flamenco_mgr.domain.sleeping import BadSchedule, SleepSchedule
from flamenco_mgr.domain.stamps import iso_milliseconds
from flamenco_mgr.domain.workers import Worker
from flamenco_mgr.wire import worker_json
from flamenco_mgr.wire.strict_json import parsed_object
from flamenco_mgr.wire.worker_json import BadDocument


def sleep_schedule(body: bytes) -> SleepSchedule:
    """
    Read a worker's week, in which everything may be left out; raises `BadJSON` or `BadDocument`.

    When it acts next is not for its sender to say, and ignored, as is whatever else there is (dashboard.md 5).
    """
    return sleep_schedule_of(parsed_object(body))


def sleep_schedule_of(document: Mapping[str, object]) -> SleepSchedule:
    """Return the worker's week that an object is; raises `BadDocument`."""
    active = document.get("schedule_active")
    if active is not None and not isinstance(active, bool):
        raise BadDocument("schedule_active is neither true nor false")
    try:
        return SleepSchedule(
            active=bool(active),
            days=sleeping.days(_text(document, "days_of_week")),
            start=sleeping.time_of_day(_text(document, "time_start")),
            end=sleeping.time_of_day(_text(document, "time_end")),
        )
    except BadSchedule as e:
        raise BadDocument(str(e)) from None


def sleep_schedule_document(schedule: SleepSchedule) -> dict[str, Any]:
    """Return a worker's week; what is empty is left out."""
    document: dict[str, Any] = {"schedule_active": schedule.active}
    if schedule.days:
        document["days_of_week"] = " ".join(schedule.days)
    if schedule.start:
        document["time_start"] = schedule.start
    if schedule.end:
        document["time_end"] = schedule.end
    if schedule.next_check is not None:
        document["next_check"] = iso_milliseconds(schedule.next_check)
    return document


def listed_worker(worker: Worker, current_job: str | None, blacklist: Sequence[BlacklistLine]) -> dict[str, Any]:
    """Return a worker as operators see it."""
    document = worker_json.worker_document(worker)
    document["sleep_schedule"] = sleep_schedule_document(worker.sleep_schedule)
    if current_job:
        document["current_job"] = current_job
    if worker.sick:
        document["sick"] = worker.sick
    if blacklist:
        document["blacklist"] = [_line(line) for line in blacklist]
    return document


def _line(line: BlacklistLine) -> dict[str, Any]:
    return {
        "_created": iso_milliseconds(line.created),
        "worker_id": line.worker_id,
        "job_id": line.job,
        "task_type": line.task_type,
    }


def _text(document: Mapping[str, object], key: str) -> str:
    value = document.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadDocument(f"{key} is not a string")
    return value
