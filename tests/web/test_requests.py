"""Bodies that are too large, and senders that are too slow."""

from twisted.web.resource import IResource, Resource

from flamenco_mgr.web.requests import BOUND, DISCARDED, UPDATE_BOUND
from tests.builders import TASK
from tests.web import fakes
from tests.web.wires import AS_WORKER, Wire, WireTestCase, a_request

UPDATE = f"/tasks/{TASK}/update"
MIB = 1024 * 1024


def head(path: str, length: int, method: str = "POST", **headers: str) -> bytes:
    """Return a request of so many bytes, without them."""
    request = a_request(method, path, headers=AS_WORKER | headers)
    return request.replace(b"Content-Length: 0", b"Content-Length: %d" % length)


def chunked(path: str) -> bytes:
    """Return the head of a request whose body comes in chunks."""
    return a_request("POST", path, headers=AS_WORKER).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")


class RequestTestCase(WireTestCase):
    """Has a farm where all is well."""

    def resource(self) -> IResource:
        self.farm = fakes.FarmOfFakes()
        return self.farm.resource()

    def assert_serves(self, wire: Wire) -> None:
        """A request on this connection is answered as ever."""
        self.assertEqual(wire.ask("POST", "/task", headers=AS_WORKER).status, 204)


class BoundTests(RequestTestCase):
    """Bodies are bounded: 32 MiB for updates, 2 MiB for all others."""

    def test_announced(self) -> None:
        """A body that is announced as too large is answered before any of it came; the connection goes on after it."""
        wire = self.connect()
        wire.send(head("/sign-on", BOUND + 1))
        (answer,) = wire.answers()
        self.assertEqual((answer.status, list(answer.json)), (413, ["error"]))
        for _ in range(2):
            wire.send(b"x" * MIB)
        wire.send(b"x")
        self.assert_serves(wire)

    def test_largest(self) -> None:
        """A body of exactly the bound is read."""
        body = b'{"nickname": "n"}'.ljust(BOUND)
        self.assertEqual(self.ask("POST", "/sign-on", body=body).status, 204)

    def test_large_update(self) -> None:
        """An update of 32 MiB is taken; one byte more is 409, since a Worker would repeat a 413 for ever."""
        body = b'{"log": "%s"}' % (b"x" * (UPDATE_BOUND - 11))
        self.assertEqual(self.ask("POST", UPDATE, body=body).status, 204)
        wire = self.connect()
        wire.send(head(UPDATE, UPDATE_BOUND + 1))
        (answer,) = wire.answers()
        self.assertEqual((answer.status, list(answer.json)), (409, ["error"]))

    def test_query_does_not_matter(self) -> None:
        """The bound is the path's; a query that looks like an update's path moves nothing."""
        for path, status in ((f"{UPDATE}?a=b", None), (f"/sign-on?{UPDATE}", 413)):
            wire = self.connect()
            wire.send(head(path, BOUND + 1))
            self.assertEqual([answer.status for answer in wire.answers()], [status] if status else [])

    def test_chunks(self) -> None:
        """A body in chunks is refused when it has become too large, and the connection goes on after its end."""
        wire = self.connect()
        wire.send(chunked("/sign-on"))
        for _ in range(2):
            wire.send(b"100000\r\n" + b"x" * MIB + b"\r\n")
            self.assertEqual(wire.answers(), [])
        wire.send(b"1\r\nx\r\n")
        self.assertEqual([answer.status for answer in wire.answers()], [413])
        wire.send(b"100000\r\n" + b"x" * MIB + b"\r\n0\r\n\r\n")
        self.assert_serves(wire)

    def test_good_chunks(self) -> None:
        """A body in chunks is read like any other."""
        wire = self.connect()
        wire.send(chunked("/sign-on") + b'9\r\n{"nicknam\r\na\r\ne": "abc"}\r\n0\r\n\r\n')
        self.assertEqual([answer.status for answer in wire.answers()], [204])
        self.assertEqual(self.farm.registry.heard[-1][2], "abc")

    def test_nobody_is_told_to_continue(self) -> None:
        """A client that asks whether to send a body that is too large gets the refusal and nothing else."""
        wire = self.connect()
        wire.send(head("/sign-on", BOUND + 1, Expect="100-continue"))
        self.assertEqual([answer.status for answer in wire.answers()], [413])

    def test_told_to_continue(self) -> None:
        """A client that asks whether to send a body of good size is told to."""
        wire = self.connect()
        wire.send(head("/sign-on", 2, Expect="100-continue"))
        self.assertEqual(wire.transport.value(), b"HTTP/1.1 100 Continue\r\n\r\n")

    def test_endless(self) -> None:
        """A client that goes on sending a refused body is cut off."""
        wire = self.connect()
        wire.send(head(UPDATE, DISCARDED * 2))
        for _ in range(DISCARDED // MIB):
            wire.send(b"x" * MIB)
        self.assertFalse(wire.transport.disconnected)
        wire.send(b"x")
        self.assertTrue(wire.transport.disconnected)

    def test_not_kept(self) -> None:
        """Nothing of a refused body is kept."""
        wire = self.connect()
        wire.send(head("/sign-on", BOUND * 5))
        wire.send(b"x" * BOUND * 4)
        self.assertEqual(wire.protocol.requests[0].content.getvalue(), b"")


class RoomTests(RequestTestCase):
    """All bodies together are bounded as well."""

    def arriving(self) -> Wire:
        """Begin an update, and send a mebibyte of it."""
        wire = self.connect()
        wire.send(head(UPDATE, 2 * MIB))
        wire.send(b"x" * MIB)
        return wire

    def test_no_room(self) -> None:
        """When no room is left whoever sends more is answered 503, and so makes room for the others."""
        self.site.room.most = 3 * MIB
        first, second, third, late = (self.arriving() for _ in range(4))
        self.assertEqual([wire.answers() for wire in (first, second, third)], [[], [], []])
        self.assertEqual([answer.status for answer in late.answers()], [503])
        third.send(b"x" * MIB)
        self.assertEqual([answer.status for answer in third.answers()], [503])
        first.send(b"x" * MIB)
        self.assertEqual([answer.status for answer in first.answers()], [409])  # it is no JSON, but all of it is here
        self.assert_serves(third)

    def test_room_for_small_ones(self) -> None:
        """Huge bodies that never end leave room for those of ordinary size."""
        self.site.room.most, self.site.room.reserved = 6 * MIB, 3 * MIB
        huge = self.connect()
        huge.send(head(UPDATE, UPDATE_BOUND))
        for _ in range(4):
            huge.send(b"x" * MIB)
        self.assertEqual([answer.status for answer in huge.answers()], [503])
        self.assertEqual(self.ask("POST", "/sign-on", body=b'{"nickname": "n"}').status, 204)

    def test_given_back(self) -> None:
        """What a request took is given back when it is answered, refused, or its client gone."""
        self.ask("POST", UPDATE, body=b"{}")
        self.arriving().hang_up()
        wire = self.connect()
        wire.send(chunked("/sign-on") + b"200000\r\n" + b"x" * BOUND)
        self.assertEqual(self.site.room.taken, BOUND)
        wire.send(b"\r\n1\r\nx\r\n")
        self.assertEqual([answer.status for answer in wire.answers()], [413])
        self.assertEqual(self.site.room.taken, 0)


class OddHeadTests(RequestTestCase):
    """Heads that are unusual, or made to hurt."""

    def test_whole_url(self) -> None:
        """A request that names the whole URL, as to a proxy, is answered as any other."""
        answer = self.ask("GET", f"http://manager.local:8080/may-i-run/{TASK}")
        self.assertEqual((answer.status, answer.json["may_keep_running"]), (200, True))

    def test_endless_length(self) -> None:
        """A Content-Length of thousands of digits is answered 400, and nothing is logged as a failure."""
        wire = self.connect()
        wire.send(b"POST /task HTTP/1.1\r\nContent-Length: " + b"1" * 5000 + b"\r\n\r\n")
        self.assertEqual([answer.status for answer in wire.answers()], [400])
        self.assertFalse(wire.is_open)

    def test_may_i_run_in_disguise(self) -> None:
        """However its path is written, an error about may-i-run has none but the three keys."""
        for path in ("/%6day-i-run/zz", "/./may-i-run/zz", "//may-i-run/zz"):
            answer = self.ask("GET", path)
            self.assertLessEqual(set(answer.json), {"may_keep_running", "reason", "status_requested"}, path)

    def test_answers_not_read(self) -> None:
        """A client that does not read its answers is not read from any more."""
        wire = self.connect()
        wire.protocol.pauseProducing()
        self.assertEqual(wire.transport.producerState, "paused")


class SlownessTests(RequestTestCase):
    """A request has a minute, from its first byte to its last, and its head ten seconds of it."""

    def test_slow_body(self) -> None:
        """Who sends a byte now and then is answered 408 after a minute, and cut off."""
        wire = self.connect()
        wire.send(head("/sign-on", 1000))
        for _ in range(59):
            self.clock.advance(1)
            wire.send(b"x")
        self.assertTrue(wire.is_open)
        self.clock.advance(1)
        (answer,) = wire.answers()
        self.assertEqual((answer.status, list(answer.json), answer.headers["connection"]), (408, ["error"], "close"))
        self.assertFalse(wire.is_open)

    def test_slow_question(self) -> None:
        """A Worker that was slow in asking whether to go on goes on."""
        wire = self.connect()
        wire.send(a_request("GET", f"/may-i-run/{TASK}", headers=AS_WORKER)[:-2])
        self.clock.advance(60)
        (answer,) = wire.answers()
        self.assertEqual((answer.status, answer.json), (408, {"may_keep_running": True}))

    def test_slow_head(self) -> None:
        """Who sends a byte of the first line now and then is cut off after ten seconds, without a word."""
        wire = self.connect()
        wire.send(b"POST /ta")
        for _ in range(9):
            self.clock.advance(1)
            wire.send(b"s")
        self.assertTrue(wire.is_open)
        self.clock.advance(1)
        self.assertEqual((wire.answers(), wire.is_open), ([], False))

    def test_long_head(self) -> None:
        """Who asks for more than a URL holds is told so, and cut off."""
        for path in ("/register-worker?" + "a" * 20_000, "/register-worker?" + "a" * 1_000_000):
            wire = self.connect()
            wire.send(a_request("POST", path))
            (answer,) = wire.answers()
            self.assertEqual((answer.status, wire.is_open), (400, False))
            self.assertEqual(answer.json, {"error": "the head of the request, with its URL, is longer than 16 KiB"})

    def test_slow_refused(self) -> None:
        """Who goes on slowly with a refused body has had its answer, and is cut off."""
        wire = self.connect()
        wire.send(head("/sign-on", BOUND + 1))
        wire.answers()
        self.clock.advance(60)
        self.assertEqual((wire.answers(), wire.is_open), ([], False))

    def test_idle(self) -> None:
        """A connection may be idle for a minute (a sleeping Worker asks every 30 s); then it is just closed."""
        wire = self.connect()
        for _ in range(5):
            self.assert_serves(wire)
            self.clock.advance(59)
        self.assert_serves(wire)
        self.clock.advance(60)
        self.assertEqual((wire.answers(), wire.is_open), ([], False))

    def test_time_begins_with_the_request(self) -> None:
        """The minute of a request begins with its first byte, not when the connection became idle."""
        wire = self.connect()
        self.clock.advance(50)
        wire.send(head("/sign-on", 16))
        self.clock.advance(50)
        wire.send(b'{"nickname":"n"}')
        self.assertEqual([answer.status for answer in wire.answers()], [204])

    def test_worked_on(self) -> None:
        """A request that has arrived has all the time that its answer takes."""
        waiting = fakes.SchedulerWith(wait=fakes.unfired())
        self.farm.scheduler.wait = waiting.wait
        wire = self.connect()
        wire.send(a_request("POST", "/task", headers=AS_WORKER))
        self.clock.advance(200)
        assert waiting.wait is not None
        waiting.wait.callback(None)
        self.assertEqual([answer.status for answer in wire.answers()], [204])


class BrokenResource(Resource):
    """Has a bug."""

    isLeaf = True

    def render(self, request: object) -> bytes:
        raise ZeroDivisionError(f"something secret about {request}")


class BrokenTests(WireTestCase):
    """What stands before all else has a bug."""

    def resource(self) -> IResource:
        return BrokenResource()

    def test_broken(self) -> None:
        """The answer is 500 in JSON, not a page of Twisted's, and the connection goes on."""
        wire = self.connect()
        for _ in range(2):
            answer = wire.ask("GET", "/")
            self.assertEqual((answer.status, answer.json), (500, {"error": "something went wrong here"}))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)


class NonsenseTests(RequestTestCase):
    """What is no HTTP."""

    def test_nonsense(self) -> None:
        """It is answered 400 in JSON, and cut off; no page of Twisted's is seen."""
        for data in (
            b"hello\r\n\r\n",
            b"GET\r\n\r\n",
            b"\x16\x03\x01\x02\x00\r\n\r\n",
            b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
            b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
            b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
            chunked("/sign-on") + b"zz\r\n",
            b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n\r\n",
            b"GET / HTTP/1.1\r\nX: a\x00b\r\n\r\n",
        ):
            wire = self.connect()
            wire.send(data)
            (answer,) = wire.answers()
            self.assertEqual((answer.status, list(answer.json)), (400, ["error"]), data)
            self.assertFalse(wire.is_open)

    def test_nonsense_on_may_i_run(self) -> None:
        """A Worker whose question is garbled on the way goes on."""
        wire = self.connect()
        wire.send(f"GET /may-i-run/{TASK} HTTP/1.1\r\nno colon\r\n\r\n".encode())
        self.assertEqual([answer.json for answer in wire.answers()], [{"may_keep_running": True}])

    def test_broken_off(self) -> None:
        """A request that is broken off midway disturbs nobody."""
        for part in (
            b"POST /sig",
            head("/sign-on", 100),
            head("/sign-on", 100) + b"{",
            chunked("/sign-on") + b"5\r\nab",
        ):
            wire = self.connect()
            wire.send(part)
            wire.hang_up()
        self.assertEqual(self.farm.registry.heard, [])
        self.assert_serves(self.connect())

    def test_old_http(self) -> None:
        """HTTP/1.0 is answered, and its connection closed."""
        wire = self.connect()
        wire.send(a_request("POST", "/task", headers=AS_WORKER).replace(b"HTTP/1.1", b"HTTP/1.0"))
        self.assertEqual([answer.status for answer in wire.answers()], [204])
        self.assertFalse(wire.is_open)
