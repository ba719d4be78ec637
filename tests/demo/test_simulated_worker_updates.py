"""What a simulated Worker says of its tasks, in what order, and what is kept for later (worker-api.md 4.4, 4.9, 7)."""

from flamenco_mgr.demo.worker.enlisting import WorkerProfile
from flamenco_mgr.demo.worker.journal import Acknowledged, Ending
from tests.demo.scripted_manager import (
    OTHER_TASK,
    TASK,
    HangsUp,
    IsSilent,
    Says,
    WorkerTestCase,
    a_sleep,
    a_task_document,
)

RENDER = {"blender_cmd": "/farm/blender", "filepath": "/jobs/a.blend", "render_output": "/render/frame-######"}


class QueueTests(WorkerTestCase):
    def test_repeated_for_ever(self) -> None:
        """What is not taken is sent again every 5 s, with everything behind it waiting; a time-out is one try."""
        self.manager.tell("task", Says(200, a_task_document()), Says())
        self.manager.tell("update", Says(503), HangsUp(), IsSilent(), Says(500), Says())
        self.live(20.0)
        self.assertEqual(self.manager.at("update"), [0.0, 5.0, 10.0, 18.0, 23.0][:4])
        self.pass_time(4.0)
        self.assertEqual(self.manager.at("update"), [0.0, 5.0, 10.0, 18.0, 23.0, 23.0])
        first = self.manager.bodies()[0]
        self.assertEqual(self.manager.bodies()[:5], [first] * 5)
        self.assertEqual(self.manager.bodies()[5]["task_status"], "completed")

    def test_dropped(self) -> None:
        """A 404 or 409 removes an update, and the next one is sent."""
        self.manager.tell("task", Says(200, a_task_document(TASK, a_sleep(1))), Says())
        self.manager.tell("update", Says(404, b"gone"), Says(409, b"another's"))
        self.live(2.0)
        self.assertEqual(
            self.worker.journal.acknowledged,
            [
                Acknowledged(at=0.0, task_id=TASK, task_status="active", answer=404),
                Acknowledged(at=1.0, task_id=TASK, task_status="completed", answer=409),
            ],
        )
        self.assertEqual((self.complaints(), list(self.worker.disk.updates)), ([], []))

    def test_refused_for_good(self) -> None:
        """A 400 or 413 is an offence, as it disables a Worker; 401 and 5xx are not."""
        self.manager.tell("task", Says(200, a_task_document(TASK, a_sleep(1))), Says())
        self.manager.tell("update", Says(401), Says(500), Says(400), Says(413), Says())
        self.live(20.0)
        self.assertEqual(
            self.complaints(),
            [f"update: answers {status}, upon which an update is sent for ever" for status in (400, 413)],
        )

    def test_crowded(self) -> None:
        """With more than ten updates waiting no task is asked for; it looks again every 10 s."""
        tasks = [Says(200, a_task_document(f"{TASK[:-2]}{n:02}", a_sleep(1))) for n in range(10)]
        self.manager.tell("task", *tasks)
        self.manager.tell("update", Says(503))
        self.live(60.0)
        self.assertEqual(self.manager.at("task"), [0.0, 4.0, 8.0, 12.0, 16.0, 20.0])
        self.assertEqual(len(self.worker.disk.updates), 12)
        self.manager.tell("update", Says())
        self.pass_time(14.0)
        self.assertEqual(self.manager.at("update")[12:25], [60.0] + [65.0] * 12)
        self.assertEqual(self.manager.at("task")[6:], [74.0])

    def test_in_order(self) -> None:
        """The updates of all tasks are one queue."""
        self.manager.tell(
            "task",
            Says(200, a_task_document(TASK, a_sleep(1))),
            Says(200, a_task_document(OTHER_TASK, a_sleep(1))),
            Says(),
        )
        self.manager.tell("update", *[Says(503)] * 2, Says())
        self.live(11.0)
        self.assertEqual(
            [(update.task_id, update.task_status) for update in self.worker.journal.acknowledged],
            [(TASK, "active"), (TASK, "completed"), (OTHER_TASK, "active"), (OTHER_TASK, "completed")],
        )

    def test_disk_outlives_the_process(self) -> None:
        """After a kill the next process signs on, sends what the first one could not, in order, and runs again."""
        self.manager.tell("task", Says(200, a_task_document()))
        self.manager.tell("update", Says(503))
        self.live(6.0)
        self.worker.kill()
        self.manager.tell("update", Says())
        self.manager.asked.clear()
        self.worker = self.worker.restarted()
        self.live()
        self.assertEqual(
            sorted(line for _, line in self.manager.lines()),
            ["POST /sign-on", "POST /task", f"POST /tasks/{TASK}/update", f"POST /tasks/{TASK}/update"],
        )
        self.assertEqual([run.how for run in self.worker.journal.runs], [Ending.KILLED, None])
        self.assertEqual(self.worker.running, TASK)


class ReportTests(WorkerTestCase):
    def ends(self, document: dict[str, object], after: float = 0.0) -> list[object]:
        """Return activity, status and command of each update but the first."""
        self.manager.tell("task", Says(200, document), Says())
        self.live(after)
        return [
            (body["activity"], body.get("task_status"), body["current_command_idx"])
            for body in self.manager.bodies()[1:]
        ]

    def test_failing(self) -> None:
        """A Worker fails at a type of task as often as it is told to, says so once, and asks again 3 s later."""
        self.worker = self.a_worker(profile=WorkerProfile(nickname="r", failure_chance={"sleep": 1.0}))
        (end,) = self.ends(a_task_document(TASK, a_sleep(2)), after=6.0)
        what = f"sleep.(task_id={TASK}, command_idx=0): Error executing: chance would have it so"
        self.assertEqual(end, (what, "failed", 0))
        self.assertEqual(self.manager.at("task"), [0.0, 5.0])
        self.assertEqual(self.worker.journal.runs[0].how, Ending.FAILED)

    def test_unknown_command(self) -> None:
        """A command that the Worker does not know fails with an uncaught exception and a traceback in the log."""
        (end,) = self.ends(a_task_document(TASK, {"name": "dance", "settings": {}}))
        self.assertEqual(end, ("Uncaught exception: KeyError: 'dance'", "failed", 0))
        self.assertIn("Traceback", self.manager.bodies()[1]["log"])

    def test_invalid_settings(self) -> None:
        """Invalid settings fail, and 15 s later comes one more update with neither status nor activity."""
        document = a_task_document(TASK, a_sleep(1), {"name": "sleep", "settings": {"time_in_seconds": "long"}})
        ends = self.ends(document, after=17.0)
        what = f"sleep.(task_id={TASK}, command_idx=1): Invalid settings: time_in_seconds must be float"
        self.assertEqual(ends, [(what, "failed", 1), ("", None, 1)])
        self.assertEqual(self.manager.at("update"), [0.0, 1.0, 16.0])

    def test_many_lines(self) -> None:
        """More than 1000 lines are not kept back: 2500 make three updates, and none is lost."""
        document = a_task_document(TASK, {"name": "log_a_lot", "settings": {"lines": 2500}})
        self.worker = self.a_worker(duration=lambda *_: 1.0)
        self.ends(document, after=2.0)
        logs = [body["log"].split("\n") for body in self.manager.bodies()[1:]]
        self.assertEqual([len(log) for log in logs], [1001, 1001, 500])
        self.assertEqual(self.manager.at("update"), [0.0, 0.0, 0.0, 1.0])

    def test_output(self) -> None:
        """What was rendered is announced with its path, at most every 30 s, and never again if that fails."""
        render = {"name": "blender_render", "settings": RENDER}
        self.worker = self.a_worker(duration=lambda *_: 10.0)
        self.manager.tell("output-produced", HangsUp())
        self.ends(a_task_document(TASK, *[render] * 5), after=60.0)
        self.assertEqual(self.manager.at("output-produced"), [10.0, 40.0])
        self.assertEqual(self.manager.bodies("output-produced")[0], {"paths": ["/render/frame-000001.exr"]})

    def test_usual_durations(self) -> None:
        """If nobody says how long commands take, an echo takes no time, a sleep its own, others 2 to 30 s."""
        render = {"name": "blender_render", "settings": RENDER}
        document = a_task_document(TASK, {"name": "echo", "settings": {"message": ""}}, a_sleep(5), render)
        self.ends(document, after=40.0)
        took = self.worker.journal.runs[0].ended or 0.0
        self.assertTrue(5.0 + 2.0 <= took <= 5.5 + 30.0, took)
