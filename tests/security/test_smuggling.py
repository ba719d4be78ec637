"""Requests that two programs may read differently, so that one of them hides in the other."""

from itertools import product

from twisted.web.resource import IResource

from tests.builders import TASK
from tests.web import fakes
from tests.web.wires import AS_WORKER, WireTestCase

HEAD = f"POST /sign-on HTTP/1.1\r\nHost: manager\r\nAuthorization: {AS_WORKER['Authorization']}\r\n".encode()
BODY = b'{"nickname": "n"}'
HIDDEN = f"POST /sign-off HTTP/1.1\r\nHost: manager\r\nAuthorization: {AS_WORKER['Authorization']}\r\n\r\n".encode()

REFUSED = {
    "a length and chunks": b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and a length": b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 0\r\nContent-Length: 17\r\n\r\n" + BODY,
    "two equal lengths": b"Content-Length: 17\r\nContent-Length: 17\r\n\r\n" + BODY,
    "lengths in a list": b"Content-Length: 17, 17\r\n\r\n" + BODY,
    "a signed length": b"Content-Length: +17\r\n\r\n" + BODY,
    "a negative length": b"Content-Length: -1\r\n\r\n" + BODY,
    "a hexadecimal length": b"Content-Length: 0x11\r\n\r\n" + BODY,
    "a length with a blank": b"Content-Length: 1 7\r\n\r\n" + BODY,
    "a length of digits of another script": "Content-Length: \u0661\u0667\r\n\r\n".encode() + BODY,
    "a length before a folded line": b"Content-Length: 1\r\n 7\r\n\r\n" + BODY,
    "unknown codings": b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "an obscured coding": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunks twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a blank before the colon": b"Content-Length : 17\r\n\r\n" + BODY,
    "a header without a colon": b"Content-Length\r\n\r\n",
    "a chunk of a negative size": b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
    "a chunk of size 0x11": b"Transfer-Encoding: chunked\r\n\r\n0x11\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a chunk longer than its size": b"Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n",
    "a chunk's size without an end": b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 20_000,
    "an extension without an end": b"Transfer-Encoding: chunked\r\n\r\n1;" + b"a" * 20_000,
    "trailers without an end": b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: y\r\n" * 20_000,
}
"""What is no request; each is tried with another request behind it."""


class SmugglingTests(WireTestCase):
    """The site, as a proxy before it would send requests of strangers."""

    def resource(self) -> IResource:
        self.farm = fakes.FarmOfFakes()
        return self.farm.resource()

    def heard(self) -> list[str]:
        """Return what the farm has heard of the Worker."""
        return [what for what, *_ in self.farm.registry.heard if what != "seen"]

    def test_refused(self) -> None:
        """What can be read in two ways is answered 400, and the connection closed: what follows is no request."""
        found = {}
        for what, rest in REFUSED.items():
            wire = self.connect()
            wire.send(HEAD + rest + HIDDEN)
            answers = wire.answers("POST", "POST")
            found[what] = ([answer.status for answer in answers], wire.is_open, "sign_off" in self.heard())
        self.assertEqual(found, dict.fromkeys(REFUSED, ([400], False, False)))

    def test_huge_chunk(self) -> None:
        """A chunk of a size beyond all bounds swallows what follows it, and is nothing but a body that is too large."""
        wire = self.connect()
        wire.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 16 + b"\r\n" + HIDDEN)
        self.assertEqual((wire.answers(), self.heard()), ([], []))
        wire.send(b"x" * (2 * 1024 * 1024 + 1))
        self.assertEqual([answer.status for answer in wire.answers("POST")], [413])

    def test_bare_line_feed(self) -> None:
        """A line ends with both its characters: one that has either of them alone, or a NUL, is answered 400."""
        for separator, hidden in product((b"\n", b"\r", b"\0"), (b"Transfer-Encoding: chunked", b"Content-Length: 0")):
            wire = self.connect()
            wire.send(HEAD + b"X-A: b" + separator + hidden + b"\r\nContent-Length: 17\r\n\r\n" + BODY + HIDDEN)
            answers = [(answer.status, wire.is_open) for answer in wire.answers("POST", "POST")]
            self.assertEqual(answers, [(400, False)], (separator, hidden))
        self.assertEqual(self.heard(), [])

    def test_other_breaks(self) -> None:
        """What else Python takes for the end of a line is a part of it, and hides no header: the body is read."""
        for separator in (b"\x0b", b"\x0c", b"\x1c", b"\x85", "\u2028".encode()):
            wire = self.connect()
            hidden = b"X-A: b" + separator + b"Transfer-Encoding: chunked"
            wire.send(HEAD + hidden + b"\r\nContent-Length: 17\r\n\r\n" + BODY)
            self.assertEqual([answer.status for answer in wire.answers("POST")], [204], separator)
        self.assertEqual(self.heard(), ["sign_on"] * 5)

    def test_extensions(self) -> None:
        """A chunk's extension and trailers mean nothing; the body is read, and the next request."""
        wire = self.connect()
        chunks = b'11;name="a;b"\r\n' + BODY + b"\r\n0;last\r\nX-Trailer: Content-Length: 5\r\n\r\n"
        wire.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + HIDDEN)
        self.assertEqual([answer.status for answer in wire.answers("POST", "POST")], [204, 204])
        self.assertEqual(self.heard(), ["sign_on", "sign_off"])

    def test_body_is_no_request(self) -> None:
        """What a body holds is no request, and what comes after a body is one, however it is cut into pieces."""
        request = HEAD + b"Content-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN
        for size in (1, 7, len(request)):
            wire = self.connect()
            for begin in range(0, len(request), size):
                wire.send(request[begin : begin + size])
            self.assertEqual([answer.status for answer in wire.answers("POST")], [400])
        self.assertEqual(self.heard(), [])

    def test_answers_are_not_split(self) -> None:
        """Nothing that a request names can write a header of its answer."""
        for path in (f"/tasks/{TASK}%0d%0aX-Evil:%201/redir-to-server", "/as-json?limit=%0d%0aX-Evil:%201"):
            wire = self.connect()
            wire.send(f"GET {path} HTTP/1.1\r\nHost: manager%0d%0aX-Evil: 1\r\n\r\n".encode())
            (answer,) = wire.answers()
            self.assertNotIn("x-evil", answer.headers)

    def test_large_heads(self) -> None:
        """A head of more than 16 KiB, or of more than 500 lines, is answered 400, wherever it is too large."""
        for head in (
            b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
            b"GET / HTTP/1.1\r\n" + b"a" * 20_000 + b": x\r\n\r\n",
            b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 501 + b"\r\n",
            b"GET / HTTP/1.1\r\nX: y\r\n" + b" folded\r\n" * 5_000 + b"\r\n",
        ):
            wire = self.connect()
            wire.send(head)
            self.assertEqual([(answer.status, wire.is_open) for answer in wire.answers()], [(400, False)], head[:40])

    def test_compressed(self) -> None:
        """No request is decompressed, so that none can be a bomb: a compressed body is one that is no JSON."""
        wire = self.connect()
        wire.send(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00")
        self.assertEqual([answer.status for answer in wire.answers("POST")], [400])
