"""``flamenco-manager restore``: a backup becomes the store again."""

from pathlib import Path

import click

from flamenco_mgr.cli.invocation import Invocation
from flamenco_mgr.cli.shape import StoreCommand
from flamenco_mgr.cli.store_work import counted_records, now, opened, path_of, working
from flamenco_mgr.cli.texts import counted
from flamenco_mgr.storekeeping import restore as restoring


@click.command(cls=StoreCommand)
@click.argument("path", type=click.Path(path_type=Path))
@click.pass_obj
def restore(invocation: Invocation, path: Path) -> None:
    """
    Let the store be what a backup says; the Manager must not run.

    The backup may be of another kind of store. What was in the store before is kept beside it.
    """
    store = opened(invocation)
    with working(invocation) as progress:
        done = restoring.restore(store, path_of(invocation, path), now=now(), progress=progress)
    output = invocation.output
    output.say(f"Restored {store.shown}{counted_records(done.counts)}")
    if done.kept:
        output.say(f"What was there before is in {done.kept}")
    if done.freed:
        output.say(
            f"{counted(done.freed, 'task was', 'tasks were')} taken back from Workers that the backup does not know"
        )
    if invocation.as_json:
        output.document(
            {"store": store.shown, "kept": done.kept or None, "freed": done.freed, "counts": dict(done.counts)}
        )
