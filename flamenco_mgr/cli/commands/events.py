"""``flamenco-manager events``: what has happened."""

import click

from flamenco_mgr.cli.invocation import Invocation
from flamenco_mgr.cli.naming import an_id, find_worker_id
from flamenco_mgr.cli.output import Column, Record
from flamenco_mgr.cli.records import moment, text
from flamenco_mgr.cli.shape import FarmCommand, limited
from flamenco_mgr.cli.worker_names import WORKER

_USUAL = 100


def _change(event: Record) -> str:
    before, after = text(event, "before"), text(event, "after")
    return f"{before or '(none)'} -> {after}" if before != after else after


COLUMNS = (
    Column(title="WHEN", value=lambda event: moment(event, "at"), whole=True),
    Column(title="KIND", value=lambda event: text(event, "kind")),
    Column(title="CHANGE", value=_change),
    Column(title="TASK", value=lambda event: text(event, "task")),
    Column(title="WORKER", value=lambda event: text(event, "worker")),
    Column(title="TEXT", value=lambda event: text(event, "text")),
)


def line(event: Record) -> str:
    """Return an event of a task as one line."""
    worker = text(event, "worker")
    parts = (moment(event, "at"), _change(event), f"by {worker}" if worker else "", text(event, "text"))
    return "  ".join(part for part in parts if part)


@click.command(cls=FarmCommand)
@click.option("--task", metavar="ID", help="Only what happened to this task.")
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
    asked = {
        "task": None if task is None else an_id(task, "task"),
        "job": None if job is None else an_id(job, "job"),
        "worker": None if worker is None else find_worker_id(manager, worker),
        "kind": kind,
    }
    found = manager.list("/api/v1/events", asked, limit=limit)
    invocation.output.records(found, COLUMNS, none="Nothing of that kind has happened.")
