"""``flamenco-manager completion``: what a shell needs to complete command lines of this program."""

from typing import Any

import click
from click.shell_completion import BashComplete

from flamenco_mgr.cli.invocation import Invocation
from flamenco_mgr.cli.shape import FarmCommand


class _Shell(click.Choice[str]):
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in self.choices:
            self.fail("only bash is supported", param, ctx)
        return str(value)

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None) -> str:  # noqa: ARG002 it is always this
        return "Only bash is supported"


@click.command(cls=FarmCommand)
@click.argument("shell", type=_Shell(["bash"]), metavar="SHELL")
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:  # noqa: ARG001 there is one
    """
    Print what makes a shell complete commands.

    It completes options and names of Workers, too. For bash: eval "$(flamenco-manager completion bash)", in ~/.bashrc
    to have it always.
    """
    root = ctx.find_root()
    name = root.info_name or ""
    source = BashComplete(root.command, {}, name, f"_{name.replace('-', '_')}_COMPLETE".upper()).source()
    ctx.ensure_object(Invocation).stdout.write(f"{source}\n")
