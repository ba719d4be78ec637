"""The command line, as far as it is decided before anything is forked (configuration.md 14)."""

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.logger import LogLevel
from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr import __version__
from flamenco_mgr.log_output import LogFormat, LogOutput
from flamenco_mgr.options import OneShot, Options, Terminal
from flamenco_mgr.settings import load

FILE = """\
_meta: {version: 2}
manager_name: Barn Farm
manager_id: 5d7b9f3ae4b0c83a1f2d6e11
manager_secret: SRVd0ntUseThisSecret
listen: ':8081'
database_path: ./store
"""


class Somebody(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


class OptionsCase(SynchronousTestCase):
    """A run directory with a configuration, and a command line."""

    def setUp(self) -> None:
        self.rundir = Path(self.mktemp()).absolute()
        self.rundir.mkdir()
        self.file = self.write("manager.yaml", FILE)
        self.environment: dict[str, str] = {}
        self.stdin: io.StringIO | None = io.StringIO()
        self.stdout, self.stderr = io.StringIO(), io.StringIO()

    def write(self, name: str, content: str) -> Path:
        path = self.rundir / name
        path.write_text(content)
        path.chmod(0o600)
        return path

    def options(self, *arguments: str, **twistd: object) -> Options:
        """Return the options of ``twistd <twistd> flamenco-manager <arguments>``."""
        terminal = Terminal(stdin=self.stdin, stdout=self.stdout, stderr=self.stderr, environment=self.environment)
        options = Options(terminal)
        parent = usage.Options()
        parent.update({"rundir": str(self.rundir), "nodaemon": 1} | twistd)
        options.parent = parent
        options.parseOptions(arguments)
        return options

    def ending(self, *arguments: str, **twistd: object) -> Any:
        """Return with what the process ends: a status, or the text for standard error of one that ends with 1."""
        return self.assertRaises(SystemExit, self.options, *arguments, **twistd).code


class ConfigurationTests(OptionsCase):
    def test_settings(self) -> None:
        """The configuration is read and checked; relative paths in it count from the run directory."""
        settings = self.options()["settings"]
        self.assertEqual(settings.manager_name, "Barn Farm")
        self.assertEqual(settings.database_path, self.rundir / "store")

    def test_another_file(self) -> None:
        """``--config`` wins over ``FLAMENCO_MANAGER_CONFIG``, and that over the usual names; both count from there."""
        self.write("other.yaml", "_meta: {version: 2}\nmanager_name: other\n")
        self.write("third.yaml", "_meta: {version: 2}\nmanager_name: third\n")
        self.environment["FLAMENCO_MANAGER_CONFIG"] = "third.yaml"
        names = [self.options(*arguments)["settings"].manager_name for arguments in ([], ["-c", "other.yaml"])]
        self.assertEqual(names, ["third", "other"])

    def test_relative_run_directory(self) -> None:
        """A relative run directory is resolved once, before twistd changes into it."""
        settings = self.options(rundir=os.path.relpath(self.rundir))["settings"]
        self.assertEqual(settings.database_path, self.rundir / "store")

    def test_no_file(self) -> None:
        """Fact 86 of task-lifecycle.md 20 (configuration.md 14): without a file one line names the two looked for."""
        self.file.unlink()
        message = self.ending()
        self.assertIn(str(self.rundir / "manager.yaml"), message)
        self.assertIn(str(self.rundir / "flamenco-manager.yaml"), message)
        self.assertNotIn("\n", message)

    def test_named_file_missing(self) -> None:
        """A file that is named but is not there is the operating system's error, in one line."""
        message = self.ending("--config=none.yaml")
        self.assertIn("none.yaml", message)
        self.assertNotIn("\n", message)

    def test_all_mistakes(self) -> None:
        """Every mistake in the file and on the command line is in one message."""
        self.write("manager.yaml", "_meta: {version: 2}\nmanager_secert: x\ndownload_task_sleep: 30\n")
        message = self.ending("--mode=loud", "--listen=nowhere")
        for part in ("manager_secert", "manager_secret", "download_task_sleep", "'loud'", "'nowhere'"):
            self.assertIn(part, message)

    def test_no_run_directory(self) -> None:
        """A run directory that is not there is said in one line, before twistd fails to change into it."""
        self.assertIn("is no directory", self.ending(rundir=str(self.rundir / "none")))

    def test_options_win(self) -> None:
        """``--mode``, ``--listen`` and ``--own-url`` win over the file."""
        settings = self.options("--mode=develop", "--listen=[::1]:9", "--own-url=http://farm.local/")["settings"]
        self.assertEqual((settings.mode, settings.own_url), ("develop", "http://farm.local/"))
        self.assertEqual((settings.listen.host, settings.listen.port), ("::1", 9))

    def test_mongodb(self) -> None:
        """A MongoDB's URL comes from the file or the command line; the latter wins."""
        self.write("manager.yaml", "_meta: {version: 2}\ndatabase_url: mongodb://localhost/flamanager\n")
        self.assertEqual(self.options()["settings"].database_url, "mongodb://localhost/flamanager")
        changed = self.options("--database-url=mongodb://localhost/another")["settings"]
        self.assertEqual(changed.database_url, "mongodb://localhost/another")

    def test_warnings(self) -> None:
        """What works but may not be meant is kept, to be logged."""
        self.file.chmod(0o644)
        (warning, verbose) = self.options("--verbose")["warnings"]
        self.assertIn("secrets", warning)
        self.assertIn("--verbose", verbose)


class FinishingTests(OptionsCase):
    def test_version(self) -> None:
        """``--version`` prints this Manager's version, not Twisted's."""
        self.assertEqual(self.ending("--version"), 0)
        self.assertEqual(self.stdout.getvalue(), f"Flamenco Manager {__version__}\n")

    def test_check_config(self) -> None:
        """``--check-config`` prints the complete settings in effect, without the secret, and ends with 0."""
        self.assertEqual(self.ending("--check-config", "--listen=:9000"), 0)
        printed = self.stdout.getvalue()
        for part in ("manager_name: Barn Farm", ":9000", "download_task_sleep: 10m"):
            self.assertIn(part, printed)
        self.assertNotIn("SRVd0nt", printed + self.stderr.getvalue())

    def test_check_bad_config(self) -> None:
        """``--check-config`` of a file with mistakes prints them, and ends with 1."""
        self.write("manager.yaml", "_meta: {version: 2}\nmode: loud\n")
        self.assertIn("mode", self.ending("--check-config"))
        self.assertEqual(self.stdout.getvalue(), "")

    def test_check_config_warns(self) -> None:
        """``--check-config`` writes warnings to standard error, so that standard output is a file."""
        self.file.chmod(0o644)
        self.assertEqual(self.ending("--check-config"), 0)
        self.assertIn("Warning: ", self.stderr.getvalue())
        self.assertNotIn("Warning: ", self.stdout.getvalue())

    def test_write_config(self) -> None:
        """``--write-config`` replaces the file by a complete one of the newest form, and keeps the old one."""
        self.write("manager.yaml", "manager_name: Old Barn\nlisten: ':8083'\n")
        self.assertEqual(self.ending("--write-config", "--listen=:9000"), 0)
        self.assertEqual((self.rundir / "manager.yaml.bak").read_text(), "manager_name: Old Barn\nlisten: ':8083'\n")
        loaded = load(self.file, self.rundir)
        self.assertEqual((loaded.settings.manager_name, loaded.settings.listen.port), ("Old Barn", 8083))
        self.assertEqual(self.file.stat().st_mode & 0o777, 0o600)

    def test_write_config_mongodb(self) -> None:
        """``--write-config`` brings files up to date that name a MongoDB, too."""
        self.write("manager.yaml", "_meta: {version: 2}\ndatabase_url: mongodb://localhost/flamanager\n")
        self.assertEqual(self.ending("--write-config"), 0)

    def test_write_config_fails(self) -> None:
        """A file that cannot be written is one line, and status 1."""
        folder = self.rundir / "manager.yaml.bak"
        folder.mkdir()
        self.assertIn("cannot be written", self.ending("--write-config"))


class MistakeTests(OptionsCase):
    def test_unknown_option(self) -> None:
        """What is no option is one line, without twistd's help before it."""
        for argument in ("--nonsense", "nonsense"):
            self.assertRegex(self.ending(argument), r"^flamenco-manager: .*nonsense[^\n]*$")

    def test_absent(self) -> None:
        """Options of parts that this version does not have are no options."""
        for argument in ("--gc", "--setup"):
            self.assertIn("not recognized", self.ending(argument))

    def test_exclusive(self) -> None:
        """Only one of the operations that do something else than run the Manager may be given."""
        message = self.ending("--cleanslate", "--check-config", "--yes")
        self.assertIn("--check-config, --cleanslate", message)

    def test_dependent(self) -> None:
        """``--export`` and ``--yes`` mean nothing without what they go with."""
        self.assertIn("--purgequeue", self.ending("--export=updates.jsonl"))
        self.assertIn("--purgequeue", self.ending("--export=updates.jsonl", "--cleanslate", "--yes"))
        self.assertIn("--cleanslate", self.ending("--yes"))

    def test_formats_and_levels(self) -> None:
        """Unknown levels and formats name the known ones."""
        self.assertIn("debug, info, warn", self.ending("--log-level=loud"))
        self.assertIn("text or json", self.ending("--log-format=xml"))


class OneShotTests(OptionsCase):
    def test_with_yes(self) -> None:
        """With ``-n`` and ``--yes`` the operations are accepted; the export's path counts from the run directory."""
        options = self.options("--purgequeue", "--yes", "--export=updates.jsonl")
        self.assertIs(options["one-shot"], OneShot.PURGEQUEUE)
        self.assertEqual(options["export"], self.rundir / "updates.jsonl")
        self.assertIs(self.options("--cleanslate", "--yes")["one-shot"], OneShot.CLEANSLATE)
        self.assertIsNone(self.options()["one-shot"])

    def test_daemon(self) -> None:
        """A daemon does not do them: status 2."""
        self.assertEqual(self.ending("--cleanslate", "--yes", nodaemon=0), 2)
        self.assertIn("twistd -n", self.stderr.getvalue())

    def test_nobody_to_ask(self) -> None:
        """Without ``--yes`` and a terminal they are refused, also with standard input closed: status 2."""
        self.assertEqual(self.ending("--purgequeue"), 2)
        self.stdin = None
        self.assertEqual(self.ending("--cleanslate"), 2)

    def test_somebody_to_ask(self) -> None:
        """On a terminal ``--yes`` is not needed."""
        self.stdin = Somebody()
        self.assertIs(self.options("--cleanslate")["one-shot"], OneShot.CLEANSLATE)

    def test_log(self) -> None:
        """Their standard output is for what they have to say: the log goes elsewhere, and only from warnings on."""
        expected = LogOutput(level=LogLevel.warn, aside=True)
        self.assertEqual(self.options("--cleanslate", "--yes")["log-output"], expected)


class LogTests(OptionsCase):
    def log_output(self, *arguments: str, **twistd: object) -> Any:
        return self.options(*arguments, **twistd)["log-output"]

    def test_levels(self) -> None:
        """The most talkative of the levels given counts, so that ``--debug`` wins over ``--quiet``; default is info."""
        cases: Mapping[tuple[str, ...], object] = {
            (): LogLevel.info,
            ("--debug",): LogLevel.debug,
            ("--quiet",): LogLevel.warn,
            ("--debug", "--quiet"): LogLevel.debug,
            ("--log-level=error",): LogLevel.error,
            ("--log-level=warn", "--debug"): LogLevel.debug,
        }
        for arguments, level in cases.items():
            self.assertIs(self.log_output(*arguments).level, level, arguments)

    def test_formats(self) -> None:
        """The format is text, or JSON by ``--log-format=json`` or ``--json``."""
        formats = [self.log_output(*arguments).format for arguments in ([], ["--log-format=json"], ["--json"])]
        self.assertEqual(formats, [LogFormat.TEXT, LogFormat.JSON, LogFormat.JSON])

    def test_places(self) -> None:
        """The log goes to a file if named, else with ``-n`` to standard output, else to ``twistd.log``."""
        self.assertIsNone(self.log_output().path)
        self.assertEqual(self.log_output(nodaemon=0).path, self.rundir / "twistd.log")
        self.assertEqual(self.log_output(logfile="manager.log").path, Path("manager.log").absolute())
        self.assertIsNone(self.log_output(logfile="-").path)

    def test_daemon_on_stdout(self) -> None:
        """A daemon cannot log to standard output."""
        self.assertIn("no standard output", self.ending(nodaemon=0, logfile="-"))

    def test_twistd_logs(self) -> None:
        """A log that the operator chose with twistd's ``--logger`` or ``--syslog`` stays twistd's."""
        self.assertIsNone(self.log_output(logger="site.observer"))
        self.assertIsNone(self.log_output(syslog=1))
