"""The program ``flamenco-manager``: its commands, and how it ends."""

import contextlib
import io
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NoReturn

import click

from flamenco_mgr import __version__
from flamenco_mgr.cli.invocation import Invocation
from flamenco_mgr.cli.outcome import CannotDo, ExitStatus
from flamenco_mgr.cli.shape import FarmGroup
from flamenco_mgr.cli.texts import shortened

NAME: Final = "flamenco-manager"

_LONGEST_LINE: Final = 1000

COMMANDS: Final[Mapping[str, str]] = {
    "status": "flamenco_mgr.cli.commands.status:status",
    "workers": "flamenco_mgr.cli.commands.workers:workers",
    "request": "flamenco_mgr.cli.commands.request:request",
    "jobs": "flamenco_mgr.cli.commands.jobs:jobs",
    "tasks": "flamenco_mgr.cli.commands.tasks:tasks",
    "log": "flamenco_mgr.cli.commands.log:log",
    "blacklist": "flamenco_mgr.cli.commands.blacklist:blacklist",
    "updates": "flamenco_mgr.cli.commands.updates:updates",
    "events": "flamenco_mgr.cli.commands.events:events",
    "kick": "flamenco_mgr.cli.commands.kick:kick",
    "backup": "flamenco_mgr.cli.commands.backup:backup",
    "restore": "flamenco_mgr.cli.commands.restore:restore",
    "migrate": "flamenco_mgr.cli.commands.migrate:migrate",
    "doctor": "flamenco_mgr.cli.commands.doctor:doctor",
    "completion": "flamenco_mgr.cli.commands.completion:completion",
}
"""Where each command is."""


class _NobodyReads(Exception):
    """Whoever read what is written has gone."""


class _Program(FarmGroup):
    def invoke(self, ctx: click.Context) -> object:
        try:
            result: object = super().invoke(ctx)
        except BrokenPipeError as e:
            raise _NobodyReads from e  # click would end with 1, which is for damage
        return result


@click.group(
    cls=_Program, late=COMMANDS, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="Flamenco Manager", message="%(prog)s %(version)s")
@click.pass_context
def program(ctx: click.Context) -> None:
    """
    Watch and steer the farm of a Flamenco Manager.

    In the Manager's run directory no options are needed.
    """
    ctx.ensure_object(Invocation)


def run(arguments: Sequence[str], invocation: Invocation) -> int:
    """Do what a command line says, and return the exit status; ``--help`` and ``--version`` write to `sys.stdout`."""
    try:
        result = program.main(list(arguments), prog_name=NAME, standalone_mode=False, obj=invocation)
        invocation.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as e:
        _finish(invocation, f"{e.format_message()}\n")
        return ExitStatus.USAGE
    except (Exception, KeyboardInterrupt) as e:  # noqa: BLE001 nobody who types a command wants to read a stack trace
        text, status = _ending(e)
        _finish(invocation, _told(text))
        return status
    finally:
        invocation.close()
    return result if isinstance(result, int) else ExitStatus.DONE


def main() -> NoReturn:
    """Run the program."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            # Whoever closed it wants to read nothing.
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 it stays until the end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:], Invocation()))


def _ending(error: BaseException) -> tuple[str, ExitStatus]:
    """Return what is said of an error, if anything, and the exit status."""
    match error:
        case CannotDo():
            return str(error), error.status
        case click.ClickException():
            return f"{error.format_message()}{_hint(error)}", ExitStatus.USAGE
        case KeyboardInterrupt() | click.Abort():
            return "", ExitStatus.INTERRUPTED
        case _NobodyReads() | BrokenPipeError():
            return "", ExitStatus.NO_READER
        case OSError():
            where = f": {error.filename}" if error.filename else ""
            return f"Cannot go on: {error.strerror or error}{where}", ExitStatus.REFUSED
    trace = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(trace.filename).name}, line {trace.lineno}"
    return f"A mistake of this program's own: {type(error).__name__}: {error} ({where})", ExitStatus.REFUSED


def _hint(error: click.ClickException) -> str:
    if isinstance(error, click.UsageError) and error.ctx is not None:
        return f" ({error.ctx.command_path} --help tells more)"
    return ""


def _finish(invocation: Invocation, text: str) -> None:
    """Write what is left to be written, as far as there is somebody to read it, and then what is said at the end."""
    try:
        invocation.stdout.flush()
    except OSError:
        # The interpreter would try once more, and not be quiet about it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), invocation.stdout.fileno())
    with contextlib.suppress(OSError):
        invocation.stderr.write(text)


def _told(reason: str) -> str:
    """Return the reason of a failure as it is written, nothing if there is none."""
    lines = [shortened(line, _LONGEST_LINE) for line in reason.splitlines()]
    return f"{NAME}: " + "\n".join(lines) + "\n" if lines else ""
