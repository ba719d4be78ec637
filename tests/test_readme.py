"""The README tells what is so."""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import click
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.cli.program import program
from flamenco_mgr.options import Options
from flamenco_mgr.settings import Settings
from flamenco_mgr.settings.sections import keys_below

ROOT = Path(__file__).parent.parent


class ReadmeTests(SynchronousTestCase):
    text = (ROOT / "README.md").read_text()

    def test_settings(self) -> None:
        """The table of settings names every key, or the section it is in, and no key that there is not."""
        table = self.text.partition("### Settings")[2].partition("\n## ")[0]
        named = {
            name
            for row in table.splitlines()
            for name in re.findall(r"`([^`]+)`", row.partition("|")[2].partition("|")[0])
        }
        keys = set(keys_below(Settings))
        sections = {key.partition(".")[0] for key in keys if "." in key}
        self.assertEqual(named - keys - sections, set())
        untold = {key for key in keys if key not in named and key.partition(".")[0] not in named}
        # Of a section that has single keys in the table, the others come with later features.
        begun = {name.partition(".")[0] for name in named if "." in name}
        self.assertEqual({key for key in untold if key.partition(".")[0] not in begun}, set())

    def test_options(self) -> None:
        """Every option of the table is one, and every option is in the README."""
        parsed = Options()
        known = {"--" + name.rstrip("=") for name in parsed.longOpt} - {"--help"}
        table = self.text.partition("| option |")[2].partition("\n\n")[0]
        named = set(re.findall(r"--[a-z][a-z-]*", table))
        self.assertEqual(named - known, set())
        self.assertEqual(known - named - {"--verbose"}, set())

    def test_places(self) -> None:
        """Every file and folder that it names is there."""
        for name in re.findall(r"`((?:contrib|docs|flamenco_mgr|tests|bench|systemd)/[^`*]+)`", self.text):
            self.assertTrue((ROOT / name).exists(), name)

    def test_commands(self) -> None:
        """Every command of the command line is in its table, and no other; so are those of its groups."""
        table = self.text.partition("## From the command line")[2].partition("\n\nA Worker is named")[0]
        cells = [row.split("|")[1] for row in table.splitlines() if row.startswith("|")]
        named = {words for cell in cells for text in re.findall(r"`([^`]+)`", cell) if (words := _command(text))}
        self.assertEqual(named, set(_commands()))

    def test_command_options(self) -> None:
        """Every option of a command is told, here or in the document about backups."""
        told = self.text.partition("## From the command line")[2].partition("\n## ")[0]
        told += (ROOT / "docs" / "backup-format.md").read_text()
        named = set(re.findall(r"--[a-z][a-z-]*", told))
        self.assertEqual(set(_options(program, click.Context(program))) - named - {"--help", "--version"}, set())


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    """Yield the options of a command, and of all that are below it."""
    for parameter in command.get_params(context):
        if isinstance(parameter, click.Option):
            yield from (name for name in (*parameter.opts, *parameter.secondary_opts) if name.startswith("--"))
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _options(inner, context)


def _command(text: str) -> str:
    """Return the words of an example that are a command: those before the first option or argument."""
    return " ".join(itertools.takewhile(lambda word: re.fullmatch(r"[a-z][a-z-]*", word), text.split()))


def _commands() -> Iterator[str]:
    """Yield all commands; those that a group means by itself, and choices that stand for commands, among them."""
    context = click.Context(program)
    for name in program.list_commands(context):
        command = program.get_command(context, name)
        assert command is not None
        first = command.params[0] if command.params and isinstance(command.params[0], click.Argument) else None
        if isinstance(command, click.Group):
            yield name
            yield from (f"{name} {inner}" for inner in command.list_commands(context) if inner != "list")
        elif first is not None and isinstance(first.type, click.Choice):
            yield from (f"{name} {choice}" for choice in first.type.choices)
        else:
            yield name
