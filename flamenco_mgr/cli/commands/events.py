"""``flamenco-manager events``: what has happened."""

from collections.abc import Mapping, Sequence

import click

from flamenco_mgr.cli.invocation import Invocation
from flamenco_mgr.cli.naming import an_id, find_task_id, worker_id_among
from flamenco_mgr.cli.output import Column, Record
from flamenco_mgr.cli.records import moment, text
from flamenco_mgr.cli.shape import FarmCommand, limited
from flamenco_mgr.cli.worker_names import WORKER

_USUAL = 100


def _change(event: Record) -> str:
    before, after = text(event, "before"), text(event, "after")
    return f"{before or '(none)'} -> {after}" if before != after else ""


def _columns(nicknames: Mapping[str, str]) -> Sequence[Column]:
    """Return the columns; a Worker without a nickname, such as one that is forgotten, is shown by its id."""

    def worker(event: Record) -> str:
        return nicknames.get(text(event, "worker")) or text(event, "worker")

    return (
        Column(title="WHEN", value=lambda event: moment(event, "at"), whole=True),
        Column(title="KIND", value=lambda event: text(event, "kind")),
        Column(title="CHANGE", value=_change),
        Column(title="TASK", value=lambda event: text(event, "task")),
        Column(title="WORKER", value=worker),
        Column(title="TEXT", value=lambda event: text(event, "text")),
    )


def line(event: Record) -> str:
    """Return an event of a task as one line."""
    worker = text(event, "worker")
    parts = (moment(event, "at"), _change(event), f"by {worker}" if worker else "", text(event, "text"))
    return "  ".join(part for part in parts if part)


@click.command(cls=FarmCommand)
@click.option(
    "--task", metavar="TASK", help="Only what happened to this task: its id, its name, or a beginning of them."
)
@click.option("--job", metavar="ID", help="Only what happened to tasks of this job.")
@click.option("--worker", type=WORKER, help="Only what happened to this Worker, or by it.")
@click.option("--kind", type=click.Choice(["task", "worker", "operator", "farm"]), help="Only events of this kind.")
@limited(_USUAL)
@click.pass_obj
def events(
    invocation: Invocation, *, task: str | None, job: str | None, worker: str | None, kind: str | None, limit: int
) -> None:
    """Show what has happened, the newest first."""
    manager = invocation.manager()
    workers = [] if invocation.as_json and worker is None else list(manager.list("/api/v1/workers"))
    asked = {
        "task": None if task is None else find_task_id(manager, task),
        "job": None if job is None else an_id(job, "job"),
        "worker": None if worker is None else worker_id_among(workers, worker),
        "kind": kind,
    }
    found = manager.list("/api/v1/events", asked, limit=limit)
    columns = _columns({text(one, "_id"): text(one, "nickname") for one in workers})
    invocation.output.records(found, columns, none="Nothing of that kind has happened.")
