"""What is done to workers over HTTP (dashboard.md 4 to 6)."""

from attrs import evolve

from flamenco_mgr.demo.standin.endpoints import Endpoint
from flamenco_mgr.domain.blacklist import BlacklistLine
from flamenco_mgr.domain.sleeping import SleepSchedule
from tests.builders import JOB, TASK, a_task
from tests.harness import NOW, Answer
from tests.web.operators import OperatorCase

NOBODY = "ffffffffffffffffffffffff"


class ActionTests(OperatorCase):
    def setUp(self) -> None:
        super().setUp()
        self.w1 = self.register("w1")
        self.change_worker(self.w1, status="awake")

    def test_parameters(self) -> None:
        """Parameters may be in the URL as well; the body wins, and of several the first; only ``true`` is lazy."""
        for query, body, requested in (
            ("action=set-status&status=asleep&lazy=true", "", ("asleep", True)),
            ("action=set-status&status=asleep", "status=shutdown", ("shutdown", False)),
            ("", "action=set-status&status=asleep&status=shutdown", ("asleep", False)),
            ("", "action=shutdown&lazy=True", ("shutdown", False)),
            ("", "action=shutdown&lazy=true&status=asleep", ("shutdown", True)),
        ):
            answer = self.request("POST", f"/worker-action/{self.w1.upper()}?{query}", data=body.encode())
            self.assertEqual((answer.code, answer.body), (204, b""))
            worker = self.worker(self.w1)
            self.assertEqual((worker.status_requested, worker.lazy_status_request), requested)

    def test_refusals(self) -> None:
        """What is wrong is said in bare text, and nothing is changed."""
        before = self.worker(self.w1)
        for worker, fields, code, text in (
            ("nobody", {"action": "shutdown"}, 400, "Invalid worker ID"),
            (NOBODY, {"action": "shutdown"}, 404, "Worker not found"),
            (NOBODY, {}, 404, "Worker not found"),
            (self.w1, {}, 400, "Invalid action"),
            (self.w1, {"action": ""}, 400, "Invalid action"),
            (self.w1, {"action": "x" * 1_000_000}, 400, "Invalid action"),
            (self.w1, {"action": "set-status"}, 400, 'RequestStatusChange(""): status cannot be requested'),
            (self.w1, {"action": "ack-timeout"}, 400, 'Worker status is not "timeout"'),
            (self.w1, {"action": "forget-blacklist-line", "job_id": "x"}, 400, "Job ID is not a valid ObjectID"),
            (self.w1, {"action": "forget-blacklist-line"}, 400, "Job ID is not a valid ObjectID"),
        ):
            answer = self.request("POST", f"/worker-action/{worker}", data=fields)
            self.assertEqual((answer.code, answer.body.decode()), (code, text))
            self.assertEqual(answer.content_type, "text/plain; charset=utf-8")
        self.assertEqual(self.worker(self.w1), before)

    def test_test_job(self) -> None:
        """Fact 101: a worker that is not testing gets no test job."""
        answer = self.act(self.w1, "send-test-job")
        self.assertEqual(answer.code, 400)
        self.assertIn("test jobs only work in status 'testing'", answer.body.decode())

    def test_offline(self) -> None:
        """To shut down a worker that is offline is nonsense: 409 (dashboard.md W11)."""
        self.change_worker(self.w1, status="offline")
        for action in ("shutdown", "set-status"):
            self.assertEqual(self.act(self.w1, action, status="shutdown").code, 409)
        self.assertEqual(self.act(self.w1, "set-status", status="asleep").code, 204)

    def test_bad_bodies(self) -> None:
        """Whatever a body is, there is an answer to it."""
        for body in (b"\xff\xfe=\xff", b"%", b"a=1&" * 10_000, b"action=\x00", b"{}", b"action=shutdown\x00"):
            self.assertEqual(self.request("POST", f"/worker-action/{self.w1}", data=body).code, 400)
        self.assertIsNone(self.worker(self.w1).status_requested)

    def test_methods(self) -> None:
        """Actions are done by POST, and by nothing else."""
        for path in (f"/worker-action/{self.w1}?action=shutdown", f"/set-sleep-schedule/{self.w1}"):
            self.assertEqual(self.request("GET", path).code, 405)

    def test_forget_worker(self) -> None:
        """A forgotten worker is gone at once, its task and its blacklist lines, too; a repeat is 404 (W13)."""
        self.add(a_task(status="active", worker_id=self.w1))
        line = BlacklistLine(worker_id=self.w1, job=JOB, task_type="sleep", created=NOW)
        self.result_of(self.store.blacklist.add(line))
        self.assertEqual(self.act(self.w1, "forget-worker").code, 204)
        self.assertEqual(self.act(self.w1, "forget-worker").code, 404)
        self.assertEqual(self.task(TASK).status, "claimed-by-manager")
        self.assertIn("worker is being deleted", self.task(TASK).activity)
        self.assertEqual(self.result_of(self.store.blacklist.lines(0.0)), ())
        self.assertEqual(self.request("POST", "/task", worker=self.w1).code, 401)

    def test_secret_of_forgotten(self) -> None:
        """A secret that was right is worth nothing when its worker is forgotten and one with that id has another."""
        worker = self.worker(self.w1)
        self.assertEqual(self.act(self.w1, "forget-worker").code, 204)
        self.result_of(self.store.workers.add(evolve(worker, hashed_secret=b"of another secret")))
        self.assertEqual(self.request("POST", "/task", worker=self.w1).code, 401)

    def test_secret_of_removed_elsewhere(self) -> None:
        """The same is so when another Manager removed the worker, and this one has noticed."""
        worker = self.worker(self.w1)
        self.assertTrue(self.result_of(self.store.workers.remove(worker)))
        self.assertEqual(self.request("POST", "/task", worker=self.w1).code, 401)
        self.result_of(self.store.workers.add(evolve(worker, hashed_secret=b"of another secret")))
        self.assertEqual(self.request("POST", "/task", worker=self.w1).code, 401)

    def test_forget_line(self) -> None:
        """Fact 63: one line of the blacklist is forgotten, others stay; one that is not there is no trouble (W14)."""
        for task_type in ("sleep", "render"):
            line = BlacklistLine(worker_id=self.w1, job=JOB, task_type=task_type, created=NOW)
            self.result_of(self.store.blacklist.add(line))
        for _ in range(2):
            answer = self.act(self.w1, "forget-blacklist-line", job_id=JOB.upper(), task_type="sleep")
            self.assertEqual(answer.code, 204)
            left = [line.task_type for line in self.result_of(self.store.blacklist.lines(0.0))]
            self.assertEqual(left, ["render"])

    def test_recorded(self) -> None:
        """Each act is in the history, with the worker's status before and after it."""
        self.act(self.w1, "set-status", status="asleep", lazy="true")
        self.change_worker(self.w1, status="timeout")
        self.act(self.w1, "ack-timeout")
        self.request("POST", f"/set-sleep-schedule/{self.w1}", json={"days_of_week": "mo"})
        told = [
            (event.kind, event.before, event.after, event.text.partition(" is ")[2]) for event in self.events(self.w1)
        ]
        self.assertEqual(
            told,
            [
                (
                    "operator",
                    "offline",
                    "offline",
                    "given the sleep schedule mo, 00:00 to 24:00, which is not active",
                ),
                ("operator", "timeout", "offline", "known to have timed out"),
                ("operator", "awake", "awake", "asked to be asleep, after its task"),
            ],
        )

    def test_workers_history(self) -> None:
        """What a worker itself becomes is in the history as well."""
        self.request("POST", "/ack-status-change/asleep", worker=self.w1)
        self.request("POST", "/sign-off", worker=self.w1)
        told = [(event.kind, event.before, event.after) for event in self.events(self.w1)]
        self.assertEqual(told, [("worker", "asleep", "offline"), ("worker", "awake", "asleep")])

    def test_sick(self) -> None:
        """An operator's ``awake`` makes a sick worker sound."""
        self.change_worker(self.w1, status="asleep", sick="it failed", failed_jobs=(JOB,))
        self.assertEqual(self.act(self.w1, "set-status", status="awake").code, 204)
        worker = self.worker(self.w1)
        self.assertEqual((worker.sick, worker.failed_jobs, worker.status_requested), ("", (), "awake"))


class ScheduleTests(OperatorCase):
    def setUp(self) -> None:
        super().setUp()
        self.w1 = self.register("w1")

    def set_schedule(self, body: bytes, worker: str = "", kind: str = "application/json") -> Answer:
        headers = {"Content-Type": kind}
        return self.request("POST", f"/set-sleep-schedule/{worker or self.w1}", data=body, headers=headers)

    def schedule(self) -> SleepSchedule:
        return self.worker(self.w1).sleep_schedule

    def test_content_type(self) -> None:
        """The body is JSON, whatever its charset is called; other types are 415."""
        for kind in ("application/json", "application/json; charset=utf-8", "Application/JSON"):
            self.assertEqual(self.set_schedule(b'{"days_of_week": "mo"}', kind=kind).code, 204)
        for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonx"):
            answer = self.set_schedule(b'{"days_of_week": "tu"}', kind=kind)
            self.assertEqual((answer.code, answer.body), (415, b"expected JSON\n"))
        self.assertEqual(self.schedule().days, ("mo",))

    def test_unknown_worker(self) -> None:
        """A worker that is none, or not here, is told as with actions."""
        self.assertEqual(self.set_schedule(b"{}", "nobody").body, b"Invalid worker ID")
        self.assertEqual(self.set_schedule(b"{}", NOBODY).body, b"Worker not found")

    def test_ignored(self) -> None:
        """Nulls and empty texts are as if left out; when it acts next is for the Manager to say."""
        body = b'{"days_of_week": null, "time_start": "", "next_check": "2000-01-01T00:00:00Z", "more": [1]}'
        self.assertEqual(self.set_schedule(body).code, 204)
        self.assertEqual(self.schedule(), SleepSchedule(next_check=1573603200.0))

    def test_refused(self) -> None:
        """What makes no sense is 400 with what it is, in text; nothing is changed."""
        before = self.schedule()
        for body, text in (
            (b"", "Unable to decode JSON: "),
            (b"[]", "Unable to decode JSON: "),
            (b'{"days_of_week": "mo"', "Unable to decode JSON: "),
            (b'{"time_start": "99:99"}', "'99:99' is no time of day"),
            (b'{"time_end": "24:01"}', "'24:01' is no time of day"),
            (b'{"time_end": "08:00:30"}', "'08:00:30' is no time of day"),
            (b'{"days_of_week": "m"}', "'m' is no day of the week"),
            (b'{"days_of_week": "mo xy"}', "'xy' is no day of the week"),
            (b'{"days_of_week": 1}', "days_of_week is not a string"),
            (b'{"time_start": 900}', "time_start is not a string"),
            (b'{"schedule_active": "yes"}', "schedule_active is neither true nor false"),
            (b'{"days_of_week": "' + b"x" * 1_000_000 + b'"}', "is no day of the week"),
        ):
            answer = self.set_schedule(body)
            self.assertEqual((answer.code, answer.content_type), (400, "text/plain; charset=utf-8"), body[:50])
            self.assertIn(text, answer.body.decode())
            self.assertLess(len(answer.body), 500)
        self.assertEqual(self.schedule(), before)


class KickTests(OperatorCase):
    def test_kick(self) -> None:
        """A kick, by either method, has the Server asked for tasks at once, however short ago that was; 200."""
        self.start()
        self.pass_time(1.0)
        for method in ("POST", "GET"):
            before = self.server.record.requests[Endpoint.DEPSGRAPH]
            answer = self.request(method, "/kick")
            self.assertEqual((answer.code, answer.body), (200, b"Kicked task downloader\n"))
            self.pass_time(1.0)
            self.assertEqual(self.server.record.requests[Endpoint.DEPSGRAPH], before + 1)
