"""How a real Manager stops, and what signals do to it (configuration.md 14)."""

import os
import signal
import socket

from twisted.internet import protocol, reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.interfaces import IReactorTime

from tests.process.twistd import Ending, ProcessTestCase, Twistd

LINK = """\
manager_id: 5d7b9f3ae4b0c83a1f2d6e11
manager_secret: SRVd0ntUseThisSecret
flamenco: http://127.0.0.1:{port}/
"""


class StopTests(ProcessTestCase):
    async def stopped(self, process: Twistd, number: int) -> Ending:
        """Send a signal, and wait for the end."""
        process.kill(number)
        return await self.ended(process)

    def check(self, ending: Ending, number: int) -> None:
        """See that a process has ended in order: its status is that of the signal, as twistd has it."""
        self.assertIn((ending.status, ending.signal), [(0, None), (None, number)])
        self.assertNotIn("Traceback", ending.out + ending.err)
        self.assertFalse(self.pidfile.exists())

    async def test_sigterm_and_sigint(self) -> None:
        """SIGTERM and SIGINT stop it in order: the pid file is gone, there is no stack trace, and it starts again."""
        for number in (signal.SIGTERM, signal.SIGINT):
            process = self.start()
            await self.serving(process)
            ending = await self.stopped(process, number)
            self.check(ending, number)
            self.assertIn("The Manager has stopped", ending.out)

    async def test_daemon(self) -> None:
        """SIGTERM stops a daemon, and its pid file goes."""
        await self.run_to_the_end(twistd=())
        await self.serving()
        pid = self.daemon_pid()
        os.kill(pid, signal.SIGTERM)
        await self.gone(pid)
        self.assertFalse(self.pidfile.exists())
        self.assertNotIn("Traceback", self.log)

    async def test_no_files_beside_the_store(self) -> None:
        """After a stop in order the store is one file again, beside its lock."""
        process = self.start()
        await self.serving(process)
        await self.stopped(process, signal.SIGTERM)
        left = {path.name for path in (self.directory / "db").iterdir()}
        self.assertEqual(left, {"flamenco.sqlite3", "flamenco.lock"})

    async def test_sigterm_while_starting(self) -> None:
        """SIGTERM and SIGINT end a Manager that is just starting as well: no pid file, no stack trace."""
        for number in (signal.SIGTERM, signal.SIGINT):
            process = self.start()
            await self.until(self.pidfile.exists, "the pid file")
            self.check(await self.stopped(process, number), number)

    async def test_sigkill(self) -> None:
        """After SIGKILL it starts again by itself: the pid file of a dead process is in nobody's way."""
        first = self.start()
        await self.serving(first)
        await self.stopped(first, signal.SIGKILL)
        self.assertTrue(self.pidfile.exists())
        await self.serving(self.start())

    async def test_sighup_in_the_foreground(self) -> None:
        """SIGHUP and SIGUSR1 do nothing where the log is no file."""
        process = self.start()
        await self.serving(process)
        for number in (signal.SIGHUP, signal.SIGUSR1):
            process.kill(number)
        await self.serving(process)
        self.assertTrue(process.running)

    async def test_log_moved_away(self) -> None:
        """After SIGHUP the log goes on in a new file under its name, so that logrotate can move the old one away."""
        await self.run_to_the_end(twistd=())
        await self.serving()
        pid, log = self.daemon_pid(), self.directory / "twistd.log"
        for number, name in ((signal.SIGHUP, "log.1"), (signal.SIGUSR1, "log.2")):
            log.rename(self.directory / name)
            os.kill(pid, number)
            await self.until(log.exists, "the new log")
        os.kill(pid, signal.SIGTERM)
        await self.gone(pid)
        self.assertIn("Listening on", (self.directory / "log.1").read_text())
        self.assertIn("The Manager has stopped", self.log)


class UnreachableServerTests(ProcessTestCase):
    """The Server accepts connections and never says a word."""

    def setUp(self) -> None:
        silent = socket.socket()
        self.addCleanup(silent.close)
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        self.linked = LINK.format(port=silent.getsockname()[1])
        super().setUp()

    async def test_limit(self) -> None:
        """With a silent Server the stop is in order all the same, and takes no longer than its time limits."""
        process = self.start()
        await self.serving(process)
        began = IReactorTime(reactor).seconds()
        process.kill(signal.SIGTERM)
        ending = await self.ended(process)
        self.assertLess(IReactorTime(reactor).seconds() - began, 17)
        self.assertIn((ending.status, ending.signal), [(0, None), (None, signal.SIGTERM)])
        self.assertNotIn("Traceback", ending.out + ending.err)

    async def test_second_sigterm(self) -> None:
        """A second SIGTERM ends it at once, though a request is in progress and the Server silent."""
        process = self.start()
        await self.serving(process)
        request = await begun_request(self.port)
        process.kill(signal.SIGTERM)
        await self.until_refused()
        self.assertTrue(process.running)
        began = IReactorTime(reactor).seconds()
        process.kill(signal.SIGTERM)
        await self.ended(process)
        self.assertLess(IReactorTime(reactor).seconds() - began, 3)
        await request.gone

    async def until_refused(self) -> None:
        """Wait until nobody listens any more."""
        while await self.get("/") is not None:
            pass


class Request(protocol.Protocol):
    """A connection with half a request."""

    def __init__(self) -> None:
        self.gone: Deferred[None] = Deferred()

    def connectionLost(self, reason: object = None) -> None:  # noqa: ARG002 the interface's
        self.gone.callback(None)


async def begun_request(port: int) -> Request:
    """Send the beginning of a request, whose end never comes."""
    request: Request = await connectProtocol(TCP4ClientEndpoint(reactor, "127.0.0.1", port), Request())
    assert request.transport is not None
    request.transport.write(b"POST /register-worker HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    return request
