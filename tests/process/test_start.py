"""How the Manager starts under a real twistd, and how it says that it cannot (configuration.md 14)."""

import os
import re
import shutil
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

from twisted.internet.defer import gatherResults
from twisted.trial.unittest import SkipTest

from flamenco_mgr import __version__
from tests.process.twistd import Ending, ProcessTestCase

STORE = "db/flamenco.sqlite3"


class StartTests(ProcessTestCase):
    async def test_foreground(self) -> None:
        """``twistd -n flamenco-manager`` serves within seconds from nothing; its log on standard output says so."""
        process = self.start()
        await self.serving(process)
        await self.until(lambda: f"Flamenco Manager {__version__} is ready" in process.out, "the log")
        self.assertEqual(self.pidfile.read_text(), str(process.pid))
        self.assertEqual((self.directory / STORE).stat().st_mode & 0o077, 0)

    async def test_log_has_no_chatter(self) -> None:
        """At info the log has what concerns the farm: no factories, no reactor, no secrets."""
        self.configure(f"listen: 127.0.0.1:{self.port}\nworker_registration_secret: N0tF0rTheLog\n")
        process = self.start()
        await self.serving(process)
        for word in ("factory", "reactor", "twistd", "N0tF0rTheLog"):
            self.assertNotIn(word, process.out)
        for line in process.out.splitlines():
            self.assertRegex(line, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} \[(info|warn)\] \S")

    async def test_json_log(self) -> None:
        """With ``--json`` every line of the log is an object."""
        process = self.start("--json")
        await self.serving(process)
        for line in process.out.splitlines():
            self.assertRegex(line, r'^\{"time": ".*", "level": "(info|warn)", "msg": ".*\}$')

    async def test_daemon(self) -> None:
        """Without ``-n`` twistd ends with 0 when the Manager runs: it has a pid file and a log in the run directory."""
        ending = await self.run_to_the_end(twistd=())
        self.assertEqual((ending.status, ending.out, ending.err), (0, "", ""))
        await self.serving()
        self.assertNotEqual(self.daemon_pid(), os.getpid())
        self.assertIn("Listening on", self.log)

    async def test_run_directory(self) -> None:
        """With ``--rundir`` the configuration, relative paths in it and the log are in that directory."""
        elsewhere = self.directory / "elsewhere"
        elsewhere.mkdir()
        pidfile = f"--pidfile={self.pidfile}"
        ending = await self.run_to_the_end(twistd=(f"--rundir={self.directory}", pidfile), directory=elsewhere)
        self.assertEqual(ending.status, 0, ending.err)
        await self.serving()
        self.assertTrue((self.directory / STORE).exists())
        self.assertIn("Listening on", self.log)
        self.assertEqual(list(elsewhere.iterdir()), [])

    async def test_relative_run_directory(self) -> None:
        """A relative run directory is resolved once: the file it has is read, and the paths in it count from it."""
        pidfile = f"--pidfile={self.pidfile}"
        name = self.directory.name
        process = self.start(twistd=("-n", f"--rundir={name}", pidfile), directory=self.directory.parent)
        await self.serving(process)
        self.assertTrue((self.directory / STORE).exists())

    async def test_relative_configuration(self) -> None:
        """A relative ``FLAMENCO_MANAGER_CONFIG`` counts from the run directory."""
        (self.directory / "manager.yaml").rename(self.directory / "other.yaml")
        process = self.start(
            twistd=("-n", f"--rundir={self.directory}", "--pidfile="),
            directory=self.directory.parent,
            environment={"FLAMENCO_MANAGER_CONFIG": "other.yaml"},
        )
        await self.serving(process)

    async def test_logfile_and_umask(self) -> None:
        """The options ``--logfile`` and ``--umask`` of twistd do what they say."""
        log = self.directory / "manager.log"
        process = self.start(twistd=("-n", f"--logfile={log}", "--umask=027", "--pidfile="))
        await self.serving(process)
        self.assertIn("Listening on", log.read_text())
        self.assertEqual(process.out, "")

    async def test_syslog(self) -> None:
        """With twistd's ``--syslog`` nothing is on standard output, and no file is written."""
        if not Path("/dev/log").exists():
            raise SkipTest("there is no syslog here")
        process = self.start(twistd=("-n", "--syslog"))
        await self.serving(process)
        self.assertEqual(process.out, "")
        self.assertFalse((self.directory / "twistd.log").exists())

    async def test_user(self) -> None:
        """With ``--uid`` and ``--gid`` the store is the user's, and the Manager serves."""
        if os.getuid() != 0:
            raise SkipTest("only root can become somebody else")
        if not all(path.stat().st_mode & 0o001 for path in Path(os.__file__).parents):
            raise SkipTest("others may not use this Python")
        nobody = 65534
        self.make_passable(nobody)
        process = self.start(twistd=("-n", f"--uid={nobody}", f"--gid={nobody}", "--pidfile="))
        await self.serving(process)
        self.assertEqual((self.directory / STORE).stat().st_uid, nobody)

    def make_passable(self, user: int) -> None:
        """Move the run directory to where another user can be."""
        self.directory = Path("/tmp") / f"flamenco-manager-test-{os.getpid()}"  # noqa: S108 with our process's number
        self.directory.mkdir(mode=0o755)
        self.addCleanup(shutil.rmtree, self.directory)
        self.configure(f"listen: 127.0.0.1:{self.port}\n")
        for path in (self.directory, self.directory / "manager.yaml"):
            os.chown(path, user, user)


class BadStartTests(ProcessTestCase):
    async def both(self, *words: str) -> None:
        """Start with and without ``-n``: one line on standard error with these words, status 1, no pid file."""
        for twistd in (("-n",), ()):
            self.check(await self.run_to_the_end(twistd=twistd), *words)

    def check(self, ending: Ending, *words: str) -> None:
        """See that the Manager has said in one line why it does not start."""
        self.assertEqual(ending.status, 1, ending)
        self.assertEqual(ending.err.count("\n"), 1, ending.err)
        for word in words:
            self.assertIn(word, ending.err)
        self.assertNotIn("Traceback", ending.out + ending.err)
        self.assertFalse(self.pidfile.exists())
        log = self.directory / "twistd.log"
        self.assertNotIn("Traceback", log.read_text() if log.exists() else "")

    async def test_port_in_use(self) -> None:
        """A port that is in use is named; the store is not even made."""
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            self.port = other.getsockname()[1]
            self.configure(f"listen: 127.0.0.1:{self.port}\n")
            await self.both(str(self.port), "in use")
        self.assertFalse((self.directory / "db").exists())

    async def test_store_is_a_file(self) -> None:
        """A store directory that is a file is named, and stays as it is."""
        (self.directory / "db").write_text("a file")
        await self.both(str(self.directory / "db"), "is a file")
        self.assertEqual((self.directory / "db").read_text(), "a file")

    async def test_store_not_writable(self) -> None:
        """A store directory that cannot be written to is named."""
        self.configure(f"listen: 127.0.0.1:{self.port}\ndatabase_path: /proc/self/db\n")
        await self.both("/proc/self/db")

    async def test_no_database(self) -> None:
        """A store file that is no SQLite database is left byte for byte as it is, and nothing is put beside it."""
        (self.directory / "db").mkdir()
        store = self.directory / STORE
        store.write_bytes(content := b"no database at all" * 100)
        await self.both(str(store), "no SQLite database")
        self.assertEqual(store.read_bytes(), content)
        self.assertEqual(list(store.parent.iterdir()), [store])

    async def test_newer_store(self) -> None:
        """The database of a newer version is refused by name, and left as it is."""
        process = self.start()
        await self.serving(process)
        process.kill(15)
        await self.ended(process)
        store = self.directory / STORE
        with closing(sqlite3.connect(store)) as connection:
            connection.execute("PRAGMA user_version = 999")
        content = store.read_bytes()
        await self.both("newer", "999")
        self.assertEqual(store.read_bytes(), content)

    async def test_second_manager(self) -> None:
        """A second Manager on the same store is refused with the first one's process; the first one goes on."""
        first = self.start(twistd=("-n", "--pidfile=first.pid"))
        await self.serving(first)
        first_port, self.port = self.port, 0
        self.configure("listen: 127.0.0.1:0\n")
        await self.both(f"process {first.pid}")
        self.port = first_port
        await self.serving(first)

    async def test_no_configuration(self) -> None:
        """No configuration file: one line that names the two that were looked for, status 1, nothing written."""
        (self.directory / "manager.yaml").unlink()
        for twistd in (("-n",), ()):
            ending = await self.run_to_the_end(twistd=twistd)
            self.check(ending, str(self.directory / "manager.yaml"), str(self.directory / "flamenco-manager.yaml"))
        self.assertEqual(list(self.directory.iterdir()), [])

    async def test_bad_configuration(self) -> None:
        """All mistakes are told at once, each with its key, value and reason, before there is a daemon: status 1."""
        self.configure("listen: nowhere\nmanager_secert: x\ndownload_task_sleep: 30\n")
        endings = await gatherResults([self.run_later(twistd=twistd) for twistd in (("-n",), ())])
        for ending in endings:
            self.assertEqual((ending.status, ending.out), (1, ""))
            for part in (r"listen = 'nowhere'", r"manager_secert.*'manager_secret'", r"download_task_sleep = '30'"):
                self.assertRegex(ending.err, part)
        self.assertEqual([path.name for path in self.directory.iterdir()], ["manager.yaml"])

    async def test_log_cannot_be_written(self) -> None:
        """A log file that cannot be opened is one line."""
        ending = await self.run_to_the_end(twistd=(f"--logfile={self.directory}/none/log",))
        self.check(ending, "log file")

    async def test_bad_certificate(self) -> None:
        """A TLS key that is none is one line."""
        (self.directory / "key.pem").write_text("no key")
        self.configure(f"listen_https: 127.0.0.1:{self.port}\ntlskey: key.pem\ntlscert: key.pem\n")
        await self.both("tlskey")

    async def test_running_already(self) -> None:
        """Where a pid file says that a Manager runs, twistd starts no second one, and the first one goes on."""
        await self.run_to_the_end(twistd=())
        await self.serving()
        ending = await self.run_to_the_end(twistd=())
        self.assertNotEqual(ending.status, 0)
        self.assertTrue(re.search(rf"\b{self.daemon_pid()}\b", ending.err), ending.err)
        await self.serving()
