"""``flamenco-manager jobs``: how far the jobs are."""

from collections.abc import Iterator

import click

from flamenco_mgr.cli.invocation import Invocation
from flamenco_mgr.cli.naming import an_id
from flamenco_mgr.cli.output import Column, Record
from flamenco_mgr.cli.records import count, tally, text
from flamenco_mgr.cli.shape import FarmGroup, limited


def _completed(job: Record) -> str:
    total = count(job, "total")
    return f"{100 * count(job, 'by_status', 'completed') // total} %" if total else ""


COLUMNS = (
    Column(title="ID", value=lambda job: text(job, "_id"), whole=True),
    Column(title="TYPE", value=lambda job: text(job, "job_type")),
    Column(title="PRIORITY", value=lambda job: text(job, "job_priority"), right=True),
    Column(title="TASKS", value=lambda job: f"{count(job, 'total'):,}", right=True),
    Column(title="DONE", value=_completed, right=True),
    Column(title="BY STATUS", value=lambda job: tally(job, "by_status")),
)


@click.group(cls=FarmGroup, usual="list")
def jobs() -> None:
    """
    List jobs, or show one.

    Without a command: list, which also takes its options.
    """


@jobs.command(name="list")
@limited()
@click.pass_obj
def list_jobs(invocation: Invocation, limit: int | None) -> None:
    """List the jobs, the newest first."""
    found = invocation.manager().list("/api/v1/jobs", limit=limit)
    invocation.output.records(found, COLUMNS, none="There are no jobs.")


@jobs.command()
@click.argument("job")
@click.pass_obj
def show(invocation: Invocation, job: str) -> None:
    """Show a job, by its id."""
    found = invocation.manager().get(f"/api/v1/jobs/{an_id(job, 'job')}")
    if invocation.as_json:
        invocation.output.document(found)
    else:
        invocation.output.facts(_facts(found))


def _facts(job: Record) -> Iterator[tuple[str, str]]:
    yield "Id", text(job, "_id")
    yield "Type", text(job, "job_type")
    yield "Priority", text(job, "job_priority")
    yield "Tasks", f"{count(job, 'total'):,}: {tally(job, 'by_status')}"
    yield "Completed", _completed(job)
