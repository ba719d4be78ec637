"""``flamenco-manager events``: what has happened."""

from collections.abc import Mapping, Sequence
from itertools import chain

import click

from flamenco_mgr.cli.following import end_of_log, followed
from flamenco_mgr.cli.invocation import Invocation
from flamenco_mgr.cli.manager import Manager
from flamenco_mgr.cli.naming import an_id, find_task_id, worker_id_among
from flamenco_mgr.cli.output import Column, Record
from flamenco_mgr.cli.records import count, moment, text
from flamenco_mgr.cli.shape import FarmCommand, limited
from flamenco_mgr.cli.worker_names import WORKER

_USUAL = 100

_KINDS = ("task", "worker", "operator", "download", "farm")


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


def _followed_line(event: Record, nicknames: Mapping[str, str]) -> str:
    cells = (column.value(event) for column in _columns(nicknames))
    return "  ".join(cell for cell in cells if cell)


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
@click.option("--kind", type=click.Choice(_KINDS), help="Only events of this kind.")
@click.option("-f", "--follow", is_flag=True, help="The oldest first, and go on with what happens, until Ctrl+C.")
@limited(_USUAL)
@click.pass_obj
def events(
    invocation: Invocation,
    *,
    task: str | None,
    job: str | None,
    worker: str | None,
    kind: str | None,
    follow: bool,
    limit: int,
) -> None:
    """
    Show what has happened, the newest first.

    With --follow each event is a line, with --json as well.
    """
    manager = invocation.manager()
    workers = [] if invocation.as_json and worker is None else list(manager.list("/api/v1/workers"))
    asked = {
        "task": None if task is None else find_task_id(manager, task),
        "job": None if job is None else an_id(job, "job"),
        "worker": None if worker is None else worker_id_among(workers, worker),
        "kind": kind,
    }
    nicknames = {text(one, "_id"): text(one, "nickname") for one in workers}
    if follow:
        _follow(invocation, manager, asked, limit, nicknames)
        return
    found = manager.list("/api/v1/events", asked, limit=limit)
    invocation.output.records(found, _columns(nicknames), none="Nothing of that kind has happened.")


def _follow(
    invocation: Invocation,
    manager: Manager,
    asked: Mapping[str, str | None],
    limit: int,
    nicknames: Mapping[str, str],
) -> None:
    """Show the latest events, and then what happens."""
    end = end_of_log(manager)  # before the list is read, so that nothing falls between it and what follows
    latest = list(manager.list("/api/v1/events", asked, limit=limit))
    end = max((end, *(count(event, "place") for event in latest)))
    for found in chain([latest[::-1]], followed(invocation, manager, asked, end)):
        for event in found:
            invocation.output.line(event, _followed_line(event, nicknames))
