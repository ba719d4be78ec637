"""``flamenco-manager log``: the log of a task."""

from codecs import getincrementaldecoder
from collections.abc import Iterable
from typing import TextIO

import click

from flamenco_mgr.cli.invocation import Invocation
from flamenco_mgr.cli.naming import an_id, find_task
from flamenco_mgr.cli.records import text
from flamenco_mgr.cli.shape import FarmCommand
from flamenco_mgr.cli.texts import visible


@click.command(cls=FarmCommand)
@click.argument("task")
@click.option("--job", metavar="ID", help="The task's job; the task need not be known any more then.")
@click.pass_obj
def log(invocation: Invocation, task: str, job: str | None) -> None:
    """
    Print the log of a task.

    A TASK is an id, a name, or a beginning of them.
    """
    manager = invocation.manager()
    if job is None:
        found = find_task(manager, task)
        job_id, task_id = text(found, "job"), text(found, "_id")
    else:
        job_id, task_id = an_id(job, "job"), an_id(task, "task")
    pieces = manager.pieces(f"/logfile/{job_id}/{task_id}")
    if invocation.as_json:
        content = b"".join(pieces).decode("utf-8", "replace")
        invocation.output.document({"task": task_id, "job": job_id, "log": content})
    elif invocation.output.is_terminal:
        _show(pieces, invocation.stdout)
    else:
        for piece in pieces:
            invocation.stdout.buffer.write(piece)


def _show(pieces: Iterable[bytes], stdout: TextIO) -> None:
    """Write a text of a Worker's for people, without what a terminal would obey."""
    decoder = getincrementaldecoder("utf-8")("replace")
    stdout.writelines(visible(decoder.decode(piece)) for piece in pieces)
    stdout.write(visible(decoder.decode(b"", final=True)))
