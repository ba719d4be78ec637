"""Every endpoint gets every kind of bad input; each is answered as documented, and harms nothing."""

import base64
import json
from collections.abc import Iterator
from typing import Any

from attrs import frozen

from flamenco_mgr.web.requests import BOUND, UPDATE_BOUND
from flamenco_mgr.web.site import WorkersSite
from tests.builders import TASK, a_task
from tests.harness import FarmTestCase, basic
from tests.web.wires import Answer, Wire, a_request


@frozen
class Endpoint:
    """An endpoint for workers; ``bad`` is how it answers a body that is no JSON, 0 if it looks at none."""

    method: str
    path: str
    bad: int = 0
    wrong: int = 0
    """How it answers a JSON object of wrong types."""


ENDPOINTS = (
    Endpoint("POST", "/register-worker", bad=400, wrong=400),
    Endpoint("POST", "/sign-on", bad=400, wrong=400),
    Endpoint("POST", "/output-produced", bad=400, wrong=400),
    Endpoint("POST", f"/tasks/{TASK}/update", bad=409, wrong=204),
    Endpoint("POST", f"/tasks/{TASK}/return"),
    Endpoint("POST", "/task"),
    Endpoint("POST", "/ack-status-change/nonsense"),
    Endpoint("POST", "/sign-off"),
    Endpoint("GET", f"/may-i-run/{TASK}"),
    Endpoint("GET", "/status-change"),
)

NO_JSON: dict[str, bytes] = {
    "empty": b"",
    "cut": b'{"secret": "sss", "nickname": "abc',
    "no object": b"[1, 2]",
    "html": b"<html>",
    "bad utf-8": b'{"nickname": "\xff"}',
    "half a surrogate in utf-8": b'{"nickname": "\xed\xa0\x80"}',
    "nested": b'{"nickname": ' + b"[" * 50_000,
    "nested and closed": b'{"a": ' * 20_000 + b"1" + b"}" * 20_000,
    "nan": b'{"secret": "s", "current_command_idx": NaN}',
    "infinity": b'{"secret": "s", "metrics": {"timing": {"a": -Infinity}}}',
    "too large a number": b'{"secret": "s", "current_command_idx": 1e999}',
    "5000 digits": b'{"secret": "s", "current_command_idx": ' + b"9" * 5000 + b"}",
    "raw control character": b'{"nickname": "a\x00b"}',
}

WRONG_TYPES: dict[str, dict[str, Any]] = {
    "numbers": dict.fromkeys(("secret", "nickname", "paths", "log", "task_status", "metrics"), 1),
    "lists": {"secret": ["s"], "nickname": [], "log": [["a"]], "activity": [1], "task_status": [], "paths": [1]},
    "objects": {"secret": {}, "supported_task_types": {}, "paths": {}, "metrics": {"timing": {"a": {}}}, "log": {}},
    "mixed": {"secret": "s" * 73, "supported_task_types": ["a", 1], "paths": ["/a.exr", None], "activity": True},
}

CREDENTIALS = (
    "Basic",
    "Basic =",
    "Basic \x7f\x01",
    "Basic " + base64.b64encode(b"nobody").decode(),
    "Basic " + base64.b64encode(b":").decode(),
    "Basic " + base64.b64encode(b"\xff\xfe:\x00").decode(),
    "Basic " + base64.b64encode(b"0" * 24 + b":secret").decode(),
    "Basic " + base64.b64encode(b"0" * 23 + b":secret").decode(),
    "Bearer " + "e30." * 3,
    "Digest username=x",
    "A" * 9000,
)

BAD_IDS = (
    "",
    "x",
    TASK[1:],
    TASK + "a",
    "z" * 24,
    "%00",
    "..",
    "%2e%2e%2f%2e%2e",
    "'; drop table tasks; --",
    "%F0%9F%92%A9",
)


class BadInputTests(FarmTestCase):
    """A worker of the farm, or somebody else, sends all sorts of things."""

    def setUp(self) -> None:
        super().setUp()
        self.site = WorkersSite(self.farm.workers_api, self.clock)
        self.me = self.register()
        self.add(a_task(status="active", worker_id=self.me, job_priority=1))
        self.mine = {"Authorization": basic(self.me)}

    def snapshot(self) -> tuple[Any, ...]:
        """Return all that the store knows."""
        workers = self.result_of(self.store.workers.all())
        return workers, self.task(TASK), self.result_of(self.store.tasks.counts()), self.queue()

    def answers_to(self, *data: bytes, method: str = "GET") -> list[Answer]:
        """Send some bytes on a connection of their own, and return what comes back."""
        wire = Wire(self.site)
        for part in data:
            wire.send(part)
        for _ in range(20):
            self._turn()
        answers = wire.answers(method)
        if wire.is_open:
            wire.hang_up()
        for answer in answers:
            self.assertLess(answer.status, 500)
            self.assertNotIn(b"Traceback", answer.body)
            self.assertNotIn(b"<", answer.body.replace(b"'<html>'", b""))
        return answers

    def check(self, method: str, path: str, status: int, *, body: bytes | None = None, **headers: str) -> None:
        """Send bad input: it is answered like this, the next request is served, and the store stays as it was."""
        before = self.snapshot()
        request = a_request(method, path, headers=(self.mine | headers), body=body)
        (answer,) = self.answers_to(request, method=method)
        what = (method, path, (body or b"")[:30], headers)
        self.assertEqual(answer.status, status, what)
        if answer.body:
            self.check_shape(path, answer)
        self.assertEqual(self.snapshot(), before, what)
        (next_one,) = self.answers_to(a_request("GET", f"/may-i-run/{TASK}", headers=self.mine))
        self.assertEqual((next_one.status, next_one.json), (200, {"may_keep_running": True}))

    def check_shape(self, path: str, answer: Answer) -> None:
        """The answer is JSON that a Worker can bear."""
        self.assertEqual(answer.headers["content-type"], "application/json")
        document = answer.json
        if path.startswith("/may-i-run"):
            self.assertLessEqual(set(document), {"may_keep_running", "reason"})
            self.assertIsInstance(document["may_keep_running"], bool)
        elif answer.status == 401:
            self.assertIs(document["may_keep_running"], False)
        else:
            self.assertEqual(list(document), ["error"])

    def for_workers(self) -> Iterator[Endpoint]:
        """Return the endpoints that are for workers only."""
        return (endpoint for endpoint in ENDPOINTS if endpoint.path != "/register-worker")

    def test_credentials(self) -> None:
        """Credentials that are malformed, of nobody, or wrong: 401 everywhere."""
        for endpoint in self.for_workers():
            for value in (*CREDENTIALS, basic(self.me, "wrong"), basic(self.me, ""), basic("0" * 24)):
                self.check(endpoint.method, endpoint.path, 401, Authorization=value)
            self.check(endpoint.method, endpoint.path, 401, Authorization="")

    def test_no_json(self) -> None:
        """Bodies that are no JSON object are refused by whoever reads them, in the way that a Worker can live with."""
        for endpoint in ENDPOINTS:
            if endpoint.bad:
                for body in NO_JSON.values():
                    self.check(endpoint.method, endpoint.path, endpoint.bad, body=body)

    def test_bodies_that_nobody_reads(self) -> None:
        """Where no body is expected any body is as good as none."""
        self.change_worker(self.me, status_requested="shutdown", lazy_status_request=True)
        for path, status in (
            ("/task", 423),
            ("/ack-status-change/nonsense", 204),
            (f"/tasks/{'f' * 24}/return", 204),
            ("/sign-off", 204),
        ):
            for body in (*NO_JSON.values(), b"x" * BOUND):
                (answer,) = self.answers_to(a_request("POST", path, headers=self.mine, body=body))
                self.assertEqual(answer.status, status, (path, body[:20]))
                self.change_worker(self.me, status_requested="shutdown", status="awake")

    def test_wrong_types(self) -> None:
        """Objects of wrong types are refused by name; an update is taken, as far as it can be."""
        for endpoint in ENDPOINTS:
            for document in WRONG_TYPES.values():
                if endpoint.wrong >= 400:
                    self.check(endpoint.method, endpoint.path, endpoint.wrong, body=json.dumps(document).encode())
                elif endpoint.wrong:
                    request = a_request("POST", endpoint.path, headers=self.mine, body=json.dumps(document).encode())
                    self.assertEqual([answer.status for answer in self.answers_to(request)], [endpoint.wrong])
                    self.assertEqual(self.task(TASK).status, "active")
                    self.assertEqual(self.task(TASK).activity, "")

    def test_harmless_rest(self) -> None:
        """Very many keys, NULs and lone surrogates are no reason to refuse an update, and reach nobody."""
        many = json.dumps({f"k{number}": [] for number in range(100_000)} | {"log": "many keys"}).encode()
        odd = rb'{"activity": "a\u0000b\ud800", "log": "\udfff\u0000 line", "metrics": {"timing": {"\u0000": 1}}}'
        for body in (many, odd):
            request = a_request("POST", f"/tasks/{TASK}/update", headers=self.mine, body=body)
            self.assertEqual([answer.status for answer in self.answers_to(request)], [204])
        self.assertEqual(self.task(TASK).activity, "a\ufffdb\ufffd")
        self.assertEqual(self.log_of(TASK), "many keys\n\ufffd\ufffd line\n")
        self.check("POST", "/register-worker", 400, body=many)

    def test_huge(self) -> None:
        """Bodies over the bound are refused before they are all there."""
        for endpoint in ENDPOINTS:
            update = endpoint.path.endswith("/update")
            bound, status = (UPDATE_BOUND, 409) if update else (BOUND, 413)
            before = self.snapshot()
            head = a_request("POST", endpoint.path, headers=self.mine)
            (answer,) = self.answers_to(head.replace(b"Content-Length: 0", b"Content-Length: %d" % (bound + 1)))
            self.assertEqual(answer.status, status, endpoint)
            self.check_shape(endpoint.path, answer)
            self.assertEqual(self.snapshot(), before)

    def test_ids(self) -> None:
        """What is no id in a path is 404, whatever tricks are in it."""
        for bad in BAD_IDS:
            self.check("POST", f"/tasks/{bad.replace(' ', '%20')}/update", 404, body=b"{}")
            self.check("POST", f"/tasks/{bad.replace(' ', '%20')}/return", 404)
            self.check("GET", f"/may-i-run/{bad.replace(' ', '%20')}", 404)

    def test_methods(self) -> None:
        """A method that the endpoint does not have is 405."""
        for endpoint in ENDPOINTS:
            for method in ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "FROB"):
                if method != endpoint.method:
                    self.check(method, endpoint.path, 405)

    def test_dropped(self) -> None:
        """A request that is broken off at any place is nothing."""
        body = b'{"task_status": "failed", "secret": "s", "nickname": "n", "paths": ["/a.exr"]}'
        before = self.snapshot()
        for endpoint in ENDPOINTS:
            request = a_request("POST", endpoint.path, headers=self.mine, body=body)
            for cut in range(10, len(request) - 1, 23):
                self.assertEqual(self.answers_to(request[:cut], method=endpoint.method), [])
        self.assertEqual(self.snapshot(), before)

    def test_slow(self) -> None:
        """Who is slow is answered 408, and nothing came of it."""
        before = self.snapshot()
        for endpoint in ENDPOINTS:
            wire = Wire(self.site)
            wire.send(a_request("POST", endpoint.path, headers=self.mine, body=b'{"task_status": "failed"}')[:-1])
            self.clock.advance(60)
            self.assertEqual([answer.status for answer in wire.answers()], [408])
            self.assertFalse(wire.is_open)
        self.assertEqual(self.snapshot(), before)

    def test_registration_secrets(self) -> None:
        """A secret is 1 to 72 bytes."""
        for secret in ("", None, "s" * 73, "\u00e4" * 37, "a\x00b", "\ud800", 5):
            self.check("POST", "/register-worker", 400, body=json.dumps({"secret": secret}).encode())
