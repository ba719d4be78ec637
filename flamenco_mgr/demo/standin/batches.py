"""What the Server does with a batch of updates: one after the other, with no way back (server-api.md 5)."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from attrs import frozen

from flamenco_mgr.demo.standin.books import Books, JobIsGone
from flamenco_mgr.demo.standin.entries import StandInTask
from flamenco_mgr.demo.standin.instants import microseconds
from flamenco_mgr.demo.standin.record import Outcome
from flamenco_mgr.demo.standin.replies import Refused
from flamenco_mgr.demo.standin.statuses import status_taken
from flamenco_mgr.domain.ids import normal_id

_TAIL_LINES: Final = 10
_PROGRESS: Final = ("task_progress_percentage", "current_command_index", "command_progress_percentage")
_KEPT_WHEN_EMPTY: Final = ("activity", "worker")


@frozen(kw_only=True)
class Taken:
    """How far a batch came: ``refused`` is what ended it, everything before that is in effect."""

    handled: Sequence[str]
    modified: int
    refused: Refused | None = None


def take_batch(books: Books, manager_id: str, updates: Sequence[object]) -> Taken:
    """Apply the updates in their order up to the first malformed one (server-api.md 5.3)."""
    handled: list[str] = []
    modified = 0
    for update in updates:
        try:
            update_id, outcome = _take(books, manager_id, update)
        except Refused as refused:
            return Taken(handled=handled, modified=modified, refused=refused)
        if outcome is not Outcome.FOREIGN_TASK:
            handled.append(update_id)
            modified += outcome is not Outcome.UNKNOWN_TASK
    return Taken(handled=handled, modified=modified)


def _take(books: Books, manager_id: str, update: object) -> tuple[str, Outcome]:
    if not isinstance(update, Mapping):
        raise Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "an update is no object")
    update_id, task_id = _id_in(update, "_id"), _id_in(update, "task_id")
    task = books.find_task(task_id)
    if task is None:
        outcome = Outcome.UNKNOWN_TASK
    elif task.manager != manager_id:
        outcome = Outcome.FOREIGN_TASK
    else:
        outcome = _apply(books, task, update, update_id)
    _note(books, update, update_id, task_id, outcome)
    return update_id, outcome


def _apply(books: Books, task: StandInTask, update: Mapping[str, Any], update_id: str) -> Outcome:
    updated = _instant_in(update, books.time.now())
    changes = _changes_in(update)
    wanted = update.get("task_status")
    outcome = _outcome(task.status, wanted)
    if outcome is Outcome.CHANGED:
        changes["status"] = wanted
    try:
        books.apply(task, changes, updated=updated, update_id=update_id)
    except JobIsGone as e:
        _note(books, update, update_id, task.id, outcome)
        raise Refused(HTTPStatus.INTERNAL_SERVER_ERROR, f"no job {e}") from e
    return outcome


def _note(books: Books, update: Mapping[str, Any], update_id: str, task_id: str, outcome: Outcome) -> None:
    wanted = update.get("task_status")
    books.record.note_update(
        at=books.time.now(),
        update_id=update_id,
        task_id=task_id,
        status=wanted if isinstance(wanted, str) else "",
        outcome=outcome,
    )


def _outcome(current: str, wanted: object) -> Outcome:
    if not wanted:
        return Outcome.STATUSLESS
    if wanted == current:
        return Outcome.SAME
    return Outcome.CHANGED if status_taken(current, wanted) else Outcome.IGNORED


def _id_in(update: Mapping[str, Any], key: str) -> str:
    if key not in update:
        raise Refused(HTTPStatus.INTERNAL_SERVER_ERROR, f"an update has no {key}")
    found = normal_id(update[key])
    if found is None:
        raise Refused(HTTPStatus.BAD_REQUEST, "Invalid ObjectId")
    return found


def _instant_in(update: Mapping[str, Any], now: int) -> int:
    text = update.get("received_on_manager")
    if not text:
        return now
    if not isinstance(text, str):
        raise Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "received_on_manager is no text")
    try:
        return microseconds(text) // 1000
    except ValueError as e:
        raise Refused(HTTPStatus.INTERNAL_SERVER_ERROR, str(e)) from e


def _changes_in(update: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an update says, its status apart; missing progress is zero (server-api.md 5.2)."""
    changes: dict[str, Any] = {key: update.get(key, 0) for key in _PROGRESS}
    changes.update((key, update[key]) for key in _KEPT_WHEN_EMPTY if update.get(key))
    metrics = update.get("metrics", {})
    if not isinstance(metrics, Mapping):
        raise Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "metrics are no object")
    if metrics.get("timing"):
        changes["metrics"] = {"timing": metrics["timing"]}
    if update.get("failed_by_workers") is not None:
        changes["failed_by_workers"] = update["failed_by_workers"]
    tail = update.get("log_tail") or _tail_of(update.get("log"))
    if tail:
        changes["log"] = tail
    return changes


def _tail_of(log: object) -> str:
    return "".join(log.splitlines(keepends=True)[-_TAIL_LINES:]) if isinstance(log, str) else ""
