"""``flamenco-manager blacklist``: which Worker is not given which tasks, as it failed at them."""

import click

from flamenco_mgr.cli.invocation import Invocation
from flamenco_mgr.cli.naming import an_id, find_worker_id
from flamenco_mgr.cli.output import Column
from flamenco_mgr.cli.records import moment, text
from flamenco_mgr.cli.shape import FarmGroup, limited
from flamenco_mgr.cli.worker_names import WORKER

COLUMNS = (
    Column(title="WORKER", value=lambda line: text(line, "worker"), whole=True),
    Column(title="NAME", value=lambda line: text(line, "nickname")),
    Column(title="JOB", value=lambda line: text(line, "job"), whole=True),
    Column(title="TYPE", value=lambda line: text(line, "task_type")),
    Column(title="SINCE", value=lambda line: moment(line, "created")),
)


@click.group(cls=FarmGroup, usual="list")
def blacklist() -> None:
    """
    List the lines of the blacklist, or remove one.

    Without a command: list, which also takes its options.
    """


@blacklist.command(name="list")
@limited()
@click.pass_obj
def list_lines(invocation: Invocation, limit: int | None) -> None:
    """List which Workers are not given which tasks, the oldest line first."""
    found = invocation.manager().list("/api/v1/blacklist", limit=limit)
    invocation.output.records(found, COLUMNS, none="The blacklist is empty.")


@blacklist.command()
@click.argument("worker", type=WORKER)
@click.argument("job")
@click.argument("task_type")
@click.pass_obj
def remove(invocation: Invocation, worker: str, job: str, task_type: str) -> None:
    """Let a Worker have tasks of this type of this job (again)."""
    job_id = an_id(job, "job")
    manager = invocation.manager()
    line = {"worker": find_worker_id(manager, worker), "job": job_id, "task_type": task_type}
    manager.act("DELETE", "/api/v1/blacklist", query=line)
    if invocation.as_json:
        invocation.output.document(line)
    else:
        invocation.output.say(f"{worker} may have tasks of type {task_type} of job {job_id}")
