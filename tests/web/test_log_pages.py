"""What people ask for (dashboard.md 8 and 9)."""

import gzip
import os
from email.utils import formatdate
from pathlib import Path
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress
from twisted.web.resource import IResource

from flamenco_mgr.cli import connection
from flamenco_mgr.farm.log_reading import LogReader
from tests.builders import JOB, TASK
from tests.threads import HeldThread, at_once
from tests.web import fakes
from tests.web.wires import AS_WORKER, Answer, WireTestCase, a_request

LOCAL = IPv4Address("TCP", "127.0.0.1", 1)
LOG = f"/logfile/{JOB}/{TASK}"
BROWSER = {"User-Agent": "Mozilla/5.0", "Accept-Encoding": "gzip, deflate, br"}
CURL = {"User-Agent": "curl/7.88"}


class LogTestCase(WireTestCase):
    """Has a log file of one task."""

    def in_thread(self) -> Any:
        """Return what reads files."""
        return at_once

    def resource(self) -> IResource:
        directory = Path(self.mktemp())
        self.path = directory / f"job-{JOB[:4]}" / JOB / f"task-{TASK}.txt"
        self.path.parent.mkdir(parents=True)
        self.farm = fakes.FarmOfFakes(reader=LogReader(directory=directory, in_thread=self.in_thread()))
        return self.farm.resource()

    def get(self, path: str = LOG, *, method: str = "GET", peer: IAddress = LOCAL, **headers: str) -> Answer:
        """Ask from this machine, as a browser unless said otherwise."""
        wire = self.connect(peer)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = wire.ask(method, path, headers={name: value for name, value in (BROWSER | named).items() if value})
        wire.hang_up()
        return answer

    def write(self, content: bytes) -> None:
        """Write the log."""
        self.path.write_bytes(content)
        os.utime(self.path, (1_500_000_000, 1_500_000_000))

    def write_packed(self, content: bytes) -> bytes:
        """Write the log compressed, and return the file's content."""
        packed = gzip.compress(content)
        self.path.with_name(f"{self.path.name}.gz").write_bytes(packed)
        return packed


class LogTests(LogTestCase):
    """The log of a task."""

    def test_short(self) -> None:
        """A short log comes whole, byte for byte, as plain text; ids may be in upper case."""
        self.write(b"caf\xc3\xa9\n\xff\x00")
        answer = self.get(LOG.upper().replace("LOGFILE", "logfile"))
        self.assertEqual((answer.status, answer.body), (200, b"caf\xc3\xa9\n\xff\x00"))
        self.assertEqual(answer.headers["content-type"], "text/plain")
        self.assertEqual(answer.headers["last-modified"], "Fri, 14 Jul 2017 02:40:00 GMT")

    def test_empty(self) -> None:
        """An empty log is an empty page."""
        self.write(b"")
        self.assertEqual((self.get().status, self.get().body), (200, b""))

    def test_long(self) -> None:
        """A long log is abridged for browsers, and whole for Wget, curl and our own command line."""
        content = b"".join(b"%07d\n" % number for number in range(3000))
        self.write(content)
        answer = self.get()
        note = b"...\n\n... Skipped 8.4 KiB, use WGet or Curl to download the entire log ... \n\n"
        self.assertEqual(answer.body, content[:5120] + note + content[-10232:])
        self.assertEqual((answer.status, answer.headers["content-type"]), (200, "text/plain"))
        for agent in ("curl/7.88", "Wget/1.21.3", connection.AGENT):
            self.assertEqual(self.get(User_Agent=agent).body, content)
        self.assertNotEqual(self.get(User_Agent="my curl/1").body, content)

    def test_very_long(self) -> None:
        """A log of many pieces comes in one piece."""
        content = os.urandom(1_000_000)
        self.write(content)
        answer = self.get(User_Agent="curl/7.88")
        self.assertEqual(answer.headers["content-length"], "1000000")
        self.assertEqual(answer.body, content)

    def test_unchanged(self) -> None:
        """A log that has not changed is not sent again."""
        self.write(b"line\n")
        same = formatdate(1_500_000_000, usegmt=True)
        self.assertEqual(self.get(If_Modified_Since=same).status, 304)
        self.assertEqual(self.get(If_Modified_Since=formatdate(1_400_000_000, usegmt=True)).status, 200)

    def test_ranges(self) -> None:
        """A part of a log may be asked for; what lies behind its end is refused."""
        self.write(b"0123456789")
        for asked, status, body, said in (
            ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
            ("bytes=7-", 206, b"789", "bytes 7-9/10"),
            ("bytes=-3", 206, b"789", "bytes 7-9/10"),
            ("bytes=-30", 206, b"0123456789", "bytes 0-9/10"),
            ("bytes=8-100", 206, b"89", "bytes 8-9/10"),
            ("bytes=10-", 416, b"", "bytes */10"),
            ("bytes=-0", 416, b"", "bytes */10"),
            ("bytes=4-2", 200, b"0123456789", None),
            ("bytes=1-2,5-6", 200, b"0123456789", None),
            ("lines=1-2", 200, b"0123456789", None),
            ("bytes=-", 200, b"0123456789", None),
        ):
            answer = self.get(Range=asked)
            self.assertEqual((answer.status, answer.body, answer.headers.get("content-range")), (status, body, said))
        self.assertEqual(self.get(Range="bytes=1-2", If_Range="x").status, 200)

    def test_head(self) -> None:
        """The head alone says how long the log is."""
        self.write(b"x" * 100)
        answer = self.get(method="HEAD")
        self.assertEqual((answer.status, answer.headers["content-length"], answer.body), (200, "100", b""))

    def test_packed(self) -> None:
        """A log of which only a compressed copy is left comes packed, to be unpacked on the way or kept as a file."""
        packed = self.write_packed(b"x" * 100_000)
        answer = self.get()
        self.assertEqual((answer.status, answer.body), (200, packed))
        self.assertEqual(answer.headers["content-type"], "text/plain")
        self.assertEqual(answer.headers["content-encoding"], "gzip")
        self.assertEqual(answer.headers["content-disposition"], f'attachment; filename="task-{TASK}.txt.gz"')

    def test_unpacked(self) -> None:
        """A client that cannot unpack gets the text."""
        self.write_packed(b"x" * 1_000_000)
        answer = self.get(Accept_Encoding="")
        self.assertEqual((answer.status, answer.body), (200, b"x" * 1_000_000))
        self.assertNotIn("content-encoding", answer.headers)
        self.assertNotIn("content-disposition", answer.headers)

    def test_damaged(self) -> None:
        """A compressed copy that is damaged ends the connection, so that nobody takes a half for the whole."""
        packed = self.write_packed(os.urandom(10_000))
        self.path.with_name(f"{self.path.name}.gz").write_bytes(packed[:5000])
        wire = self.connect(LOCAL)
        wire.send(a_request("GET", LOG))
        self.assertFalse(wire.is_open)
        self.assertEqual(len(self.flushLoggedErrors(EOFError)), 1)

    def test_missing(self) -> None:
        """Without a file the answer is 404 in plain text."""
        answer = self.get()
        self.assertEqual((answer.status, answer.body), (404, b"unable to stat task log file\n"))
        self.assertEqual(answer.headers["content-type"], "text/plain; charset=utf-8")
        self.assertEqual(answer.headers["x-content-type-options"], "nosniff")

    def test_trouble(self) -> None:
        """A file that cannot be read is 500, and logged without a stack trace."""
        self.path.mkdir()
        answer = self.get()
        self.assertEqual((answer.status, answer.body), (500, b"unable to open task log file\n"))

    def test_bad_ids(self) -> None:
        """What is no id is 404 and named; no trick with paths leads anywhere."""
        for job, task, text in (
            ("x", TASK, "Invalid ObjectID used for job-id: x\n"),
            (JOB, "y" * 24, f"Invalid ObjectID used for task-id: {'y' * 24}\n"),
            ("%2e%2e", TASK, "Invalid ObjectID used for job-id: ..\n"),
            (JOB, f"{TASK}%00", f"Invalid ObjectID used for task-id: {TASK}\x00\n"),
        ):
            answer = self.get(f"/logfile/{job}/{task}")
            self.assertEqual((answer.status, answer.body.decode()), (404, text))
        for path in (f"/logfile/..%2f..%2fetc/{TASK}", f"/logfile/../{TASK}", f"/logfile/{JOB}", "/logfile"):
            self.assertEqual(self.get(path).status, 404)


class SlowDiskTests(LogTestCase):
    """Files are read in a thread, piece by piece."""

    def in_thread(self) -> Any:
        self.held = HeldThread()
        return self.held

    def test_shrunken(self) -> None:
        """A log that is cut off while it is sent ends the connection."""
        self.write(b"x" * 100)
        wire = self.connect(LOCAL)
        wire.send(a_request("GET", LOG))
        self.held.let_go()
        self.path.write_bytes(b"")
        self.held.let_go()
        self.assertFalse(wire.is_open)
        self.held.let_go()
        self.assertEqual(len(self.flushLoggedErrors(EOFError)), 1)

    def test_hung_up(self) -> None:
        """A client that hangs up is sent nothing more, and the file is closed."""
        self.write(b"x" * 1_000_000)
        wire = self.connect(LOCAL)
        wire.send(a_request("GET", LOG, headers={"User-Agent": "curl/1"}).replace(b"User-Agent: Flamenco", b"X: F"))
        self.held.let_go()
        self.held.let_go()
        wire.hang_up()
        for _ in range(3):
            self.held.let_go()
        self.assertEqual(self.held.waiting, [])
        self.assertLess(len(wire.transport.value()), 500_000)

    def test_slow_client(self) -> None:
        """A client that reads slowly is waited for."""
        self.write(b"x" * 1_000_000)
        wire = self.connect(LOCAL)
        wire.send(a_request("GET", LOG).replace(b"Flamenco-Worker/2.5", b"curl/1"))
        self.held.let_go()
        wire.protocol.pauseProducing()
        wire.protocol.pauseProducing()
        self.held.let_go()
        sent = len(wire.transport.value())
        self.assertEqual(self.held.waiting, [])
        wire.protocol.resumeProducing()
        for _ in range(6):
            self.held.let_go()
        (answer,) = wire.answers()
        self.assertLess(sent, len(answer.body))
        self.assertEqual(len(answer.body), 1_000_000)


class WhoMayReadTests(LogTestCase):
    """Logs are for people at the Manager's machine, until users can log in."""

    def statuses(self, peer: IAddress, **headers: str) -> int:
        """Ask for the log from somewhere."""
        return self.get(peer=peer, **headers).status

    def test_local(self) -> None:
        """Loopback addresses may read, others not, be they of a worker with its credentials."""
        self.write(b"x")
        for host in ("127.0.0.1", "127.8.9.10"):
            self.assertEqual(self.statuses(IPv4Address("TCP", host, 1)), 200)
        for host in ("::1", "::ffff:127.0.0.1"):
            self.assertEqual(self.statuses(IPv6Address("TCP", host, 1)), 200)
        for host in ("10.0.0.7", "0.0.0.0", "128.0.0.1"):  # noqa: S104 nobody listens here
            self.assertEqual(self.statuses(IPv4Address("TCP", host, 1), **AS_WORKER), 403)
        for host in ("fe80::1", "::ffff:10.0.0.7"):
            self.assertEqual(self.statuses(IPv6Address("TCP", host, 1)), 403)
        self.assertEqual(self.statuses(UNIXAddress(None)), 403)

    def test_proxied(self) -> None:
        """What a proxy on this machine forwards comes from elsewhere."""
        self.write(b"x")
        self.assertEqual(self.statuses(LOCAL, X_Forwarded_For="127.0.0.1"), 403)
        self.assertEqual(self.statuses(LOCAL, Forwarded="for=127.0.0.1"), 403)

    def test_refusal(self) -> None:
        """The refusal is a text, and comes before anything is said about what is here."""
        answer = self.get("/logfile/x/y", peer=IPv4Address("TCP", "10.0.0.7", 1))
        self.assertEqual(answer.status, 403)
        self.assertEqual(answer.body, b"the farm is shown and steered on the Manager's own machine only\n")

    def test_by_another_name(self) -> None:
        """A page whose name was made to point to this machine reads no logs in its visitor's browser."""
        self.write(b"x")
        self.assertEqual(self.statuses(LOCAL, Host="evil.example"), 403)
        self.assertIn(b"not known as 'evil.example'", self.get(peer=LOCAL, Host="evil.example").body)


class OpenToAllTests(LogTestCase):
    """Security is switched off."""

    def resource(self) -> IResource:
        super().resource()
        self.farm.open_to_all = True
        return self.farm.resource()

    def test_open(self) -> None:
        """Everybody may read."""
        self.write(b"x")
        answer = self.get(peer=IPv4Address("TCP", "10.0.0.7", 1), X_Forwarded_For="1.2.3.4")
        self.assertEqual((answer.status, answer.body), (200, b"x"))


class ToServerTests(LogTestCase):
    """Dashboard.md 9."""

    def test_redirect(self) -> None:
        """Whoever asks is sent to the task's page on the Server's host, with 307, and needs no credentials."""
        for method in ("GET", "HEAD"):
            answer = self.get(
                f"/tasks/{TASK.upper()}/redir-to-server", method=method, peer=IPv4Address("TCP", "9.9.9.9", 1)
            )
            self.assertEqual(answer.status, 307)
            self.assertEqual(answer.headers["location"], f"http://server.invalid:5000/flamenco/tasks/{TASK}")

    def test_bad_id(self) -> None:
        """What is no id is 404."""
        answer = self.get("/tasks/nothing/redir-to-server")
        self.assertEqual((answer.status, answer.body), (404, b"Invalid ObjectID used for task-id: nothing\n"))


class UnlinkedTests(LogTestCase):
    """There is no Server."""

    def resource(self) -> IResource:
        super().resource()
        self.farm.server_url = ""
        return self.farm.resource()

    def test_unlinked(self) -> None:
        """Without a Server there is no page to go to."""
        self.assertEqual(self.get(f"/tasks/{TASK}/redir-to-server").status, 404)
