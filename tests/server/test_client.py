"""The client asks as the Server wants to be asked, and what comes back is an answer or a trouble."""

import gzip
import json
from collections.abc import Callable
from typing import Any, ClassVar

from attrs import define, field, frozen
from klein import Klein
from treq.testing import StubTreq
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionRefusedError, DNSLookupError  # noqa: A004 its name
from twisted.web.iweb import IRequest

from flamenco_mgr.demo.standin.behaviour import (
    Behaviour,
    LoseAnswer,
    Pretend,
    Redirect,
    Refuse,
    Rubbish,
    Silent,
    Stalled,
    Truncated,
)
from flamenco_mgr.demo.standin.endpoints import Endpoint
from flamenco_mgr.domain.tasks import ServerTask
from flamenco_mgr.server.client import FlamencoServerClient, Gone, Notice, Same
from flamenco_mgr.server.trouble import BadReply, CredentialsRefused, ServerRefused, ServerTrouble, ServerUnreachable
from tests.server.linked import MANAGER, SECRET, LinkedTestCase

BASIC = "Basic U1JWZDBudFVzZVRoaXNTZWNyZXRJdElzT25seUZvclRoZVVuaXRUZXN0czAwOg=="
TASK = "5dcab95c2f8e3a0017c4d103"


@frozen(kw_only=True)
class Asked:
    """A request as it arrived."""

    method: str
    uri: str
    headers: dict[str, str]
    body: bytes


@define(eq=False)
class Recorder:
    """A Server that notes each request whole, and answers what it is told."""

    router: ClassVar[Klein] = Klein()

    answer: bytes = b"{}"
    headers: dict[str, str] = field(factory=dict)
    requests: list[Asked] = field(factory=list)

    @router.route("/", branch=True)
    def everything(self, request: IRequest) -> bytes:
        content: Any = request.content
        self.requests.append(
            Asked(
                method=request.method.decode(),
                uri=request.uri.decode(),
                headers={
                    name.decode().lower(): values[0].decode()
                    for name, values in request.requestHeaders.getAllRawHeaders()
                },
                body=content.read(),
            )
        )
        for name, value in self.headers.items():
            request.setHeader(name, value)
        return self.answer


@frozen
class Unplugged:
    """A network in which no connection comes about."""

    error: Exception

    async def request(self, *_: object, **__: object) -> None:
        raise self.error


async def taken(_: bytes) -> None:
    """Take a piece of a download."""


class RequestTests(LinkedTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.recorder = Recorder()
        self.treq = StubTreq(self.recorder.router.resource())
        self.client = self.a_client()

    def asked(self, asking: "Callable[[FlamencoServerClient], Any]") -> Asked:
        """Return the one request that something makes, whatever becomes of it."""
        result = self.begun(asking(self.client))
        _ = result.addErrback(lambda failure: failure.trap(ServerTrouble))
        self.turns()
        self.assertEqual(len(self.recorder.requests), 1)
        return self.recorder.requests.pop()

    def test_credentials(self) -> None:
        """server-api.md 2: Basic authentication with the secret as the user's name and an empty password."""
        self.assertEqual(self.asked(lambda client: client.push([])).headers["authorization"], BASIC)

    def test_get(self) -> None:
        """server-api.md 1.3: a GET has no content type and no body."""
        asked = self.asked(lambda client: client.task(TASK, "63cb/+", 1.5))
        self.assertEqual((asked.method, asked.uri), ("GET", f"/api/flamenco/tasks/{TASK}"))
        self.assertNotIn("content-type", asked.headers)
        self.assertEqual(asked.body, b"")

    def test_etag(self) -> None:
        """server-api.md 4: the etag is sent as it is, without quotes; without one nothing is compared."""
        self.assertEqual(self.asked(lambda client: client.task(TASK, "63cb/+", 1.5)).headers["if-none-match"], "63cb/+")
        self.assertNotIn("if-none-match", self.asked(lambda client: client.task(TASK, "", 1.5)).headers)

    def test_post(self) -> None:
        """server-api.md 1.3 and 5.1: an empty push is ``[]``, as JSON, not compressed; a path in the URL is dropped."""
        asked = self.asked(lambda client: client.push([]))
        self.assertEqual((asked.method, asked.uri), ("POST", f"/api/flamenco/managers/{MANAGER}/task-update-batch"))
        self.assertEqual((asked.body, asked.headers["content-type"]), (b"[]", "application/json"))
        self.assertNotIn("content-encoding", asked.headers)

    def test_since(self) -> None:
        """server-api.md 3.1: a clean slate has no since-header, any other download has one."""
        asked = self.asked(lambda client: client.depsgraph(None, taken))
        self.assertEqual(asked.uri, f"/api/flamenco/managers/{MANAGER}/depsgraph")
        self.assertNotIn("x-flamenco-if-updated-since", asked.headers)
        asked = self.asked(lambda client: client.depsgraph("2019-11-12T13:57:09+00:00", taken))
        self.assertEqual(asked.headers["x-flamenco-if-updated-since"], "2019-11-12T13:57:09+00:00")

    def test_chunk(self) -> None:
        """server-api.md 12.3: a chunk is asked for outside of ``/api``, with its size."""
        self.assertEqual(
            self.asked(lambda client: client.chunk(7, taken)).uri,
            f"/flamenco/scheduler/tasks/{MANAGER}?chunk_size=7",
        )

    def test_notices(self) -> None:
        """server-api.md 6: the two notices have their own paths."""
        for notice, path in ((Notice.STARTUP, "startup"), (Notice.UPDATE, "update")):
            asked = self.asked(lambda client, notice=notice: client.notify(notice, b"{}"))  # type: ignore[misc]
            self.assertEqual(asked.uri, f"/api/flamenco/managers/{MANAGER}/{path}")

    def test_corrected_times(self) -> None:
        """server-api.md 17.2: the Server is told instants by its own clock, known from the Date of its answers."""
        self.recorder.headers["Date"] = "Tue, 12 Nov 2019 14:57:12 GMT"
        self.asked(lambda client: client.push([]))
        self.recorder.headers.clear()
        asked = self.asked(lambda client: client.push([self.an_update()]))
        self.assertEqual(json.loads(asked.body)[0]["received_on_manager"], "2019-11-12T14:57:12.000Z")

    def test_gzip(self) -> None:
        """server-api.md 17.11: compressed answers are understood."""
        self.recorder.answer = gzip.compress(b'{"handled_update_ids": []}')
        self.recorder.headers["Content-Encoding"] = "gzip"
        self.assertEqual(self.result_of(self.client.push([])).handled, frozenset())

    def test_not_gzip(self) -> None:
        """What says that it is compressed and is not, or ends too soon, is no answer."""
        self.recorder.headers["Content-Encoding"] = "gzip"
        for body in (b"[]" * 100, gzip.compress(b"[]" * 100)[:-20], b"\x1f\x8b" + b"\0" * 100):
            self.recorder.answer = body
            with self.assertRaises(ServerTrouble, msg=body):
                self.result_of(self.client.push([]))

    def test_bounds(self) -> None:
        """An answer is not read beyond its bound, compressed or not."""
        self.recorder.answer = gzip.compress(b"[" + b" " * (17 << 20))
        self.recorder.headers["Content-Encoding"] = "gzip"
        with self.assertRaisesRegex(BadReply, "longer than 16777216 bytes"):
            self.result_of(self.client.push([]))


class AnswerTests(LinkedTestCase):
    def test_task(self) -> None:
        """server-api.md 4: 304 is the same task, 200 the task as it is now, 404 and 410 that it is gone."""
        task = self.add_job()[0]
        self.assertEqual(self.result_of(self.client.task(task.id, task.etag, 1.5)), Same())
        now = self.result_of(self.client.task(task.id, "another", 1.5))
        assert isinstance(now, ServerTask)
        self.assertEqual((now.task.id, now.task.etag), (task.id, task.etag))
        self.assertEqual(self.result_of(self.client.task("e" * 24, "", 1.5)), Gone())
        self.server.behave(Refuse(410), endpoint=Endpoint.TASK, times=1)
        self.assertEqual(self.result_of(self.client.task(task.id, task.etag, 1.5)), Gone())

    def test_other_task(self) -> None:
        """Another task than the one asked about is a bad reply."""
        first, second = self.add_job(2)
        self.server.behave(Pretend(json.dumps(dict(second.document)).encode()), endpoint=Endpoint.TASK)
        with self.assertRaisesRegex(BadReply, f"asked for task {first.id}"):
            self.result_of(self.client.task(first.id, "", 1.5))

    def test_credentials_refused(self) -> None:
        """server-api.md 2: 401 and 403, and 404 where the path names us, are about our credentials."""
        cases: tuple[tuple[int, Endpoint, bool], ...] = (
            (401, Endpoint.PUSH, True),
            (403, Endpoint.PUSH, True),
            (404, Endpoint.PUSH, True),
            (400, Endpoint.PUSH, False),
            (500, Endpoint.PUSH, False),
            (401, Endpoint.TASK, True),
            (403, Endpoint.TASK, True),
            (405, Endpoint.TASK, False),
        )
        for status, endpoint, about_us in cases:
            self.server.behave(Refuse(status), endpoint=endpoint, times=1)
            with self.assertRaises(ServerRefused) as caught:
                self.result_of(self.client.push([]) if endpoint is Endpoint.PUSH else self.client.task(TASK, "", 1.5))
            self.assertEqual(caught.exception.status, status)
            self.assertEqual(isinstance(caught.exception, CredentialsRefused), about_us, (status, endpoint))

    def test_wrong_secret(self) -> None:
        """server-api.md 16, fact 18: somebody else's token gets 403, and nothing changes."""
        with self.assertRaises(CredentialsRefused) as caught:
            self.result_of(self.a_client(secret="SRVwrong").push([self.an_update()]))
        self.assertEqual(caught.exception.status, 403)
        self.assertEqual(self.server.record.pushes, [])

    def test_known(self) -> None:
        """server-api.md 2: whether the credentials are right can be asked; a wrong id is refused."""
        self.result_of(self.client.known())
        with self.assertRaises(CredentialsRefused):
            self.result_of(self.a_client(manager_id="e" * 24).known())

    def test_words(self) -> None:
        """The Server's words are kept, as one line, and the secret is taken out of them."""
        self.server.behave(Refuse(500, f"why\n  not, {SECRET}?".encode()), times=1)
        with self.assertRaises(ServerRefused) as caught:
            self.result_of(self.client.push([]))
        self.assertEqual(str(caught.exception), "the Server answered 500: why not, …?")

    def test_redirects(self) -> None:
        """server-api.md 1.6: no redirect is followed; the trouble names the target."""
        for status in (301, 302, 303, 307, 308):
            self.server.behave(Redirect("https://elsewhere.invalid/login", status), times=1)
            with self.assertRaisesRegex(ServerRefused, f"{status}.*https://elsewhere.invalid/login"):
                self.result_of(self.client.push([]))
        self.assertEqual(self.server.record.requests, {Endpoint.PUSH: 5})

    def test_nonsense(self) -> None:
        """Whatever the Server says that is not an answer is a bad reply: wrong JSON, wrong types, HTML, rubbish."""
        for body in (
            b"",
            b"{",
            b"null",
            b"[]",
            b'"text"',
            b"{}",
            b'{"handled_update_ids": NaN}',
            b'{"handled_update_ids": {"5": "6"}}',
            b'{"handled_update_ids": [], "cancel_task_ids": 12}',
            b'{"handled_update_ids": ' + b"9" * 5000 + b"}",
            b"[" * 100_000,
            b'{"a":' * 100_000,
            b"<!DOCTYPE html><html><body>Please log in</body></html>",
            b"\xff\xfe{}",
        ):
            self.server.behave(Pretend(body), times=1)
            with self.assertRaises(BadReply, msg=body[:50]):
                self.result_of(self.client.push([]))
        self.server.behave(Rubbish(10 << 20), times=1)
        with self.assertRaises(BadReply):
            self.result_of(self.client.push([]))

    def test_success_without_body(self) -> None:
        """A 204 to a batch says nothing about its updates, so it is no answer."""
        self.server.behave(Pretend(b"", status=204), times=1)
        with self.assertRaises(BadReply):
            self.result_of(self.client.push([]))


class UnreachableTests(LinkedTestCase):
    def assert_given_up(self, asking: "Deferred[Any]", seconds: float) -> None:
        self.pump(seconds - 0.01)
        self.assertNoResult(asking)
        self.pump(0.01)
        failure = self.failureResultOf(asking, ServerUnreachable)
        self.assertEqual(str(failure.value), f"no answer within {seconds:g} seconds")
        self.assertEqual(self.timers(), [])

    def test_silence(self) -> None:
        """server-api.md 17.6: each exchange has its time: 1.5 s, 60 s, 300 s."""
        self.server.behave(Silent())
        self.assert_given_up(self.begun(self.client.task(TASK, "", 1.5)), 1.5)
        self.assert_given_up(self.begun(self.client.push([])), 60)
        self.assert_given_up(self.begun(self.client.depsgraph(None, taken)), 300)
        self.assert_given_up(self.begun(self.client.notify(Notice.STARTUP, b"{}")), 30)

    def test_stalled_body(self) -> None:
        """An answer that stops in the middle of its body is given up on as well."""
        self.add_job(3)
        for behaviour in (Stalled(1), Stalled(40)):
            self.server.behave(behaviour)
            self.assert_given_up(self.begun(self.client.push([])), 60)
            self.assert_given_up(self.begun(self.client.depsgraph(None, taken)), 300)

    def test_broken(self) -> None:
        """A connection that breaks before or in the answer is no answer."""
        for behaviour in (LoseAnswer(), Truncated(0), Truncated(3)):
            self.server.behave(behaviour, times=1)
            with self.assertRaises(ServerUnreachable, msg=behaviour):
                self.result_of(self.client.push([]))

    def test_no_connection(self) -> None:
        """No connection is no answer, and the words say why."""
        for error, words in (
            (ConnectionRefusedError("no"), "Connection was refused"),
            (DNSLookupError("no such host"), "DNS lookup failed"),
            (OSError(113, "No route to host"), "No route to host"),
            (ValueError(), "ValueError"),
        ):
            with self.assertRaisesRegex(ServerUnreachable, words):
                self.result_of(self.a_client(treq=Unplugged(error)).push([]))

    def test_cancelled(self) -> None:
        """Whoever asks no longer wants to know: the request ends, and says nothing about the Server."""
        self.server.behave(Silent())
        asking = self.begun(self.client.push([]))
        self.turns()
        asking.cancel()
        self.failureResultOf(asking, CancelledError)
        self.assertEqual(self.timers(), [])
        self.assertIsNone(self.reachability.status.reachable)

    def test_short_silence(self) -> None:
        """A time-out of a second or two does not mean that the Server is away; one of a minute does."""
        self.server.behave(Silent())
        self.assert_given_up(self.begun(self.client.task(TASK, "", 1.5)), 1.5)
        self.assertIsNone(self.reachability.status.reachable)
        self.assert_given_up(self.begun(self.client.push([])), 60)
        self.assertIs(self.reachability.status.reachable, False)

    def test_secret_is_nowhere(self) -> None:
        """The secret shows neither in the client's texts nor in those of its troubles."""
        told: list[str] = [repr(self.client), repr(self.client.exchange)]
        behaviours: tuple[Behaviour, ...] = (Refuse(500), Refuse(403), Pretend(SECRET.encode()), LoseAnswer())
        for behaviour in behaviours:
            self.server.behave(behaviour, times=1)
            with self.assertRaises(ServerTrouble) as caught:
                self.result_of(self.client.push([]))
            told += [str(caught.exception), repr(caught.exception)]
        self.assertNotIn(SECRET, " ".join(told))
