"""The shape of all commands: the options they have in common, groups with a usual command, late imports."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from flamenco_mgr.cli.invocation import Invocation


def _url(ctx: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.ensure_object(Invocation).url = value


def _config(ctx: click.Context, _parameter: click.Parameter, value: Path | None) -> None:
    if value is not None:
        ctx.ensure_object(Invocation).config = value


def _json(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        ctx.ensure_object(Invocation).as_json = True


def _in_common(*, shows_url: bool = True) -> list[click.Parameter]:
    return [
        click.Option(
            ["--url"],
            metavar="URL",
            callback=_url,
            expose_value=False,
            hidden=not shows_url,
            help="The Manager's address, instead of the one in the configuration.",
        ),
        click.Option(
            ["-c", "--config"],
            type=click.Path(path_type=Path),
            callback=_config,
            expose_value=False,
            help="The Manager's configuration file, instead of the one in this directory.",
        ),
        click.Option(["--json"], is_flag=True, callback=_json, expose_value=False, help="Write JSON, for programs."),
    ]


def limited(usual: int | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the decorator of a command that lists: its option ``--limit``, else ``usual`` items or all of them."""
    return click.option(
        "-n",
        "--limit",
        type=click.IntRange(min=1),
        default=usual,
        metavar="NUMBER",
        help="How many at the most." if usual is None else f"How many at the most, else {usual}.",
    )


_WITH_VALUE = ("--url", "--config", "-c")
_WITHOUT_VALUE = ("--json",)


class FarmCommand(click.Command):
    """A command that takes the options that all have in common."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the command's own parameters, and those in common."""
        return [*super().get_params(ctx), *_in_common()]


class StoreCommand(FarmCommand):
    """
    A command that opens the store itself, and refuses a Manager's address.

    ``instead`` tells how the store is named.
    """

    def __init__(self, *args: Any, instead: str = "name its configuration with --config", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._instead = instead

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the command's own parameters, and those in common; ``--url`` is read, to be refused."""
        return [*click.Command.get_params(self, ctx), *_in_common(shows_url=False)]

    def invoke(self, ctx: click.Context) -> Any:
        """Do what the command does; wrong usage if it is to do so for an address."""
        if ctx.ensure_object(Invocation).url is not None:
            raise click.UsageError(f"{ctx.info_name} opens the store itself, not by --url: {self._instead}", ctx)
        return super().invoke(ctx)


class FarmGroup(click.Group):
    """
    A group of commands, which takes the same options.

    ``usual`` is the command that is meant when none is named. ``late`` tells for names of commands in which module,
    and as what in it, each is found; it is imported when it is needed.
    """

    command_class = FarmCommand

    def __init__(self, *args: Any, usual: str = "", late: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        kwargs.setdefault("no_args_is_help", not usual)
        super().__init__(*args, **kwargs)
        self._usual = usual
        self._late = dict(late or {})

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the group's own parameters, and those in common."""
        return [*super().get_params(ctx), *_in_common()]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the command line, and put the usual command where one is missing."""
        if self._usual and self._leaves_it_out(ctx, args[_first_of_ones_own(args) :]):
            at = _first_of_ones_own(args)
            args = [*args[:at], self._usual, *args[at:]]
        return super().parse_args(ctx, args)

    def _leaves_it_out(self, ctx: click.Context, own: Sequence[str]) -> bool:
        if not own:
            return not ctx.resilient_parsing  # a shell that completes wants the names of all
        return own[0].startswith("-") and own[0] not in ctx.help_option_names

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem[str]]":
        """
        Return what a shell can put here: names of commands, or options, those of the usual command as well.

        No command is imported for its name: whoever presses a key waits.
        """
        items = [CompletionItem(name) for name in self.list_commands(ctx) if name.startswith(incomplete)]
        items += click.Command.shell_complete(self, ctx, incomplete)
        usual = self.get_command(ctx, self._usual) if self._usual and incomplete.startswith("-") else None
        if usual is not None:
            known = {item.value for item in items}
            more = usual.shell_complete(
                usual.make_context(self._usual, [], parent=ctx, resilient_parsing=True), incomplete
            )
            items += [item for item in more if item.value not in known]
        return items

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, in the order in which they were told."""
        return [*self._late, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by its name."""
        if cmd_name not in self._late:
            return super().get_command(ctx, cmd_name)
        module, _, name = self._late[cmd_name].partition(":")
        found = getattr(import_module(module), name)
        if not isinstance(found, click.Command):
            raise TypeError(f"{self._late[cmd_name]} is no command")
        return found


def _first_of_ones_own(args: Sequence[str]) -> int:
    """Return the index of the first argument that is none of the options in common."""
    at = 0
    while at < len(args):
        if args[at] in _WITH_VALUE:
            at += 2
        elif args[at] in _WITHOUT_VALUE or args[at].startswith(tuple(f"{name}=" for name in _WITH_VALUE)):
            at += 1
        else:
            break
    return min(at, len(args))
