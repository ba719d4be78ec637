"""The Server's JSON: texts to values, what it is told, what it answers (server-api.md 5 and 6)."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

from attrs import frozen

from flamenco_mgr.domain.ids import normal_id
from flamenco_mgr.domain.log_requests import LogRequest
from flamenco_mgr.domain.stamps import iso_milliseconds
from flamenco_mgr.domain.updates import TaskUpdate

SETTINGS_VERSION = 2

_BOM = "\ufeff"


class BadDocument(Exception):
    """A text of the Server's that says something impossible: in which field (empty: as a whole), and what."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field} {reason}" if field else reason)
        self.field = field
        self.reason = reason


@frozen(kw_only=True)
class BatchAnswer:
    """
    What the Server says to a batch of updates.

    ``handled`` are the ids of updates to forget, ``cancel`` those of tasks that must stop; ``log_requests`` are all
    the task logs that it would like to have, as of before this batch.
    """

    handled: frozenset[str]
    cancel: tuple[str, ...] = ()
    log_requests: tuple[LogRequest, ...] = ()


def parsed(text: bytes) -> object:
    """Return a JSON text's value, or raise `BadDocument` whatever is wrong with it: NaN is no number in JSON."""
    try:
        return _DECODER.decode(text.decode().removeprefix(_BOM))
    except (ValueError, RecursionError) as e:
        raise BadDocument("", f"is not JSON: {str(e)[:100]}") from e


def _not_json(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


_DECODER = json.JSONDecoder(parse_constant=_not_json)


def sound(text: str) -> str:
    """Return a text without halves of surrogate pairs, which no UTF-8 can carry."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def batch(updates: Sequence[tuple[TaskUpdate, float]]) -> bytes:
    """Return the text that tells the Server updates, each with when it was received by the Server's clock."""
    return json.dumps([_update(update, received) for update, received in updates], separators=(",", ":")).encode()


def _update(update: TaskUpdate, received: float) -> dict[str, object]:
    """Return one update; nothing in it is null, and what is not known is left out (server-api.md 5.2)."""
    document: dict[str, object] = {
        "_id": update.id,
        "task_id": update.task_id,
        "received_on_manager": iso_milliseconds(received),
    }
    texts = {
        "task_status": update.status,
        "activity": update.activity,
        "log_tail": update.log_tail,
        "worker": update.worker,
    }
    document.update((key, sound(text)) for key, text in texts.items() if text)
    if update.progress is not None:
        document["task_progress_percentage"] = update.progress.task_percentage
        # The Server reads the first, the original Manager sends the second.
        document["current_command_index"] = update.progress.command_index
        document["current_command_idx"] = update.progress.command_index
        document["command_progress_percentage"] = update.progress.command_percentage
    if update.failed_by is not None:
        document["failed_by_workers"] = [
            {"id": failed.id, "identifier": sound(failed.identifier)} for failed in update.failed_by
        ]
    # The Server's database takes no name with a NUL in it, and JSON no number that is none.
    timing = {
        sound(name): seconds for name, seconds in update.timing.items() if "\0" not in name and math.isfinite(seconds)
    }
    if timing:
        document["metrics"] = {"timing": timing}
    return document


def batch_answer(text: bytes) -> BatchAnswer:
    """Return what the Server says to a batch; ids that are none are passed over."""
    document = parsed(text)
    if not isinstance(document, dict):
        raise BadDocument("", "is not an object")
    return BatchAnswer(
        handled=frozenset(_ids(document, "handled_update_ids", needed=True)),
        cancel=tuple(dict.fromkeys(_ids(document, "cancel_task_ids"))),
        log_requests=tuple(dict.fromkeys(_log_requests(document.get("upload_task_file_queue")))),
    )


def _log_requests(listed: object) -> Iterator[LogRequest]:
    """Yield the logs that are wanted: their ids become paths, so that what is no id is passed over."""
    for wanted in listed if isinstance(listed, list) else ():
        if isinstance(wanted, dict):
            job, task = normal_id(wanted.get("job")), normal_id(wanted.get("task"))
            if job is not None and task is not None:
                yield LogRequest(job=job, task=task)


def _ids(document: Mapping[str, Any], key: str, *, needed: bool = False) -> list[str]:
    listed = document.get(key)
    if listed is None and not needed:
        return []
    if not isinstance(listed, list):
        raise BadDocument(key, "is missing" if listed is None else "is not a list")
    return [task_id for task_id in map(normal_id, listed) if task_id is not None]


def introduction(
    *, manager_url: str, variables: Mapping[str, object], workers: int, task_types: Sequence[str]
) -> bytes:
    """
    Return the text by which this Manager introduces itself to the Server (server-api.md 6).

    Variables whose names its database may refuse are left out.
    """
    document = {
        "_meta": {"version": SETTINGS_VERSION},
        "manager_url": manager_url,
        "variables": {
            name: variable
            for name, variable in variables.items()
            if name and "." not in name and "\0" not in name and not name.startswith("$")
        },
        "nr_of_workers": workers,
        "worker_task_types": list(task_types),
    }
    return json.dumps(document).encode()
