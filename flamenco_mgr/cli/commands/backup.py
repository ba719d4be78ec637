"""``flamenco-manager backup``: a copy of the store, made while the farm is at work."""

from pathlib import Path

import click

from flamenco_mgr.cli.invocation import Invocation
from flamenco_mgr.cli.shape import StoreCommand
from flamenco_mgr.cli.store_work import (
    counted_records,
    let_others_go_first,
    now,
    opened,
    path_of,
    tell_left_out,
    working,
)
from flamenco_mgr.cli.texts import sized
from flamenco_mgr.storekeeping.backup import back_up


@click.command(cls=StoreCommand)
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--neutral", is_flag=True, help="Make one that any kind of store can be filled from, whatever its name.")
@click.option("--force", is_flag=True, help="Overwrite PATH, once the backup is whole.")
@click.pass_obj
def backup(invocation: Invocation, path: Path, *, neutral: bool, force: bool) -> None:
    """
    Make a backup of the store, whether the Manager runs or not.

    Of the embedded store it is a copy of the database, or, if PATH ends in .jsonl.gz, a file that a store on MongoDB
    can be restored from as well. Of MongoDB it is always such a file.
    """
    let_others_go_first(invocation)
    store = opened(invocation)
    with working(invocation) as progress:
        made = back_up(store, path_of(invocation, path), now=now(), progress=progress, neutral=neutral, overwrite=force)
    kind = "neutral format" if made.neutral else "copy of the database"
    invocation.output.say(f"{made.path}: {kind}, {sized(made.size)}{counted_records(made.counts)}")
    tell_left_out(invocation, made.left_out)
    if invocation.as_json:
        invocation.output.document(
            {"path": str(made.path), "bytes": made.size, "neutral": made.neutral, "counts": dict(made.counts)}
        )
