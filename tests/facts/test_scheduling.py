"""The acceptance list of task-lifecycle.md 20: scheduling, facts 1 to 18 and 20."""

from typing import Any

from flamenco_mgr.domain.tasks import Command, FailedBy
from flamenco_mgr.domain.variables import Audience, Direction, Variable, VariableValue
from flamenco_mgr.settings import Settings
from tests.builders import TASK, a_task
from tests.harness import MANAGER, SECRET, Answer, FarmTestCase, basic, every

LOW, HIGH, PARENT, OTHER_PARENT = (f"5e6a2b7d9d3b4a0017c0a{number:03}" for number in (2, 3, 4, 5))
UNKNOWN_PARENT = "5e6a2b7d9d3b4a0017c0afff"


def blender_variable() -> Variable:
    """Return a variable with a value for each of two platforms."""
    return Variable(
        name="blender",
        direction=Direction.ONEWAY,
        values=(
            VariableValue(audience=Audience.ALL, platforms=("linux",), value="/opt/blender"),
            VariableValue(audience=Audience.ALL, platforms=("windows",), value="C:/blender.exe"),
        ),
    )


class SchedulingTests(FarmTestCase):
    settings = Settings(
        manager_id=MANAGER,
        manager_secret=SECRET,
        flamenco="http://server.invalid/",
        variables=(blender_variable(),),
    )

    def setUp(self) -> None:
        super().setUp()
        self.server.silent_everywhere()
        self.w1 = self.register("w1")

    def ask(self, worker: str) -> Answer:
        return self.request("POST", "/task", worker=worker, seconds=2.0)

    def given(self, worker: str) -> Any:
        answer = self.ask(worker)
        self.assertEqual(answer.code, 200, answer.body)
        return answer.json

    def may_run(self, task_id: str, worker: str) -> Any:
        return self.request("GET", f"/may-i-run/{task_id}", worker=worker).json

    def test_fact_1(self) -> None:
        """Fact 1: each worker gets the task of its type, active, with variables for its own platform."""
        linux = self.register("linux", "sleeping")
        windows = self.register("windows", "testing", platform="windows")
        command = Command(name="exec", settings={"cmd": "{blender} --version"})
        self.add(
            a_task(id=LOW, task_type="sleeping", parents=(UNKNOWN_PARENT,)),
            a_task(id=HIGH, task_type="testing", parents=(UNKNOWN_PARENT,)),
            commands=(command,),
        )
        for worker, task, expected in (
            (linux, LOW, "/opt/blender --version"),
            (windows, HIGH, "C:/blender.exe --version"),
        ):
            given = self.given(worker)
            self.assertEqual((given["_id"], given["status"]), (task, "active"))
            self.assertEqual(given["commands"], [{"name": "exec", "settings": {"cmd": expected}}])
        self.assertEqual(self.result_of(self.store.tasks.commands(LOW)), (command,))

    def test_fact_2(self) -> None:
        """Fact 2: the higher priority goes first."""
        self.add(a_task(id=LOW, priority=50), a_task(id=HIGH, priority=100))
        self.assertEqual(self.given(self.w1)["_id"], HIGH)

    def test_fact_3(self) -> None:
        """Fact 3: the job's priority counts before the task's."""
        self.add(a_task(id=LOW, priority=50, job_priority=10), a_task(id=HIGH, priority=100, job_priority=5))
        self.assertEqual(self.given(self.w1)["_id"], LOW)

    def test_oldest_first(self) -> None:
        """Of equals the one with the lower id goes first (task-lifecycle.md 4)."""
        self.add(a_task(id=HIGH), a_task(id=LOW))
        self.assertEqual(self.given(self.w1)["_id"], LOW)

    def test_facts_7_and_8(self) -> None:
        """Facts 7 and 8: a task waits for its active parent, and is given out when that is completed."""
        self.add(a_task(id=PARENT), a_task(id=LOW, parents=(PARENT,)))
        self.change_task(PARENT, status="active", worker_id=self.register("other"))
        self.assertEqual(self.ask(self.w1).code, 204)
        self.change_task(PARENT, status="completed")
        self.assertEqual(self.given(self.w1)["_id"], LOW)

    def test_fact_9(self) -> None:
        """Fact 9: one completed parent of two is not enough."""
        self.add(a_task(id=PARENT), a_task(id=OTHER_PARENT), a_task(id=LOW, parents=(PARENT, OTHER_PARENT)))
        self.change_task(PARENT, status="active", worker_id=self.register("other"))
        self.change_task(OTHER_PARENT, status="completed")
        self.assertEqual(self.ask(self.w1).code, 204)

    def test_fact_10(self) -> None:
        """Fact 10: a parent that is not here counts as completed."""
        self.add(a_task(parents=(UNKNOWN_PARENT,)))
        self.assertEqual(self.given(self.w1)["_id"], TASK)

    def test_fact_12(self) -> None:
        """Fact 12: a worker with an active task gets that again, whatever else waits."""
        self.add(a_task(id=LOW, priority=50))
        self.assertEqual(self.given(self.w1)["_id"], LOW)
        self.add(a_task(id=HIGH, priority=55))
        self.assertEqual(self.given(self.w1)["_id"], LOW)
        self.assertEqual((self.task(HIGH).status, self.task(HIGH).worker_id), ("claimed-by-manager", None))

    def test_fact_13(self) -> None:
        """Fact 13: the worker's tasks that are over, or in an unknown status, are not given to it."""
        self.add(*(a_task(id=f"{number:024}", priority=90) for number in range(3)), a_task(id=LOW, priority=1))
        for number, status in enumerate(("failed", "completed", "je-moeder")):
            self.change_task(f"{number:024}", status=status, worker_id=self.w1)
        self.assertEqual(self.given(self.w1)["_id"], LOW)

    def test_facts_14_to_16(self) -> None:
        """Facts 14 to 16: its own active task may run; one to be cancelled, or another's, may not."""
        self.add(a_task())
        self.given(self.w1)
        self.assertEqual(self.may_run(TASK, self.w1), {"may_keep_running": True})
        other = self.register("other")
        self.assertFalse(self.may_run(TASK, other)["may_keep_running"])
        self.change_task(TASK, status="cancel-requested")
        self.assertFalse(self.may_run(TASK, self.w1)["may_keep_running"])
        self.change_task(TASK, status="active", worker_id=other)
        self.assertFalse(self.may_run(TASK, self.w1)["may_keep_running"])

    def test_facts_17_and_18(self) -> None:
        """Facts 17 and 18: a lazy request does not stop a task, an immediate one does, with exactly this reason."""
        self.add(a_task())
        self.given(self.w1)
        self.change_worker(self.w1, status_requested="asleep", lazy_status_request=True)
        answer = self.may_run(TASK, self.w1)
        self.assertEqual(answer, {"may_keep_running": True, "status_requested": "asleep"})
        self.change_worker(self.w1, lazy_status_request=False)
        answer = self.may_run(TASK, self.w1)
        self.assertEqual(
            (answer["may_keep_running"], answer["reason"]), (False, "worker status change to asleep requested")
        )

    def test_fact_20(self) -> None:
        """Fact 20: a worker does not get a task it failed at; the sent task has the list of who failed."""
        failed = (FailedBy(id=self.w1, identifier="w1"), FailedBy(id="b" * 24, identifier="B"))
        self.add(
            a_task(id=HIGH, status="soft-failed", job_priority=90, failed_by=failed),
            a_task(id=LOW, status="soft-failed", job_priority=10, failed_by=failed[1:]),
        )
        given = self.given(self.w1)
        self.assertEqual((given["_id"], given["failed_by_workers"]), (LOW, [{"id": "b" * 24, "identifier": "B"}]))

    def test_one_task_to_one_worker(self) -> None:
        """Workers that ask at the same moment get different tasks, and as many as there are."""
        tasks = [f"{number:024}" for number in range(1, 6)]
        self.add(*(a_task(id=task) for task in tasks))
        workers = [self.register(f"w{number}") for number in range(8)]
        asking = [self.asking("POST", "/task", {"Authorization": basic(worker)}, {}) for worker in workers]
        answers = self.result_of(every(asking), 2.0)
        given = [answer.json["_id"] for answer in answers if answer.code == 200]
        self.assertEqual((sorted(given), [answer.code for answer in answers].count(204)), (tasks, 3))

    def test_two_requests_of_one_worker(self) -> None:
        """Two requests of one worker at the same moment get one and the same task."""
        self.add(a_task(id=LOW), a_task(id=HIGH))
        asking = [self.asking("POST", "/task", {"Authorization": basic(self.w1)}, {}) for _ in range(2)]
        answers = self.result_of(every(asking), 3.0)
        self.assertEqual([answer.json["_id"] for answer in answers], [LOW, LOW])
        self.assertEqual(self.task(HIGH).status, "claimed-by-manager")

    def test_no_task_types(self) -> None:
        """A worker that supports no task types is refused with 406 (task-lifecycle.md 4)."""
        worker = self.register("typeless", "x")
        self.change_worker(worker, supported_task_types=())
        self.assertEqual(self.ask(worker).code, 406)

    def test_assigned_is_told_and_logged(self) -> None:
        """The Server is told of the assignment, and the task's log begins with it (task-lifecycle.md 6)."""
        self.add(a_task())
        self.given(self.w1)
        (queued,) = self.queue()
        self.assertEqual((queued.update.status, queued.update.task_id), ("active", TASK))
        self.assertIn("w1", queued.update.activity)
        self.assertEqual(self.task(TASK).worker, "w1")
        self.assertEqual(self.log_of(TASK), queued.update.log_tail)
