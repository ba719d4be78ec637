"""What a simulated Worker makes of answers, and what it holds against the Manager (worker-api.md 1, 4, 8)."""

from typing import Any

from attrs import define
from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionRefusedError as NotListening

from flamenco_mgr.demo.worker.journal import Ending, Endpoint
from tests.demo.scripted_manager import (
    RUN_ON,
    TASK,
    HangsUp,
    IsSilent,
    IsSlow,
    Says,
    WorkerTestCase,
    a_sleep,
    a_task_document,
)


@define(eq=False)
class NobodyListens:
    """An HTTP client whose connections are refused."""

    tries: int = 0

    def request(self, _method: str, _url: str, **_: object) -> "Deferred[Any]":
        self.tries += 1
        return fail(NotListening())


A_TASK = Says(200, a_task_document(TASK, a_sleep(100)))


class TaskAnswerTests(WorkerTestCase):
    def test_delays(self) -> None:
        """204: 5 s; 401, 403, 404, 406, errors, no connection: 10 s; time-out: 10 s after its 3 s."""
        for answer, delay in (
            (Says(204), 5.0),
            (Says(401, b"401 Unauthorized\n"), 10.0),
            (Says(403), 10.0),
            (Says(404), 10.0),
            (Says(406, b"no task types"), 10.0),
            (Says(500), 10.0),
            (Says(503), 10.0),
            (HangsUp(), 10.0),
            (IsSilent(), 13.0),
        ):
            with self.subTest(answer=answer):
                self.manager.asked.clear()
                self.manager.tell("task", answer, Says())
                began = self.clock.seconds()
                worker = self.a_worker()
                worker.start()
                self.pass_time(delay)
                self.assertEqual(self.manager.at("task"), [began, began + delay])
                worker.kill()

    def test_stumbling(self) -> None:
        """200 and 423 that can't be read are offences, and cost the Worker 60 s."""
        for answer, complaint in (
            (Says(200, b"<html>"), "task: not JSON"),
            (Says(200, []), "task: not a JSON object"),
            (Says(200, {"commands": []}), "task: _id is missing, or not a text"),
            (Says(200, {"_id": 7, "commands": []}), "task: _id is missing, or not a text"),
            (Says(423, b""), "task: not JSON"),
            (Says(423, {}), "task: status_requested is missing, or not a text"),
            (Says(423, {"status_requested": None}), "task: status_requested is missing, or not a text"),
            (Says(423, {"status_requested": "asleep", "lazy": True}), "task: keys besides status_requested"),
        ):
            with self.subTest(answer=answer):
                self.manager.asked.clear()
                self.manager.tell("task", answer, Says())
                began = self.clock.seconds()
                self.worker = self.a_worker()
                self.live(61.0)
                self.assertEqual(self.manager.at("task"), [began, began + 60.0])
                self.assertEqual(self.complaints(), [complaint])
                self.worker.kill()

    def test_commands_that_break_a_worker(self) -> None:
        """A task whose commands can't be read is failed by the Worker, and is an offence."""
        for commands, complaint in (
            (None, "commands is not a list"),
            (["echo"], "a command is not an object"),
            ([{"settings": {}}], "a command has no name"),
            ([{"name": "", "settings": {}}], "a command has no name"),
            ([{"name": "echo"}], "the settings of echo are not an object"),
            ([{"name": "echo", "settings": None}], "the settings of echo are not an object"),
        ):
            with self.subTest(commands=commands):
                self.manager.asked.clear()
                self.manager.tell("task", Says(200, {"_id": TASK, "commands": commands}), Says())
                self.worker = self.a_worker()
                self.live()
                self.assertEqual(self.complaints(), [f"task: {complaint}"])
                self.assertEqual(self.manager.bodies()[-1]["task_status"], "failed")
                self.worker.kill()

    def test_whole_numbers(self) -> None:
        """A whole number with a fraction, anywhere in settings, is an offence, and a command for ints refuses it."""
        settings = {
            "blender_cmd": "b",
            "filepath": "f",
            "cycles_num_chunks": 8.0,
            "cycles_chunk_start": 1,
            "cycles_chunk_end": 2,
            "deep": [{"er": 0.5}, {"est": -3.0}],
        }
        progressive = {"name": "blender_render_progressive", "settings": settings}
        self.manager.tell("task", Says(200, a_task_document(TASK, progressive)), Says())
        self.live()
        self.assertEqual(
            self.complaints(),
            [
                f"task: blender_render_progressive.{path} is a whole number with a fraction"
                for path in ("cycles_num_chunks", "deep[1].est")
            ],
        )
        self.assertIn("cycles_num_chunks must be int", self.manager.bodies()[-1]["activity"])
        self.assertEqual(self.worker.journal.runs[0].how, Ending.FAILED)


class UnreachableTests(WorkerTestCase):
    def test_no_manager(self) -> None:
        """A failure to connect is tried six times at once, a POST as well, and the registration again after 30 s."""
        client = NobodyListens()
        self.worker = self.a_worker(client=client)
        self.live(29.5)
        self.assertEqual(client.tries, 6)
        self.pass_time(0.5)
        self.assertEqual((client.tries, self.complaints()), (12, []))
        self.assertEqual(self.worker.journal.unanswered[Endpoint.REGISTER], 12)


class MayIRunTests(WorkerTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.manager.tell("task", A_TASK, Says())

    def test_the_body_alone_counts(self) -> None:
        """Whatever the status is, a body that says yes lets it go on, and asking goes on as well."""
        self.manager.tell(
            "may-i-run",
            Says(401, {"may_keep_running": True}),
            Says(503, {"may_keep_running": True, "reason": None, "status_requested": None}),
            RUN_ON,
        )
        self.live(16.0)
        self.assertEqual(self.manager.at("may-i-run"), [5.0, 10.0, 15.0])
        self.assertEqual((self.complaints(), self.worker.running), ([], TASK))

    def test_a_no_with_an_error(self) -> None:
        """A 401 whose body says no stops the task in an orderly way."""
        self.manager.tell("may-i-run", Says(401, {"may_keep_running": False, "reason": "unknown worker"}))
        self.live(6.0)
        self.assertEqual((self.manager.at("return"), self.complaints()), ([5.0], []))

    def test_killed_by_a_body(self) -> None:
        """A body that is not a JSON object of its three keys ends the asking for good, and is an offence."""
        for body, complaint in (
            (b"", "not JSON"),
            (b"401 Unauthorized\n", "not JSON"),
            ([], "not a JSON object"),
            (b"null", "not a JSON object"),
            ({}, "may_keep_running is not a boolean"),
            ({"may_keep_running": 1}, "may_keep_running is not a boolean"),
            ({"may_keep_running": "true"}, "may_keep_running is not a boolean"),
            ({"may_keep_running": True, "hint": ""}, "unknown keys: hint"),
            ({"may_keep_running": True, "reason": 1}, "reason or status_requested is not a text"),
            ({"may_keep_running": True, "status_requested": []}, "reason or status_requested is not a text"),
        ):
            with self.subTest(body=body):
                self.manager.asked.clear()
                self.manager.tell("task", A_TASK)
                self.manager.tell("may-i-run", Says(200, body), RUN_ON)
                self.worker = self.a_worker()
                self.live(30.0)
                self.assertEqual(len(self.manager.at("may-i-run")), 1)
                self.assertEqual(self.complaints(), [f"may-i-run: {complaint}: the Worker never asks again"])
                self.assertEqual(self.worker.running, TASK)
                self.worker.kill()

    def test_hanging(self) -> None:
        """A question without answer is asked six times, 3 s apart, and again 5 s after the last; the task goes on."""
        self.manager.tell("may-i-run", *[IsSilent()] * 6, RUN_ON)
        self.live(31.0)
        self.assertEqual(self.manager.at("may-i-run"), [5.0, 8.0, 11.0, 14.0, 17.0, 20.0, 28.0])
        self.assertEqual(self.complaints(), ["may-i-run: no answer within 3 s"] * 6)
        self.assertEqual(self.worker.running, TASK)

    def test_broken_connections(self) -> None:
        """A broken connection is asked again at once, up to five times; that is not held against the Manager."""
        self.manager.tell("may-i-run", *[HangsUp()] * 5, RUN_ON)
        self.live(11.0)
        self.assertEqual(self.manager.at("may-i-run"), [5.0] * 6 + [10.0])
        self.assertEqual(self.complaints(), [])
        self.assertEqual(self.worker.journal.unanswered[Endpoint.MAY_I_RUN], 5)

    def test_return_without_json(self) -> None:
        """A return that is answered other than by 204 and without JSON ends the asking for good."""
        no = Says(200, {"may_keep_running": False})
        for answer, complaints in (
            (Says(404, {"error": "no such task"}), []),
            (Says(404, b""), ["return: 404 without JSON: the Worker never asks again"]),
            (Says(500, b"oh"), ["return: 500 without JSON: the Worker never asks again"]),
        ):
            with self.subTest(answer=answer):
                self.manager.asked.clear()
                self.manager.tell("task", A_TASK)
                self.manager.tell("may-i-run", no, RUN_ON)
                self.manager.tell("return", answer)
                self.worker = self.a_worker()
                self.live(20.0)
                self.assertEqual(self.complaints(), complaints)
                self.assertEqual(len(self.manager.at("may-i-run")), 1 if complaints else 4)
                self.worker.kill()

    def test_unanswered_return(self) -> None:
        """A return that nobody answers is sent once; the Worker asks for work 3 s after giving up."""
        self.manager.tell("may-i-run", Says(200, {"may_keep_running": False}))
        self.manager.tell("return", IsSilent())
        self.live(12.0)
        self.assertEqual((self.manager.at("return"), self.manager.at("task")), ([5.0], [0.0, 11.0]))

    def test_late_no(self) -> None:
        """A no that arrives when the task has ended stops nothing."""
        self.manager.tell("task", Says(200, a_task_document(TASK, a_sleep(6))), Says())
        self.manager.tell("may-i-run", IsSlow(self.clock, 2.0, Says(200, {"may_keep_running": False})))
        self.live(9.0)
        self.assertEqual(self.manager.at("return"), [])
        self.assertEqual(self.worker.journal.runs[0].how, Ending.COMPLETED)


class OffenceTests(WorkerTestCase):
    def test_redirect(self) -> None:
        """A redirect is an offence and no answer: a real Worker's POST becomes a GET without its body."""
        self.manager.tell("task", Says(302, b"", {"Location": "https://manager.invalid/task"}), Says())
        self.live(11.0)
        self.assertEqual(self.complaints(), ["task: redirects (302), which loses a Worker's request"])
        self.assertEqual(self.manager.at("task"), [0.0, 10.0])

    def test_retry_after(self) -> None:
        """Retry-After with a 503 to a GET is an offence: a real Worker's thread obeys it."""
        self.manager.tell("task", A_TASK)
        self.manager.tell("may-i-run", Says(503, {"may_keep_running": True}, {"Retry-After": "60"}), RUN_ON)
        self.live(6.0)
        self.assertEqual(self.complaints(), ["may-i-run: sends Retry-After, which puts a Worker's thread to sleep"])

    def test_late_answer(self) -> None:
        """An answer that takes longer than 3 s is an offence, one just below is not; both are on the clock."""
        self.manager.tell("task", IsSlow(self.clock, 2.5, Says()), IsSlow(self.clock, 3.5, Says()), Says())
        self.live(20.0)
        self.assertEqual(self.complaints(), ["task: no answer within 3 s"])
        self.assertEqual(self.worker.journal.offences[0].at, 10.5)
        self.assertEqual(self.manager.at("task"), [0.0, 7.5, 20.5][:2])

    def test_unreadable_status_change(self) -> None:
        """A sleeper that can't read an answer sleeps on; that is an offence."""
        self.manager.tell("task", Says(423, {"status_requested": "asleep"}))
        self.manager.tell("status-change", Says(200, {"status": "awake"}), Says())
        self.live(61.0)
        self.assertEqual(self.complaints(), ["status-change: status_requested is missing, or not a text"])
        self.assertEqual(self.manager.at("status-change"), [30.0, 60.0])
