"""The argument that names a Worker; the shell completes it."""

import click
from click.shell_completion import CompletionItem

from flamenco_mgr.cli.invocation import Invocation
from flamenco_mgr.cli.outcome import CannotDo
from flamenco_mgr.cli.records import text


class WorkerName(click.types.StringParamType):
    """A Worker's nickname, id, or a beginning of its id."""

    name = "worker"

    def shell_complete(
        self, ctx: click.Context, _param: click.Parameter, incomplete: str
    ) -> "list[CompletionItem[str]]":
        """Return the nicknames that begin so, as far as a Manager tells them."""
        try:
            workers = list(ctx.ensure_object(Invocation).manager().list("/api/v1/workers"))
        except CannotDo:
            return []
        names = (text(worker, "nickname") for worker in workers)
        return [CompletionItem(name) for name in names if name and name.isprintable() and name.startswith(incomplete)]


WORKER = WorkerName()
