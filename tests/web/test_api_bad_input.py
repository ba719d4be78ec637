"""Each route of the interface for scripts gets each kind of bad input; all is answered clearly, and harms nothing."""

import base64
import json
from collections.abc import Iterator
from typing import Any

from flamenco_mgr.settings import Settings
from tests.builders import JOB, TASK, UPDATE, a_task, an_update
from tests.harness import FarmTestCase

LISTS = ("/jobs", "/tasks", "/workers", "/blacklist", "/updates", "/updates/parked", "/events")

LIMITS = ("-1", "0", "501", "1000000000", "1" * 400, "ten", "1.5", "0x10", "", "%20", "1e2", "%D9%A1", "1_0", "+1")

BAD_IDS = ("x", TASK[1:], TASK + "a", "z" * 24, "%00", "%2e%2e", "'; drop table tasks; --", "%F0%9F%92%A9", "9" * 5000)


def a_cursor(value: Any) -> str:
    """Return a value as a cursor has it."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


CURSORS = (
    "x",
    "!!!!",
    "%00",
    "A" * 100,
    "A" * 5000,
    "%F0%9F%92%A9",
    a_cursor({}),
    a_cursor([]),
    a_cursor(["x"]),
    a_cursor([1, 2]),
    a_cursor([None]),
    a_cursor("ab"),
    a_cursor(["x", "y"]),
    a_cursor(["x", "y", "z"]),
    a_cursor(["1", "2", "3", "4"]),
    a_cursor(["9" * 60] * 3),
    a_cursor(["\x00"]),
    a_cursor(["\ud800"]),
    a_cursor(["x"] * 100),
    a_cursor([[[]]]),
)

BODIES = (
    b"",
    b"{",
    b"[]",
    b"null",
    b"<html>",
    b'{"status": "\xff"}',
    b'{"status": ' + b"[" * 50_000,
    b'{"status": NaN}',
    b'{"status": ' + b"9" * 5000 + b"}",
    b'{"status": 5}',
    b'{"status": null}',
    b'{"status": "asleep", "lazy": 1}',
    json.dumps({"status": "a" * 1_000_000}).encode(),
    json.dumps({"a" * 1_000_000: "asleep"}).encode(),
    json.dumps({"status": "asleep", "time_start": "99:99"}).encode(),
)

SCHEDULES = (
    *BODIES[:9],
    b'{"time_start": "99:99"}',
    b'{"time_start": "24:01"}',
    b'{"time_start": "16:"}',
    b'{"time_end": 9}',
    b'{"days_of_week": "m"}',
    b'{"days_of_week": ["mo"]}',
    b'{"schedule_active": "yes"}',
    json.dumps({"days_of_week": "mo " * 300_000 + "x"}).encode(),
    json.dumps({"time_start": "1" * 1_000_000}).encode(),
)


class APIBadInputTests(FarmTestCase):
    """Scripts that are wrong."""

    settings = Settings()

    def setUp(self) -> None:
        super().setUp()
        self.me = self.register()
        self.add(a_task(), a_task(id="f" * 24))
        for number in range(2):
            self.result_of(self.store.updates.add(an_update(id=f"{number:024x}", task_id=f"{number:024x}")))

    def snapshot(self) -> tuple[Any, ...]:
        """Return all that the store knows."""
        workers = self.result_of(self.store.workers.all())
        return workers, self.task(TASK), self.result_of(self.store.tasks.counts()), self.queue()

    def check(self, method: str, path: str, *codes: int, **options: Any) -> str:
        """Ask for something wrong: it is answered so, in short, and the store stays as it was."""
        before = self.snapshot()
        answer = self.request(method, f"/api/v1{path}", **options)
        what = (method, path[:100], str(options)[:100], answer.body[:200])
        self.assertIn(answer.code, codes, what)
        self.assertEqual(answer.content_type, "application/json", what)
        self.assertEqual(list(answer.json), ["error"], what)
        self.assertLess(len(answer.body), 6000, what)
        self.assertNotIn(b"Traceback", answer.body)
        self.assertEqual(self.snapshot(), before, what)
        return str(answer.json["error"])

    def test_limits(self) -> None:
        """A page size that is none, or out of bounds, is refused with the bounds."""
        for path in LISTS:
            for limit in LIMITS:
                error = self.check("GET", f"{path}?limit={limit}", 400)
                self.assertIn("limit must be a whole number from 1 to 500", error)
            self.assertEqual(self.request("GET", f"/api/v1{path}?limit=500").code, 200)

    def test_cursors(self) -> None:
        """A cursor from elsewhere is refused, whatever it is made of."""
        for path in LISTS:
            for cursor in CURSORS:
                self.check("GET", f"{path}?cursor={cursor}", 400)
        for cursor in CURSORS:
            self.check("GET", f"/events?after={cursor}", 400)
        self.check("GET", "/events?after=start&cursor=x", 400)

    def test_parameters(self) -> None:
        """Parameters that nobody knows, twice the same, or of wrong values are named."""
        self.assertIn("there are: cursor, limit", self.check("GET", "/jobs?page=2", 400))
        self.assertIn("more than once", self.check("GET", "/jobs?limit=1&limit=2", 400))
        for path in ("/status", f"/tasks/{TASK}", f"/jobs/{JOB}", f"/workers/{self.me}"):
            self.assertIn("there is no parameter", self.check("GET", f"{path}?x=1", 400))
        for name in ("job", "worker"):
            for bad in BAD_IDS:
                self.assertIn(name, self.check("GET", f"/tasks?{name}={bad}", 400))
                self.check("GET", f"/events?{name}={bad}", 400)
                self.check("GET", f"/updates?task={bad}", 400)
        self.assertIn("kind must be one of", self.check("GET", "/events?kind=nonsense", 400))
        for name in ("begins", "status"):
            self.assertIn("longer than 200", self.check("GET", f"/tasks?{name}={'a' * 201}", 400))
            self.check("GET", f"/tasks?{name}=%00", 400)
            self.check("GET", f"/tasks?{name}=%ff", 400)

    def test_odd_beginnings(self) -> None:
        """What databases have a meaning for is only a text to look for."""
        for begins in ("%25", "_", "*", "\\", "'", '"', "[a-z]", ".*", "$", "(", "%F4%8F%BF%BF", "a%0Ab"):
            answer = self.request("GET", f"/api/v1/tasks?begins={begins}")
            self.assertEqual((answer.code, answer.json["items"]), (200, []), begins)

    def test_ids(self) -> None:
        """What is no id in a path is 404; so is an id that is not here."""
        for bad in (*BAD_IDS, "e" * 24):
            for method, path in (
                ("GET", "/jobs/{}"),
                ("GET", "/tasks/{}"),
                ("POST", "/tasks/{}/requeue"),
                ("POST", "/tasks/{}/cancel"),
                ("GET", "/workers/{}"),
                ("DELETE", "/workers/{}"),
                ("POST", "/workers/{}/ack-timeout"),
                ("POST", "/workers/{}/test-job"),
                ("POST", "/updates/parked/{}/retry"),
                ("DELETE", "/updates/parked/{}"),
            ):
                self.check(method, path.format(bad.replace(" ", "%20")), 404)

    def test_bodies(self) -> None:
        """Bodies that are no JSON, or say something else than they have to, are refused."""
        for body in BODIES:
            self.check("POST", f"/workers/{self.me}/request", 400, data=body)
        for body in SCHEDULES:
            self.check("PUT", f"/workers/{self.me}/sleep-schedule", 400, data=body)

    def test_methods(self) -> None:
        """A method that a route does not have is 405."""
        for path in (*LISTS, "/status", f"/tasks/{TASK}", f"/updates/parked/{UPDATE}/retry"):
            for method in ("PATCH", "OPTIONS", "FROB"):
                self.check(method, path, 405)
        self.check("GET", "/kick", 405)
        self.check("GET", "/nothing", 404)

    def operator_routes(self) -> Iterator[tuple[str, str]]:
        """Yield method and path of every route for operators."""
        for rule in self.farm.workers_api._routes.map.iter_rules():
            if rule.rule.startswith("/api/"):
                (method,) = rule.methods or {""}
                path = rule.rule.replace("<worker_id>", self.me).replace("<task_id>", TASK)
                yield method, path.replace("<job_id>", JOB).replace("<update_id>", UPDATE).removeprefix("/api/v1")

    def test_strangers(self) -> None:
        """Every route refuses whoever comes from elsewhere, by another name, or is a page of somebody else's."""
        routes = [*self.operator_routes()]
        self.assertEqual(len(routes), 22)
        for method, path in routes:
            for headers in ({"X-Forwarded-For": "127.0.0.1"}, {"Host": "evil.example"}, {"Origin": "null"}):
                self.check(method, path, 403, headers=headers, data=b"{}")
