"""What must be true of the documents of a database whenever nobody is at work."""

from collections.abc import Mapping
from typing import Any

from flamenco_mgr.domain.tasks import SCHEDULABLE
from flamenco_mgr.store.mongo.outbox_plans import is_live

Documents = Mapping[str, list[dict[str, Any]]]


def wrong(found: Documents) -> list[str]:
    """Return what is wrong with documents by their collections: tasks that are stuck, or given too early."""
    tasks = {document["_id"]: document for document in found["flamenco_tasks"]}
    aside = {document["_id"] for document in found["flamenco_set_aside"]}
    mistakes = []
    for task_id, task in tasks.items():
        ours = task["mgr"]
        waits_for = {
            parent
            for parent in task.get("parents", ())
            if (parent in tasks and (tasks[parent]["status"] != "completed" or "set_aside" in tasks[parent]["mgr"]))
            or (parent in aside and parent not in tasks)
        }
        if waits_for != set(ours.get("open", ())):
            mistakes.append(f"{task_id} waits for {ours.get('open')}, not for {waits_for}")
        may_run = task["status"] in SCHEDULABLE and "held" not in ours and "unfit" not in ours and not waits_for
        if may_run is not ours.get("ready", False):
            mistakes.append(f"{task_id} is ready: {not may_run}")
        mistakes += [f"{task_id} is still {name}" for name in ("due",) if name in ours]
        queue = [update for update in found["task_update_queue"] if update["task_id"] == task_id]
        live = {str(update["_id"]) for update in queue if is_live(update, ours)} - {
            str(update["_id"]) for update in queue if "loose" in update["mgr"]
        }
        if live != set(ours.get("queued", ())):
            mistakes.append(f"{task_id} knows of {ours.get('queued')}, and there is {live}")
    return mistakes
