"""``flamenco-manager tasks``: tasks are listed, shown with their history, and sent back."""

from collections.abc import Iterator, Mapping

import click

from flamenco_mgr.cli.commands.events import line
from flamenco_mgr.cli.invocation import Invocation
from flamenco_mgr.cli.naming import an_id, find_task, find_worker_id
from flamenco_mgr.cli.output import Column, Record
from flamenco_mgr.cli.records import entries, moment, number, text, value
from flamenco_mgr.cli.shape import FarmGroup, limited
from flamenco_mgr.cli.statuses import FINISHED, OF_TASKS, warn_if_unknown
from flamenco_mgr.cli.texts import lasting
from flamenco_mgr.cli.worker_names import WORKER


def _progress(task: Record) -> str:
    # Workers seldom tell of the last percents, and the status of a finished task tells more.
    if text(task, "status") in FINISHED or not value(task, "progress"):
        return ""
    return f"{text(task, 'progress', 'task_percentage')} %"


COLUMNS = (
    Column(title="ID", value=lambda task: text(task, "_id"), whole=True),
    Column(title="NAME", value=lambda task: text(task, "name")),
    Column(title="STATUS", value=lambda task: text(task, "status")),
    Column(title="TYPE", value=lambda task: text(task, "task_type")),
    Column(title="DONE", value=_progress, right=True),
    Column(title="WORKER", value=lambda task: text(task, "worker")),
    Column(title="CHANGED", value=lambda task: moment(task, "last_updated")),
)


@click.group(cls=FarmGroup, usual="list")
def tasks() -> None:
    """
    List tasks, show one, or send it back.

    Without a command: list, which also takes its options.
    """


@tasks.command(name="list")
@click.option("--job", metavar="ID", help="Only tasks of this job.")
@click.option("--status", help=f"Only tasks in this status: {', '.join(OF_TASKS)}.")
@click.option("--worker", type=WORKER, help="Only tasks that this Worker has, or had last.")
@click.option("--begins", metavar="TEXT", help="Only tasks whose name or id begins so.")
@limited()
@click.pass_obj
def list_tasks(
    invocation: Invocation,
    *,
    job: str | None,
    status: str | None,
    worker: str | None,
    begins: str | None,
    limit: int | None,
) -> None:
    """List tasks, those for which all of the conditions hold."""
    warn_if_unknown(invocation.output, status, OF_TASKS)
    manager = invocation.manager()
    asked = {
        "job": None if job is None else an_id(job, "job"),
        "status": status,
        "worker": None if worker is None else find_worker_id(manager, worker),
        "begins": begins,
    }
    found = manager.list("/api/v1/tasks", asked, limit=limit)
    invocation.output.records(
        found, COLUMNS, none="There are no such tasks." if any(asked.values()) else "There are no tasks."
    )


@tasks.command()
@click.argument("task")
@click.pass_obj
def show(invocation: Invocation, task: str) -> None:
    """
    Show a task with its history.

    A TASK is an id, a name, or a beginning of them.
    """
    manager = invocation.manager()
    found = find_task(manager, task)
    if "events" not in found:
        found = manager.get(f"/api/v1/tasks/{text(found, '_id')}")
    if invocation.as_json:
        invocation.output.document(found)
        return
    invocation.output.facts(_facts(found))
    for event in reversed(entries(found, "events", "items")):
        invocation.output.say(line(event))


@tasks.command()
@click.argument("task")
@click.pass_obj
def requeue(invocation: Invocation, task: str) -> None:
    """Take a task back from its Worker, so that another one can have it."""
    _act(invocation, task, "requeue", "is free for Workers")


@tasks.command()
@click.argument("task")
@click.pass_obj
def cancel(invocation: Invocation, task: str) -> None:
    """Cancel a task of the Manager's own, such as a test task."""
    _act(invocation, task, "cancel", "is cancelled, or will be when its Worker has stopped")


def _act(invocation: Invocation, task: str, act: str, done: str) -> None:
    manager = invocation.manager()
    found = find_task(manager, task)
    manager.act("POST", f"/api/v1/tasks/{text(found, '_id')}/{act}")
    if invocation.as_json:
        invocation.output.document({"_id": text(found, "_id"), "name": text(found, "name")})
    else:
        invocation.output.say(f"{text(found, 'name') or text(found, '_id')} {done}")


def _facts(task: Record) -> Iterator[tuple[str, str]]:
    yield "Name", text(task, "name")
    yield "Id", text(task, "_id")
    yield "Job", f"{text(task, 'job')} ({text(task, 'job_type')}, priority {text(task, 'job_priority')})"
    yield "Status", f"{text(task, 'status')} {_progress(task)}".rstrip()
    yield "Type", f"{text(task, 'task_type')}, priority {text(task, 'priority')}"
    if text(task, "activity"):
        yield "Activity", text(task, "activity")
    if value(task, "worker_id"):
        yield "Worker", f"{text(task, 'worker')} ({text(task, 'worker_id')})"
    for failed in entries(task, "failed_by"):
        yield "Failed by", text(failed, "identifier") or text(failed, "_id")
    if text(task, "parents"):
        yield "After", text(task, "parents")
    for step in entries(task, "commands"):
        yield "Command", text(step, "name")
    timing = value(task, "timing")
    for what in timing if isinstance(timing, Mapping) else ():
        yield f"Time: {what}", lasting(number(task, "timing", what))
    yield "Changed", moment(task, "last_updated") or "never"
    if moment(task, "last_worker_ping"):
        yield "Last seen", moment(task, "last_worker_ping")
    if moment(task, "cancel_requested_at"):
        yield "Cancelled", moment(task, "cancel_requested_at")
    waiting = entries(task, "updates", "items")
    if waiting:
        yield "Not told yet", ", ".join(text(update, "status") or "news" for update in waiting)
