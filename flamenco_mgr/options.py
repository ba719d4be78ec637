"""The command line of ``twistd flamenco-manager``: what is checked before anything is forked."""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import ClassVar, NoReturn, TextIO

from attrs import field, frozen
from constantly import NamedConstant
from twisted.logger import LogLevel
from twisted.python import usage

from flamenco_mgr import __version__
from flamenco_mgr.log_output import LEVELS, LogFormat, LogOutput
from flamenco_mgr.settings import ConfigErrors, Loaded, NoConfigFile, Settings, dump, find_config, load, write
from flamenco_mgr.store.interfaces import StoreRefused
from flamenco_mgr.store.mongo.bundled import left_behind
from flamenco_mgr.store.mongo.survey import survey
from flamenco_mgr.store.mongo.uri import MongoAddress

REFUSED = 2
"""The exit status of a one-shot operation that is not done because nobody has agreed to it."""

_WITHOUT_STORE = ("check-config", "write-config")


class OneShot(Enum):
    """Something that is done instead of running the Manager."""

    CLEANSLATE = "cleanslate"
    PURGEQUEUE = "purgequeue"


@frozen(kw_only=True)
class Terminal:
    """The streams and the environment of the process."""

    stdin: TextIO | None = field(factory=lambda: sys.stdin)
    stdout: TextIO = field(factory=lambda: sys.stdout)
    stderr: TextIO = field(factory=lambda: sys.stderr)
    environment: Mapping[str, str] = field(factory=lambda: os.environ)

    @property
    def can_ask(self) -> bool:
        """Whether there is somebody to answer a question."""
        return self.stdin is not None and self.stdin.isatty()


class Options(usage.Options):
    """
    The options (configuration.md 14).

    Afterwards ``settings`` holds the checked `Settings`, ``warnings`` what is to be logged of them, ``log-output`` a
    `LogOutput` (None: twistd's own), ``one-shot`` a `OneShot` or None, and ``export`` an absolute path or None. What is
    wrong is written to standard error and ends the process with status 1.
    """

    longdesc = (
        "Runs the Manager of a Flamenco render farm. Its configuration is the file that --config names, else the one "
        "that FLAMENCO_MANAGER_CONFIG in the environment names, else manager.yaml or flamenco-manager.yaml in the run "
        "directory. Relative paths count from the run directory."
    )
    optParameters: ClassVar[Sequence[Sequence[object]]] = [
        ["config", "c", None, "The configuration file, instead of the one in the run directory."],
        ["log-level", None, None, f"How much is logged: {', '.join(LEVELS)}. [default: info]"],
        ["log-format", None, "text", "How it is logged: text, or json, one object a line."],
        ["mode", None, None, "production or develop, instead of the file's mode."],
        ["listen", None, None, "The address for Workers, instead of the file's listen."],
        ["own-url", None, None, "This Manager's URL for others, instead of the file's own_url."],
        ["database-url", None, None, "The database, instead of the file's database_url."],
        ["export", None, None, "With --purgequeue: write the updates to this new file first, as JSON lines."],
    ]  # fmt: skip
    optFlags: ClassVar[Sequence[Sequence[object]]] = [
        ["debug", None, "The same as --log-level=debug."],
        ["quiet", None, "The same as --log-level=warn; --debug wins."],
        ["verbose", None, "Has no effect; accepted for those who are used to it."],
        ["json", None, "The same as --log-format=json."],
        ["check-config", None, "Check the configuration, print the settings in effect without secrets, and exit."],
        ["write-config", None, "Write the configuration file anew, complete and in the newest form, and exit."],
        ["cleanslate", None, "Forget all tasks, and fetch them anew at the next start; then exit. Needs twistd -n."],
        ["purgequeue", None, "Forget the updates that wait for the Server, and exit. Needs twistd -n."],
        ["yes", None, "With --cleanslate and --purgequeue: do it without asking."],
    ]

    def __init__(self, terminal: Terminal | None = None) -> None:
        super().__init__()
        self._terminal = Terminal() if terminal is None else terminal

    def opt_version(self) -> NoReturn:
        """Print the Manager's version, and exit."""
        self._print(f"Flamenco Manager {__version__}")
        raise SystemExit(0)

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Read the command line; what cannot be read is one line, and not twistd's help before it."""
        try:
            super().parseOptions(options)
        except usage.UsageError as e:
            _fail(f"{e} (--help lists the options)")

    def parseArgs(self, *arguments: str) -> None:
        """Refuse what is no option."""
        if arguments:
            raise usage.UsageError(f"{arguments[0]!r} is no option")

    def postOptions(self) -> None:
        """Check all of it, and the configuration."""
        given: Mapping[str, object] = self.parent or {}
        rundir = Path(str(given.get("rundir") or ".")).absolute()
        if not rundir.is_dir():
            _fail(f"The run directory {rundir} is no directory")
        self["one-shot"] = self._one_shot(nodaemon=bool(given.get("nodaemon") or given.get("debug")))
        self["export"] = rundir / self["export"] if self["export"] else None
        self["log-output"] = self._log_output(given, rundir)
        self._configure(rundir)

    def _one_shot(self, *, nodaemon: bool) -> OneShot | None:
        chosen = [name for name in (*_WITHOUT_STORE, *(one.value for one in OneShot)) if self[name]]
        if len(chosen) > 1:
            _fail(f"Only one of these at a time: {', '.join(f'--{name}' for name in chosen)}")
        shots = [OneShot(name) for name in chosen if name not in _WITHOUT_STORE]
        if self["export"] is not None and shots != [OneShot.PURGEQUEUE]:
            _fail("--export goes with --purgequeue")
        if self["yes"] and not shots:
            _fail("--yes goes with --cleanslate or --purgequeue")
        if not shots:
            return None
        if not nodaemon:
            self._refuse(f"--{chosen[0]} is not done by a daemon: twistd -n flamenco-manager --{chosen[0]}")
        if not self["yes"] and not self._terminal.can_ask:
            self._refuse(f"--{chosen[0]} has nobody to ask: standard input is no terminal (--yes does it unasked)")
        return shots[0]

    def _log_output(self, given: Mapping[str, object], rundir: Path) -> LogOutput | None:
        level, line = self._log_level(), self._log_format()
        if given.get("logger") or given.get("syslog"):
            return None
        file, nodaemon = given.get("logfile"), given.get("nodaemon") or given.get("debug")
        if file == "-" and not nodaemon:
            _fail("A daemon has no standard output to log to: use twistd -n, or name a file as --logfile")
        if file == "-" or not (file or nodaemon):
            path = None if file == "-" else rundir / "twistd.log"
        else:
            path = Path(str(file)).absolute() if file else None
        return LogOutput(level=level, format=line, path=path, aside=self["one-shot"] is not None)

    def _log_level(self) -> NamedConstant:
        name = self["log-level"]
        if name is not None and name not in LEVELS:
            _fail(f"--log-level={name}: use one of {', '.join(LEVELS)}")
        levels = [LogLevel.lookupByName(name)] if name else []
        levels += [LogLevel.debug] if self["debug"] else []
        levels += [LogLevel.warn] if self["quiet"] else []
        # What is a one-shot's to say it prints.
        return min(levels, default=LogLevel.warn if self["one-shot"] else LogLevel.info)

    def _log_format(self) -> LogFormat:
        if self["json"]:
            return LogFormat.JSON
        try:
            return LogFormat(self["log-format"])
        except ValueError:
            _fail(f"--log-format={self['log-format']}: use text or json")

    def _configure(self, rundir: Path) -> None:
        loaded, settings = self._load(rundir)
        if self["write-config"]:
            self._write(loaded, rundir)
        warnings = (*loaded.warnings, *(() if settings.database_url else left_behind(settings.database_path)))
        if settings.database_url:
            self._check_database_url(settings.database_url)
        if self["check-config"]:
            self._warn(warnings)
            self._tell_of_database(settings)
            self._print(dump(settings, mask_secrets=True).rstrip("\n"))
            raise SystemExit(0)
        self["settings"], self["warnings"] = settings, warnings
        if self["verbose"]:
            self["warnings"] = (*warnings, "--verbose has no effect; --debug tells more")

    def _check_database_url(self, url: str) -> None:
        try:
            MongoAddress.from_text(url)
        except StoreRefused as e:
            _fail(str(e))

    def _load(self, rundir: Path) -> tuple[Loaded, Settings]:
        option = Path(self["config"]) if self["config"] else None
        wanted = {name: self[name.replace("_", "-")] for name in ("mode", "listen", "own_url", "database_url")}
        given = {name: value for name, value in wanted.items() if value is not None}
        mistakes: list[str] = []
        try:
            Settings().overridden(**given)
        except ConfigErrors as e:
            mistakes.append(str(e))
        try:
            self._file = find_config(option, self._terminal.environment, rundir)
            loaded = load(self._file, rundir)
        except (NoConfigFile, ConfigErrors) as e:
            _fail("\n".join([*mistakes, str(e)]))
        except OSError as e:
            _fail("\n".join([*mistakes, f"The configuration file {self._file} cannot be read: {e.strerror}"]))
        if mistakes:
            _fail("\n".join(mistakes))
        return loaded, loaded.settings.overridden(**given)

    def _write(self, loaded: Loaded, rundir: Path) -> NoReturn:
        self._warn(loaded.warnings)
        try:
            is_new = write(self._file, loaded.settings, rundir)
        except OSError as e:
            _fail(f"{self._file} cannot be written: {e}")
        if is_new:
            self._print(f"{self._file} is written anew; the old one is {self._file.name}.bak beside it")
        else:
            self._print(f"{self._file} is complete and in the newest form already; nothing was changed")
        raise SystemExit(0)

    def _tell_of_database(self, settings: Settings) -> None:
        if not settings.database_url:
            return
        found = survey(settings.database_url)
        if found.refused is not None:
            _fail(found.refused)
        for line in found.lines:
            print(f"Database: {line}", file=self._terminal.stderr)
        if found.trouble is not None:
            self._warn([f"The database cannot be looked at: {found.trouble}"])

    def _warn(self, warnings: Iterable[str]) -> None:
        for warning in warnings:
            print(f"Warning: {warning}", file=self._terminal.stderr)

    def _refuse(self, reason: str) -> NoReturn:
        print(f"flamenco-manager: {reason}", file=self._terminal.stderr)
        raise SystemExit(REFUSED)

    def _print(self, text: str) -> None:
        print(text, file=self._terminal.stdout)


def _fail(reason: str) -> NoReturn:
    """End the process with status 1; the interpreter writes the reason to standard error."""
    raise SystemExit(f"flamenco-manager: {reason}")
