"""The whole life of a simulated Worker (worker-api.md 5, 6, 7)."""

from flamenco_mgr.demo.worker.journal import Ending
from flamenco_mgr.demo.worker.obeying import WorkerState
from tests.demo.scripted_manager import (
    OTHER_TASK,
    RUN_ON,
    TASK,
    IsSilent,
    IsSlow,
    Says,
    WorkerTestCase,
    a_sleep,
    a_task_document,
)


class LifeTests(WorkerTestCase):
    def test_life_of_a_task(self) -> None:
        """Register, ask, run, ask to go on after 5 s, report at the end, ask again 3 s later and then every 5 s."""
        self.manager.tell("task", Says(200, a_task_document()), Says())
        self.live(20.0)
        self.assertEqual(
            self.manager.lines(),
            [
                (0.0, "POST /register-worker"),
                (0.0, "POST /task"),
                (0.0, f"POST /tasks/{TASK}/update"),
                (5.0, f"GET /may-i-run/{TASK}"),
                (7.0, f"POST /tasks/{TASK}/update"),
                (10.0, "POST /task"),
                (15.0, "POST /task"),
                (20.0, "POST /task"),
            ],
        )

    def test_bodies_of_a_task(self) -> None:
        """The first update is bare but for its status; the last has the log, the timing and the last command."""
        self.manager.tell("task", Says(200, a_task_document()), Says())
        self.live(8.0)
        first, last = self.manager.bodies()
        self.assertEqual(
            first,
            {
                "activity": "",
                "current_command_idx": 0,
                "task_progress_percentage": 0,
                "command_progress_percentage": 0,
                "metrics": {"timing": {}},
                "task_status": "active",
            },
        )
        log = last.pop("log").split("\n")
        self.assertEqual(
            last,
            {
                "activity": "Task completed",
                "current_command_idx": 1,
                "task_progress_percentage": 0,
                "command_progress_percentage": 100,
                "metrics": {"timing": {"total": 7.0}},
                "task_status": "completed",
            },
        )
        self.assertEqual(log[0], "1970-01-01T00:00:00.000000+00:00: echo: Starting")
        self.assertEqual(log[-1], "1970-01-01T00:00:07.000000+00:00: sleep: Finished")

    def test_long_task(self) -> None:
        """A task that runs longer says after 15 s what it does, with its status and the log so far, and so on."""
        self.manager.tell("task", Says(200, a_task_document(TASK, a_sleep(40))), Says())
        self.live(41.0)
        self.assertEqual(self.manager.at("update"), [0.0, 15.0, 35.0, 40.0])
        said = self.manager.bodies()[1]
        self.assertEqual((said["activity"], said["task_status"]), ("sleep 25%", "active"))
        self.assertIn("sleep: Starting", said["log"])
        self.assertEqual(self.manager.at("may-i-run"), [5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0])

    def test_foreign_metrics(self) -> None:
        """The first update of a task has the timing of the task before it."""
        self.manager.tell(
            "task", Says(200, a_task_document()), Says(200, a_task_document(OTHER_TASK, a_sleep(1))), Says()
        )
        self.live(12.0)
        timings = [body["metrics"]["timing"] for body in self.manager.bodies()]
        self.assertEqual(timings, [{}, {"total": 7.0}, {"total": 7.0}, {"total": 1.0}])

    def test_no_work(self) -> None:
        """An idle Worker asks every 5 s."""
        self.live(16.0)
        self.assertEqual(self.manager.at("task"), [0.0, 5.0, 10.0, 15.0])

    def test_time_scale(self) -> None:
        """All delays, and the work itself, are multiplied by the time scale; the 3 s for an answer are not."""
        self.worker = self.a_worker(time_scale=0.5)
        self.manager.tell("task", Says(200, a_task_document(TASK, a_sleep(14))), Says())
        self.manager.tell("may-i-run", IsSilent(), RUN_ON)
        self.live(12.0)
        self.assertEqual(self.manager.at("may-i-run"), [2.5, 5.5])
        self.assertEqual(self.manager.at("task"), [0.0, 8.5, 11.0])


class ToldToStopTests(WorkerTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.manager.tell("task", Says(200, a_task_document(TASK, a_sleep(60))), Says())

    def test_no(self) -> None:
        """After a no come the log alone, the return, a new question 3 s later, and after 30 s one more line of log."""
        self.manager.tell("may-i-run", Says(200, {"may_keep_running": False, "reason": "canceled"}))
        self.live(36.0)
        self.assertEqual(
            self.manager.lines(since=5.0)[:4],
            [
                (5.0, f"GET /may-i-run/{TASK}"),
                (5.0, f"POST /tasks/{TASK}/update"),
                (5.0, f"POST /tasks/{TASK}/return"),
                (8.0, "POST /task"),
            ],
        )
        self.assertEqual(self.manager.at("update"), [0.0, 5.0, 35.0])
        stopped, returned = self.manager.bodies()[1:]
        self.assertEqual(list(stopped), ["log"])
        self.assertIn("stopped running this task: canceled", stopped["log"])
        self.assertNotIn("task_status", returned)
        self.assertEqual(returned["activity"], "")
        self.assertIn("returned this task", returned["log"])
        self.assertEqual(self.worker.journal.runs[0].how, Ending.STOPPED)

    def test_return_waits_for_the_log(self) -> None:
        """The task is returned when its last lines have been taken, or refused once."""
        self.manager.tell("update", Says(), Says(503))
        self.manager.tell("may-i-run", Says(200, {"may_keep_running": False}))
        self.live(10.0)
        self.assertEqual(self.manager.at("return"), [5.0])
        self.assertEqual(self.manager.at("update"), [0.0, 5.0, 10.0])

    def test_return_waits_for_a_slow_answer(self) -> None:
        """The task is returned when its last lines have been answered, and no sooner."""
        self.manager.tell("update", Says(), IsSlow(self.clock, 2.0, Says()))
        self.manager.tell("may-i-run", Says(200, {"may_keep_running": False}))
        self.live(10.0)
        self.assertEqual((self.manager.at("return"), self.manager.at("task")), ([7.0], [0.0, 10.0]))

    def test_immediate_sleep(self) -> None:
        """A no that asks it to sleep is acknowledged; it asks for no task, and 30 s later whether to wake up."""
        self.manager.tell("may-i-run", Says(200, {"may_keep_running": False, "status_requested": "asleep"}))
        self.live(36.0)
        self.assertEqual(
            self.manager.lines(since=5.0),
            [
                (5.0, f"GET /may-i-run/{TASK}"),
                (5.0, "POST /ack-status-change/asleep"),
                (5.0, f"POST /tasks/{TASK}/update"),
                (5.0, f"POST /tasks/{TASK}/return"),
                (35.0, f"POST /tasks/{TASK}/update"),
                (35.0, "GET /status-change"),
            ],
        )
        self.assertEqual(self.worker.state, WorkerState.ASLEEP)

    def test_lazy_sleep(self) -> None:
        """A request beside a yes waits for the task's end, and the next question for one."""
        self.manager.tell("task", Says(200, a_task_document()), Says(423, {"status_requested": "asleep"}))
        self.manager.tell("may-i-run", Says(200, {"may_keep_running": True, "status_requested": "asleep"}))
        self.live(12.0)
        self.assertEqual(
            self.manager.lines(since=7.0),
            [(7.0, f"POST /tasks/{TASK}/update"), (10.0, "POST /task"), (10.0, "POST /ack-status-change/asleep")],
        )

    def test_immediate_shutdown(self) -> None:
        """A no that asks it to shut down: log, return, the last updates, sign-off, and no acknowledgement."""
        self.manager.tell("may-i-run", Says(200, {"may_keep_running": False, "status_requested": "shutdown"}))
        self.live(6.0)
        self.assertEqual(
            self.manager.lines(since=5.0),
            [
                (5.0, f"GET /may-i-run/{TASK}"),
                (5.0, f"POST /tasks/{TASK}/update"),
                (5.0, f"POST /tasks/{TASK}/return"),
                (5.0, f"POST /tasks/{TASK}/update"),
                (5.0, "POST /sign-off"),
            ],
        )
        self.assertEqual(self.worker.state, WorkerState.ENDED)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_no_and_awake(self) -> None:
        """A no together with awake is an offence; the simulated Worker does not double its loops."""
        self.manager.tell("may-i-run", Says(200, {"may_keep_running": False, "status_requested": "awake"}))
        self.live(9.0)
        self.assertEqual(self.complaints(), ["may-i-run: says no and awake at once, which doubles a Worker's loops"])
        self.assertEqual(self.manager.at("task"), [0.0, 8.0])

    def test_stop_while_running(self) -> None:
        """A stop says the last words, its task still active, and signs off; nothing is returned."""
        self.live(6.0)
        self.successResultOf(self.worker.stop())
        self.assertEqual(self.manager.lines(since=5.5), [(6.0, f"POST /tasks/{TASK}/update"), (6.0, "POST /sign-off")])
        last = self.manager.bodies()[-1]
        self.assertEqual(last["task_status"], "active")
        self.assertIn("sleep: Starting", last["log"])
        self.assertEqual(self.worker.journal.runs[0].how, Ending.SIGNED_OFF)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stop_at_an_unreachable_manager(self) -> None:
        """A stop ends also when nobody takes the last words, and keeps them for the next start."""
        self.manager.tell("update", IsSilent())
        self.manager.tell("sign-off", IsSilent())
        self.live(1.0)
        stopped = self.worker.stop()
        again = self.worker.stop()
        self.pass_time(6.0)
        self.successResultOf(stopped)
        self.successResultOf(again)
        self.assertEqual(len(self.worker.disk.updates), 2)

    def test_kill(self) -> None:
        """A kill sends nothing, drops what is in flight, and leaves no delayed call."""
        self.manager.tell("may-i-run", IsSilent())
        self.live(6.0)
        before = self.manager.lines()
        self.worker.kill()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.pass_time(60.0)
        self.assertEqual(self.manager.lines(), before)
        self.assertEqual((self.worker.state, self.worker.journal.runs[0].how), (WorkerState.ENDED, Ending.KILLED))
        self.successResultOf(self.worker.when_ended())
        self.successResultOf(self.worker.stop())


class StateTests(WorkerTestCase):
    def test_sleep_and_wake(self) -> None:
        """A sleeper asks for a change every 30 s; woken, it acknowledges and asks for a task 3 s later."""
        self.manager.tell("task", Says(423, {"status_requested": "asleep"}), Says())
        self.manager.tell("status-change", Says(), Says(500, b"oh"), Says(200, {"status_requested": "awake"}))
        self.live(95.0)
        self.assertEqual(
            self.manager.lines()[1:],
            [
                (0.0, "POST /task"),
                (0.0, "POST /ack-status-change/asleep"),
                (30.0, "GET /status-change"),
                (60.0, "GET /status-change"),
                (90.0, "GET /status-change"),
                (90.0, "POST /ack-status-change/awake"),
                (93.0, "POST /task"),
            ],
        )

    def test_sleeper_told_to_shut_down(self) -> None:
        """A sleeper that is asked to shut down signs off at once."""
        self.manager.tell("task", Says(423, {"status_requested": "asleep"}))
        self.manager.tell("status-change", Says(200, {"status_requested": "shutdown"}))
        self.live()
        ended = self.worker.when_ended()
        self.pass_time(30.0)
        self.successResultOf(ended)
        self.assertEqual(self.manager.lines(since=30.0), [(30.0, "GET /status-change"), (30.0, "POST /sign-off")])

    def test_sleeper_without_manager(self) -> None:
        """A sleeper that gets no answer asks again 30 s after the last of its six tries."""
        self.manager.tell("task", Says(423, {"status_requested": "asleep"}))
        self.manager.tell("status-change", *[IsSilent()] * 6, Says())
        self.live(80.0)
        self.assertEqual(self.manager.at("status-change"), [30.0, 33.0, 36.0, 39.0, 42.0, 45.0, 78.0])

    def test_awake_again(self) -> None:
        """A 423 that asks an awake Worker to be awake is acknowledged, and it asks again 3 s later."""
        self.manager.tell("task", Says(423, {"status_requested": "awake"}), Says())
        self.live(4.0)
        self.assertEqual(self.manager.lines()[2:], [(0.0, "POST /ack-status-change/awake"), (3.0, "POST /task")])

    def test_error(self) -> None:
        """In the error state a Worker says nothing for 600 s, then that it is awake, and asks 3 s later."""
        self.manager.tell("task", Says(423, {"status_requested": "error"}), Says())
        self.live(604.0)
        self.assertEqual(
            self.manager.lines()[2:],
            [
                (0.0, "POST /ack-status-change/error"),
                (600.0, "POST /ack-status-change/awake"),
                (603.0, "POST /task"),
            ],
        )

    def test_lost_acknowledgement(self) -> None:
        """An acknowledgement is sent once, whatever becomes of it."""
        self.manager.tell("task", Says(423, {"status_requested": "asleep"}))
        self.manager.tell("ack-status-change", IsSilent())
        self.live(20.0)
        self.assertEqual(self.manager.at("ack-status-change"), [0.0])

    def test_unknown_status(self) -> None:
        """A status that no Worker knows sends it to sleep, and is an offence."""
        self.manager.tell("task", Says(423, {"status_requested": "offline"}))
        self.live(6.0)
        self.assertEqual(self.manager.lines()[2:], [(0.0, "POST /ack-status-change/asleep")])
        self.assertEqual(self.complaints(), ["task: requests 'offline', upon which a Worker sleeps for good"])
