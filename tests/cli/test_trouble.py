"""What goes wrong is one clear line, and an exit status that scripts can rely on."""

import sys
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.interfaces import IReactorSSL
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import DefaultOpenSSLContextFactory
from twisted.web.server import Site

from tests.cli.case import TASK, CommandLineTestCase, Says, page, refusal, silent
from tests.cli.farm_status import a_status
from tests.mongo.certificates import Authority


class _Greets(Protocol):
    """Says something that is no HTTP, and hangs up."""

    words = b"220 mail.example ESMTP\r\n"

    def dataReceived(self, _data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(self.words)
        self.transport.loseConnection()


class _HangsUp(_Greets):
    """Hangs up in the middle of its answer."""

    words = b"HTTP/1.1 200 OK\r\nServer: Flamenco-Manager\r\nContent-Length: 1000\r\n\r\nFra:1"


class UnreachableTests(CommandLineTestCase):
    async def test_refused(self) -> None:
        """That nobody listens is status 3, with the words of the system."""
        line = await self.fails(3, "status", "--url", "http://127.0.0.1:1")
        self.assertEqual(line, "The Manager at http://127.0.0.1:1 cannot be reached: Connection refused; does it run?")

    async def test_unknown_host(self) -> None:
        """A host that is not known is status 3."""
        self.assertIn("host name is unknown", await self.fails(3, "status", "--url", "http://manager.invalid/"))

    async def test_no_http(self) -> None:
        """What does not speak HTTP is status 3."""
        port = self.listening(Factory.forProtocol(_Greets))
        self.assertIn("cannot be understood", await self.fails(3, "status", "--url", f"http://127.0.0.1:{port}"))

    async def test_no_manager(self) -> None:
        """A web server of another kind is no Manager, whatever it answers."""
        for answer in (
            Says(b"<html>Welcome to nginx!</html>", headers={"Server": "nginx"}),
            Says({"status": "ok"}),
            Says(status=302, headers={"Server": "nginx", "Location": "http://127.0.0.1:1/"}),
            Says([1, 2]),
            Says(b"[" * 100_000),
        ):
            self.answer("GET /api/v1/status", answer)
            line = await self.fails(3, "status")
            self.assertTrue(line.startswith(f"What is at http://127.0.0.1:{self.port} is no Flamenco Manager"), line)

    async def test_no_interface(self) -> None:
        """Who has neither a status nor lists is an older Manager or none: status 3; that a thing is not there is 1."""
        said = f"What answers at http://127.0.0.1:{self.port} has no /api/v1: an older Manager, or another address"
        for answer in (
            refusal(404, "there is no such route"),
            Says(b"404 page not found", status=404),
            Says(b"<html>Not Found</html>", status=404, headers={"Server": "nginx"}),
            Says({"error": "no such thing"}, status=404, headers={"Server": "nginx"}),
        ):
            self.answer("GET /api/v1/status", answer)
            self.answer("GET /api/v1/jobs?limit=500", answer)
            self.assertEqual(await self.fails(3, "status"), said)
            self.assertEqual(await self.fails(3, "jobs"), said)
        self.assertEqual(await self.fails(1, "jobs", "show", TASK), "The Manager refuses: there is nothing here")

    async def test_endless_list(self) -> None:
        """A list that does not go on is given up on."""
        self.answer("GET /api/v1/jobs?limit=500", page(following="x"))
        self.answer("GET /api/v1/jobs?limit=500&cursor=x", page(following="x"))
        self.assertEqual((await self.run_it("jobs")).status, 3)

    async def test_interrupted_log(self) -> None:
        """A log that ends before its end is no whole log: status 3."""
        port = self.listening(Factory.forProtocol(_HangsUp))
        ending = await self.run_it("log", TASK, "--job", TASK, "--url", f"http://127.0.0.1:{port}")
        self.assertEqual((ending.status, ending.out, ending.err.count("\n")), (3, "Fra:1", 1), ending.err)


class RefusedTests(CommandLineTestCase):
    async def test_reasons(self) -> None:
        """What the Manager refuses is status 1, with its reason; what it says is asked in a wrong way is status 2."""
        for status, why, exit_status in (
            (403, "the farm is shown and steered on the Manager's own machine only", 1),
            (409, "the Worker is offline", 1),
            (503, "the store cannot answer now", 1),
            (400, "limit must be a whole number", 2),
        ):
            self.answer("GET /api/v1/status", refusal(status, why))
            self.assertEqual(await self.fails(exit_status, "status"), f"The Manager refuses: {why}")

    async def test_nothing_is_obeyed(self) -> None:
        """A reason is shown without what a terminal would obey, and not at any length."""
        self.answer("GET /api/v1/status", refusal(403, "\x1b[2J" + "no\n" * 10_000))
        line = await self.fails(1, "status")
        self.assertNotIn("\x1b", line)
        self.assertLess(len(line), 1100)


class UsageTests(CommandLineTestCase):
    async def test_no_configuration(self) -> None:
        """Without a configuration it says where it looked, and what to do."""
        (self.directory / "manager.yaml").unlink()
        line = await self.fails(2, "status")
        self.assertIn(f"{self.directory}/manager.yaml", line)
        self.assertIn("--config", line)

    async def test_bad_configuration(self) -> None:
        """All mistakes of a configuration are listed."""
        self.configure("listen: nowhere\ntask_cleanup_max_age: long\n")
        ending = await self.run_it("status")
        self.assertEqual((ending.status, ending.out), (2, ""))
        self.assertIn("has 2 mistakes:\n  listen = 'nowhere'", ending.err)
        self.assertNotIn("Traceback", ending.err)

    async def test_unreadable_configuration(self) -> None:
        """A configuration that cannot be read is one line."""
        self.assertIn("cannot be read: Is a directory", await self.fails(2, "status", "--config", "."))
        self.assertIn("No such file", await self.fails(2, "status", "--config", "missing.yaml"))

    async def test_port_by_chance(self) -> None:
        """A port that is left to chance cannot be found in the configuration."""
        self.configure("listen: ':0'\n")
        self.assertIn("--url", await self.fails(2, "status"))

    async def test_bad_url(self) -> None:
        """A URL that is none is wrong usage, and tells what might be meant."""
        self.assertIn("http://localhost:8080", await self.fails(2, "status", "--url", "localhost:8080"))
        for url in ("ftp://localhost/", "http://", "http://localhost:99999/", "http://x y/", "x" * 100_000):
            self.assertLess(len(await self.fails(2, "status", "--url", url)), 300)

    async def test_bad_commands(self) -> None:
        """Unknown commands and options, missing and superfluous words are wrong usage, in one line."""
        for wrong in (
            ["explode"],
            ["workers", "explode"],
            ["status", "--explode"],
            ["status", "more"],
            ["workers", "show"],
            ["tasks", "--job"],
            ["x" * 100_000],
            ["tasks", "--job", "x" * 100_000],
            ["tasks", "show", "x" * 100_000],
            ["jobs", "show", "12"],
            ["tasks", "--job", ""],
            ["updates", "--task", ""],
            [""],
            ["--"],
        ):
            self.assertLess(len(await self.fails(2, *wrong)), 1200)

    async def test_nothing(self) -> None:
        """Without words it is wrong usage, and the whole help is shown as ``--help`` shows it."""
        ending = await self.run_it()
        self.assertEqual((ending.status, ending.out), (2, ""))
        self.assertEqual(ending.err, await self.done("--help"))

    async def test_address_of_store(self) -> None:
        """What opens the store itself takes no Manager's address, wherever it stands, and says what to do instead."""
        url = "http://127.0.0.1:1"
        for command in (["doctor"], ["backup", "x"], ["restore", "x"]):
            for arguments in (["--url", url, *command], [*command, "--url", url]):
                self.assertIn("name its configuration with --config", await self.fails(2, *arguments))
        line = await self.fails(2, "migrate", "--from", "x", "--to", "y", "--url", url)
        self.assertIn("name both with --from and --to", line)
        self.assertNotIn("--url", await self.done("doctor", "--help"))

    async def test_other_shells(self) -> None:
        """Completion is there for bash alone."""
        self.assertIn("'SHELL': only bash is supported", await self.fails(2, "completion", "zsh"))
        self.assertIn("Only bash is supported", await self.fails(2, "completion"))


class HTTPSTests(CommandLineTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.authority = Authority(self.directory)
        certificate = self.authority.signed("render.example", "render.example", "127.0.0.1")
        context = DefaultOpenSSLContextFactory(str(certificate), str(certificate))
        port = IReactorSSL(reactor).listenSSL(0, Site(self.manager), context, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.https = port.getHost().port  # type: ignore[attr-defined]
        self.answer("GET /api/v1/status", Says(a_status()))
        self.with_certificate(certificate)

    def with_certificate(self, certificate: Path) -> None:
        """Configure the Manager to serve HTTPS with this certificate."""
        self.configure(f"listen_https: ':{self.https}'\ntlskey: {certificate}\ntlscert: {certificate}\n")

    async def test_own_certificate(self) -> None:
        """A Manager that serves HTTPS is asked on the loopback interface, and known by its certificate."""
        await self.done("status")

    async def test_another_certificate(self) -> None:
        """Whoever shows another certificate is not trusted, even one of the same authority."""
        self.with_certificate(self.authority.signed("other.example", "127.0.0.1"))
        self.assertIn("another certificate than the tlscert", await self.fails(3, "status"))

    async def test_no_certificate(self) -> None:
        """A certificate that cannot be read, or is none, is one line."""
        self.with_certificate(self.directory / "manager.yaml")
        self.assertIn("holds no certificate", await self.fails(2, "status"))
        self.with_certificate(self.directory / "missing.pem")
        self.assertIn("cannot be read: No such file", await self.fails(2, "status"))

    async def test_by_url(self) -> None:
        """By ``--url`` only what the machine trusts, and what its name is right for, is trusted."""
        trusting = {"SSL_CERT_FILE": str(self.authority.file)}
        url = f"https://127.0.0.1:{self.https}"
        self.assertIn("certificate that is not trusted", await self.fails(3, "status", "--url", url))
        await self.done("status", "--url", url, environment=trusting)
        line = await self.fails(3, "status", "--url", f"https://localhost:{self.https}", environment=trusting)
        self.assertIn("certificate that is not trusted: Hostname mismatch", line)

    async def test_mixed_up(self) -> None:
        """HTTPS where HTTP is served, and the other way round, is said."""
        port = self.listening(Factory.forProtocol(_Greets))
        line = await self.fails(3, "status", "--url", f"https://127.0.0.1:{port}")
        self.assertIn("does not serve HTTPS: write http://", line)
        line = await self.fails(3, "status", "--url", f"http://127.0.0.1:{self.https}")
        self.assertIn("does it serve HTTPS?", line)


class InterruptedTests(CommandLineTestCase):
    async def test_interrupt(self) -> None:
        """Ctrl+C ends it quietly."""
        heard = self.heard("GET /api/v1/status", silent)
        program = self.started("status")
        await heard
        program.signal("INT")
        ending = await program.ended
        self.assertEqual((ending.status, ending.out, ending.err.strip()), (130, "", ""))

    async def test_interrupted_follower(self) -> None:
        """A follower that is interrupted while it waits has told all that happened, and ends quietly as well."""
        event = {"place": 7, "kind": "farm", "text": "something"}
        self.answer("GET /api/v1/workers?limit=500", page())
        self.answer("GET /api/v1/events?limit=1", page(event))
        self.answer("GET /api/v1/events?limit=100", page(event))
        heard = self.heard("GET /api/v1/events?after=7&limit=500", page(following="x"))
        program = self.started("events", "--follow")
        await heard
        program.signal("INT")
        ending = await program.ended
        self.assertEqual((ending.status, ending.out, ending.err.strip()), (130, "farm  something\n", ""))

    async def test_nobody_reads(self) -> None:
        """When whoever reads what it writes goes away, it ends quietly."""
        self.answer("GET /api/v1/jobs?limit=500", page(*({"_id": str(n) * 100} for n in range(500)), following="x"))
        program = self.started("jobs")
        program.close_output()
        ending = await program.ended
        self.assertEqual((ending.status, ending.err), (141, ""))

    async def test_closed(self) -> None:
        """With its output closed it does what it is told, and its status is the same."""
        self.answer("GET /api/v1/status", Says(a_status()))
        for command, status in (("status >&-", 0), ("status 2>&-", 0), ("status >&- 2>&-", 0), ("nonsense 2>&-", 2)):
            ending = await self.spawned("/bin/sh", "-c", f"exec {sys.executable} -m flamenco_mgr.cli {command}").ended
            self.assertEqual((ending.status, ending.err), (status, ""), command)

    async def test_full_disk(self) -> None:
        """When what it writes cannot be kept, it says so."""
        self.answer("GET /api/v1/status", Says(a_status()))
        command = f"exec {sys.executable} -m flamenco_mgr.cli status > /dev/full"
        ending = await self.spawned("/bin/sh", "-c", command).ended
        self.assertEqual((ending.status, ending.err.count("\n")), (1, 1), ending.err)
        self.assertIn("No space left on device", ending.err)
