"""The acceptance list of task-lifecycle.md 20: what is asked of workers (facts 50 to 75, 103 to 106)."""

from typing import Any

from attrs import evolve

from flamenco_mgr.domain.sleeping import SleepSchedule
from flamenco_mgr.domain.tasks import MANAGER_LOCAL
from tests.builders import TASK, a_task
from tests.harness import Answer, FarmTestCase

DAY = 86400.0
WEDNESDAY = 1573603200.0
"""Midnight, UTC, of November 13th, 2019."""


class SteeringCase(FarmTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.w1 = self.register("w1", "blender-render")

    def act(self, action: str, **fields: str) -> Answer:
        """Do something with the worker as an operator."""
        return self.request("POST", f"/worker-action/{self.w1}", data={"action": action, **fields})

    def set_schedule(self, **fields: Any) -> Answer:
        return self.request("POST", f"/set-sleep-schedule/{self.w1}", json=fields)

    def of_worker(self, method: str, path: str) -> Answer:
        return self.request(method, path, worker=self.w1)

    def asked(self) -> tuple[str, str | None, bool]:
        worker = self.worker(self.w1)
        return worker.status, worker.status_requested, worker.lazy_status_request


class RequestFactTests(SteeringCase):
    def test_immediate(self) -> None:
        """Fact 50: who is asked to sleep at once is told so when it asks to go on, and when it asks for a task."""
        self.add(a_task(job_type=MANAGER_LOCAL))
        self.assertEqual(self.of_worker("POST", "/task").code, 200)
        self.assertEqual(self.act("set-status", status="asleep").code, 204)
        self.assertEqual(self.asked(), ("awake", "asleep", False))
        answer = self.of_worker("GET", f"/may-i-run/{TASK}")
        self.assertEqual(answer.code, 200)
        self.assertFalse(answer.json["may_keep_running"])
        self.assertEqual(answer.json["status_requested"], "asleep")
        self.assertIn("worker status change to asleep requested", answer.json["reason"])
        answer = self.of_worker("POST", "/task")
        self.assertEqual((answer.code, answer.json), (423, {"status_requested": "asleep"}))

    def test_lazy(self) -> None:
        """Task-lifecycle.md 13: a lazy request lets the task go on, and is delivered all the same."""
        self.add(a_task(job_type=MANAGER_LOCAL))
        self.of_worker("POST", "/task")
        self.assertEqual(self.act("set-status", status="asleep", lazy="true").code, 204)
        self.assertEqual(self.asked(), ("awake", "asleep", True))
        answer = self.of_worker("GET", f"/may-i-run/{TASK}")
        self.assertEqual(answer.json, {"may_keep_running": True, "status_requested": "asleep"})
        self.assertEqual(self.of_worker("POST", "/task").code, 423)
        answer = self.of_worker("GET", "/status-change")
        self.assertEqual((answer.code, answer.json), (200, {"status_requested": "asleep"}))

    def test_answered(self) -> None:
        """Facts 51 to 53: a request is delivered until it is acknowledged; whatever a worker says next is stored."""
        self.assertEqual(self.of_worker("GET", "/status-change").code, 204)
        self.act("set-status", status="asleep")
        self.assertEqual(self.of_worker("GET", "/status-change").json, {"status_requested": "asleep"})
        self.assertEqual(self.of_worker("POST", "/ack-status-change/asleep").code, 204)
        self.assertEqual(self.asked(), ("asleep", None, False))
        self.assertEqual(self.of_worker("GET", "/status-change").code, 204)
        self.assertEqual(self.of_worker("POST", "/ack-status-change/starting").code, 204)
        self.assertEqual(self.asked(), ("starting", None, False))

    def test_woken(self) -> None:
        """To be awake stops no task: it is said to the sleeper, which acknowledges it."""
        self.change_worker(self.w1, status="asleep")
        self.assertEqual(self.act("set-status", status="awake").code, 204)
        self.assertEqual(self.of_worker("GET", "/status-change").json, {"status_requested": "awake"})
        self.of_worker("POST", "/ack-status-change/awake")
        self.assertEqual(self.asked(), ("awake", None, False))

    def test_shutdown(self) -> None:
        """A shutdown is told when the worker asks for a task, and over when it has signed off."""
        self.change_worker(self.w1, status="awake")
        self.assertEqual(self.act("shutdown", lazy="true").code, 204)
        self.assertEqual(self.asked(), ("awake", "shutdown", True))
        self.assertEqual(self.of_worker("POST", "/task").json, {"status_requested": "shutdown"})
        self.of_worker("POST", "/sign-off")
        self.assertEqual(self.asked(), ("offline", None, False))

    def test_refused(self) -> None:
        """Fact 56: what no worker can be asked to become is refused with 400, and nothing changes."""
        self.change_worker(self.w1, status="awake")
        for status in ("offline", "timeout"):
            answer = self.act("set-status", status=status)
            self.assertEqual(answer.code, 400)
            self.assertEqual(answer.body.decode(), f'RequestStatusChange("{status}"): status cannot be requested')
        self.assertEqual(self.asked(), ("awake", None, False))

    def test_timeout_acknowledged(self) -> None:
        """Fact 57: a timeout is acknowledged if there is one, and leaves the worker offline, asked for nothing."""
        self.change_worker(self.w1, status="awake")
        answer = self.act("ack-timeout")
        self.assertEqual((answer.code, answer.body), (400, b'Worker status is not "timeout"'))
        self.change_worker(self.w1, status="timeout", status_requested="asleep")
        self.assertEqual(self.act("ack-timeout").code, 204)
        self.assertEqual(self.asked(), ("offline", None, False))


class ScheduleFactTests(SteeringCase):
    """The clock begins on a Tuesday at 13:57, and the machine's zone is UTC."""

    def test_empty(self) -> None:
        """Fact 103: an empty schedule is 204, and has nothing but the time of its next check."""
        self.assertEqual(self.set_schedule().code, 204)
        self.assertEqual(self.worker(self.w1).sleep_schedule, SleepSchedule(next_check=WEDNESDAY))

    def test_stored(self) -> None:
        """Fact 104: what is set is stored as given, and replaces all that was there."""
        full = {"schedule_active": True, "days_of_week": "mo tu we fr", "time_start": "06:15", "time_end": "17:30"}
        for left_out in ((), ("time_end",), ("time_end", "days_of_week"), ("time_start", "time_end"), (*full,)[1:]):
            self.assertEqual(self.set_schedule(**full).code, 204)
            given = {name: value for name, value in full.items() if name not in left_out}
            self.assertEqual(self.set_schedule(**given).code, 204)
            shown = self.request("GET", "/as-json").json["workers"][0]["sleep_schedule"]
            del shown["next_check"]
            self.assertEqual(shown, given)

    def test_days(self) -> None:
        """Fact 105: days are stored by their first two letters."""
        self.set_schedule(days_of_week=" Mo   TU we\u00a0friday\n")
        self.assertEqual(self.worker(self.w1).sleep_schedule.days, ("mo", "tu", "we", "fr"))

    def test_operators_wish(self) -> None:
        """Fact 106: what an operator asks for after a schedule was set leaves the schedule as it is, and active."""
        self.change_worker(self.w1, status="awake")
        self.set_schedule(schedule_active=True, time_start="06:15", time_end="07:30")
        before = self.worker(self.w1).sleep_schedule
        self.assertEqual(self.act("set-status", status="asleep").code, 204)
        self.assertEqual(self.worker(self.w1).sleep_schedule, before)
        self.assertTrue(before.active)
        self.assertEqual(self.asked()[1], "asleep")

    def test_applied_at_once(self) -> None:
        """Task-lifecycle.md 14: a schedule that is set acts at once; one that is not active does nothing."""
        self.change_worker(self.w1, status="awake")
        self.set_schedule(schedule_active=True, time_start="09:00", time_end="18:00")
        self.assertEqual(self.asked(), ("awake", "asleep", False))
        self.change_worker(self.w1, status="asleep", status_requested=None)
        self.set_schedule(schedule_active=False)
        self.assertEqual(self.asked(), ("asleep", None, False))

    def test_unlisted_day(self) -> None:
        """Fact 65, the better way (21.32): on a day that is not listed a sleeper is woken."""
        self.change_worker(self.w1, status="asleep")
        self.set_schedule(schedule_active=True, days_of_week="mo we")
        self.assertEqual(self.asked(), ("asleep", "awake", False))


class ScheduledDayFactTests(SteeringCase):
    """A day with a schedule from 9 to 18 on weekdays; looks are every minute, the first after ten seconds."""

    settings = evolve(FarmTestCase.settings, active_worker_timeout_interval=2 * DAY)

    def setUp(self) -> None:
        super().setUp()
        self.clock.advance(WEDNESDAY + 8 * 3600 + 33 - self.clock.seconds())
        schedule = SleepSchedule(active=True, days=("mo", "tu", "we", "th", "fr"), start="09:00", end="18:00")
        self.change_worker(self.w1, status="awake", sleep_schedule=schedule, last_activity=self.clock.seconds())

    def until(self, hour: float) -> None:
        """Let the clock go on, at the end a minute at a time."""
        left = WEDNESDAY + hour * 3600 - self.clock.seconds()
        while left > 0:
            step = 900.0 if left > 1200.0 else min(60.0, left)
            self.clock.advance(step)
            self._turn()
            left -= step

    def check(self, status: str, requested: str | None, hour: float) -> None:
        worker = self.worker(self.w1)
        self.assertEqual((worker.status, worker.status_requested), (status, requested))
        self.assertEqual(worker.sleep_schedule.next_check, WEDNESDAY + hour * 3600)

    def test_day(self) -> None:
        """Facts 70 to 73: asked to sleep at 9, left alone in between, and woken at 18."""
        self.start()
        self.pass_time(10.0)
        self.check("awake", None, 9)
        self.until(9 + 1 / 60)
        self.check("awake", "asleep", 18)
        self.change_worker(self.w1, status="awake", status_requested=None)
        self.until(10)
        self.check("awake", None, 18)
        self.change_worker(self.w1, status="asleep")
        self.until(11)
        self.check("asleep", None, 18)
        self.until(18 + 1 / 60)
        self.check("asleep", "awake", 24)

    def test_missed(self) -> None:
        """A Manager that was away when a schedule was due makes up for it ten seconds after its start."""
        self.clock.advance(3 * 3600)
        self.start()
        self.pass_time(9.0)
        self.assertIsNone(self.worker(self.w1).status_requested)
        self.pass_time(2.0)
        self.check("awake", "asleep", 18)
