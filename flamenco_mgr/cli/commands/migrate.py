"""``flamenco-manager migrate``: a farm moves from one store to another."""

from collections.abc import Iterator, Mapping

import click

from flamenco_mgr.cli.invocation import Invocation
from flamenco_mgr.cli.output import Column, Record
from flamenco_mgr.cli.records import text
from flamenco_mgr.cli.shape import StoreCommand
from flamenco_mgr.cli.store_work import named, now, tell_left_out, working
from flamenco_mgr.storekeeping.migrate import Migrated
from flamenco_mgr.storekeeping.migrate import migrate as migrating
from flamenco_mgr.storekeeping.records import WORDS

_COLUMNS = (
    Column(title="WHAT", value=lambda row: text(row, "what")),
    Column(title="SOURCE", value=lambda row: f"{row['source']['count']:,}", right=True),
    Column(title="TARGET", value=lambda row: f"{row['target']['count']:,}", right=True),
    Column(title="DIGEST OF BOTH", value=lambda row: str(row["target"]["digest"])[:16], whole=True),
)


@click.command(cls=StoreCommand, instead="name both with --from and --to")
@click.option(
    "--from", "source", required=True, metavar="URL", help="The store as it is: mongodb://..., or a directory."
)
@click.option(
    "--to", "target", required=True, metavar="URL", help="The store that is to be filled, which is empty yet."
)
@click.pass_obj
def migrate(invocation: Invocation, source: str, target: str) -> None:
    """
    Fill an empty store with all that is in another one, which stays as it is.

    A store is named mongodb://HOST/DATABASE, sqlite:DIRECTORY, or by its directory alone. No Manager may run on
    either. If this is interrupted, say it again.
    """
    stores = named(invocation, source), named(invocation, target)
    with working(invocation) as progress:
        done = migrating(*stores, now=now(), progress=progress)
    output = invocation.output
    tell_left_out(invocation, done.left_out)
    output.say(f"All of {stores[0].shown} is in {stores[1].shown} now:")
    if invocation.as_json:
        output.document({"source": stores[0].shown, "target": stores[1].shown, "kinds": list(_rows(done))})
    else:
        output.records(_rows(done), _COLUMNS, none="nothing")


def _rows(done: Migrated) -> Iterator[Record]:
    for kind, (_, words) in WORDS.items():
        sides: Mapping[str, Record] = {
            side: {"count": sums.counts[kind], "digest": sums.digests[kind]}
            for side, sums in (("source", done.source), ("target", done.target))
        }
        yield {"kind": kind, "what": words, **sides}
