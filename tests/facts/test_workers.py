"""The acceptance list of task-lifecycle.md 20: facts 38 to 53, as far as no operator is needed."""

from typing import Any

from tests.harness import Answer, FarmTestCase


class WorkerFactTests(FarmTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.w1 = self.register("w1", "sleeping")

    def post(self, path: str, **options: Any) -> Answer:
        return self.request("POST", path, worker=self.w1, **options)

    def test_sign_offs(self) -> None:
        """Facts 43 to 49: what remains of a request after a sign-off, status by status."""
        for status, requested, expected in (
            ("awake", None, None),
            ("asleep", None, "asleep"),
            ("timeout", None, None),
            ("awake", "shutdown", None),
            ("asleep", "shutdown", "asleep"),
            ("asleep", "awake", None),
            ("timeout", "shutdown", None),
        ):
            self.change_worker(self.w1, status=status, status_requested=requested)
            self.assertEqual(self.post("/sign-off").code, 204)
            worker = self.worker(self.w1)
            self.assertEqual((worker.status, worker.status_requested), ("offline", expected), (status, requested))

    def test_sign_ons(self) -> None:
        """Facts 38 to 41: what a sign-on does not say stays, and only new task types are told to the Server."""
        self.assertEqual(self.post("/sign-on", json={}).code, 204)
        self.assertEqual(
            (self.worker(self.w1).nickname, self.worker(self.w1).supported_task_types), ("w1", ("sleeping",))
        )
        self.assertEqual(self.post("/sign-on", json={"nickname": "new"}).code, 204)
        self.assertEqual(
            (self.worker(self.w1).nickname, self.worker(self.w1).supported_task_types), ("new", ("sleeping",))
        )
        self.assertEqual(self.post("/sign-on", json={"supported_task_types": ["a", "b"]}).code, 204)
        self.assertEqual(
            (self.worker(self.w1).nickname, self.worker(self.w1).supported_task_types), ("new", ("a", "b"))
        )
        self.assertEqual(self.worker(self.w1).status, "starting")

    def test_sign_on_forgets_task(self) -> None:
        """Fact 42: the current task is forgotten at a sign-on."""
        self.change_worker(self.w1, current_task="a" * 24)
        self.assertEqual(self.post("/sign-on", json={}).code, 204)
        self.assertIsNone(self.worker(self.w1).current_task)

    def test_requests(self) -> None:
        """Facts 50 and 51: a request is delivered by ``/task`` and ``/status-change``, until it is acknowledged."""
        self.assertEqual(self.request("GET", "/status-change", worker=self.w1).code, 204)
        self.change_worker(self.w1, status_requested="asleep")
        answer = self.post("/task")
        self.assertEqual((answer.code, answer.json), (423, {"status_requested": "asleep"}))
        answer = self.request("GET", "/status-change", worker=self.w1)
        self.assertEqual((answer.code, answer.json), (200, {"status_requested": "asleep"}))
        self.assertEqual(self.worker(self.w1).status_requested, "asleep")

    def test_acks(self) -> None:
        """Facts 52, 53 and 59: an acknowledgement is stored and clears its request, over HTTP."""
        self.change_worker(self.w1, status_requested="asleep")
        self.assertEqual(self.post("/ack-status-change/asleep").code, 204)
        self.assertEqual((self.worker(self.w1).status, self.worker(self.w1).status_requested), ("asleep", None))
        for status in ("starting", "error"):
            self.assertEqual(self.post(f"/ack-status-change/{status}").code, 204)
            self.assertEqual(self.worker(self.w1).status, status)
        for nonsense in ("shutdown", "on-fire"):
            self.assertEqual(self.post(f"/ack-status-change/{nonsense}").code, 204)
            self.assertEqual(self.worker(self.w1).status, "error")

    def test_ack_and_task_race(self) -> None:
        """A tester's acknowledgement and its first ``/task`` end in ``testing`` in either order (worker-api.md 8)."""
        for first, second in (("/ack-status-change/testing", "/task"), ("/task", "/ack-status-change/testing")):
            self.post("/sign-on", json={})
            self.post(first)
            self.post(second)
            self.assertEqual(self.worker(self.w1).status, "testing")

    def test_signs_of_life(self) -> None:
        """A request shows when, from where and with what program a worker was heard ("Seen", worker-api.md 4)."""
        self.clock.advance(100)
        now = self.clock.seconds()
        self.request("GET", "/status-change", worker=self.w1, headers={"User-Agent": "Flamenco-Worker/2.5"})
        self.flush_heartbeats()
        worker = self.worker(self.w1)
        self.assertEqual((worker.last_activity, worker.software), (now, "Flamenco-Worker/2.5"))

    def test_registered_twice(self) -> None:
        """A registration whose answer was lost, sent again, is the same worker; a new secret is a new one."""
        body = {"secret": "t" * 64, "platform": "linux", "supported_task_types": ["a"], "nickname": "twin"}
        first, second = (self.request("POST", "/register-worker", json=body).json["_id"] for _ in range(2))
        other = self.request("POST", "/register-worker", json=body | {"secret": "u" * 64}).json["_id"]
        self.assertEqual(first, second)
        self.assertNotEqual(first, other)
