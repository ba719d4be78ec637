"""The acceptance list of task-lifecycle.md 20: facts 19, 21, 26, 27, 33, 34, 36, 37 and 60 to 62; and 21.27."""

from attrs import evolve

from flamenco_mgr.domain.blacklist import EXPIRES_AFTER, BlacklistLine
from flamenco_mgr.domain.tasks import FailedBy, Task
from tests.builders import JOB, TASK, a_task
from tests.facts.failing import KIND, TASKS, FailingTestCase
from tests.harness import NOW

OTHER_JOB = "5e6a2b7d9d3b4a0017c0b002"
ONE, TWO, THREE, FOUR = TASKS


def four_tasks() -> list[Task]:
    """Return four tasks of one kind."""
    return [a_task(id=task, name=f"task {task}") for task in TASKS]


class BlacklistTests(FailingTestCase):
    def ban(self, worker: str, job: str, task_type: str) -> None:
        line = BlacklistLine(worker_id=worker, job=job, task_type=task_type, created=self.clock.seconds())
        self.assertTrue(self.result_of(self.store.blacklist.add(line)))

    def test_fact_19(self) -> None:
        """Fact 19: a worker gets the best task that it is not banned from; another one is banned by its own lines."""
        types = ("blender-render", "file-management", "video-encoding")
        a, b = self.register("a", *types), self.register("b", *types)
        for number, (job, task_type) in enumerate((job, one) for job in (JOB, OTHER_JOB) for one in types):
            task = a_task(id=f"{number:024x}", job=job, task_type=task_type, priority=90 - number * 10)
            self.add(evolve(task, job_priority=50 if job == JOB else 40))
        for job, task_type in ((JOB, types[0]), (JOB, types[1]), (OTHER_JOB, types[0])):
            self.ban(a, job, task_type)
        self.ban(b, JOB, types[2])
        self.assertEqual((self.given(a), self.given(b)), (f"{2:024x}", f"{0:024x}"))

    def test_facts_60_and_61(self) -> None:
        """Facts 60 and 61: lines are a worker's own; who is unknown, or has none, is kept from nothing."""
        self.add(a_task())
        for job, task_type in ((JOB, "video-encoding"), KIND, (OTHER_JOB, "blender-render")):
            self.ban(self.w1, job, task_type)
        self.ban("5e6a2b7d9d3b4a0017c0dead", OTHER_JOB, "file-management")
        of_first = [line for line in self.banned() if line[0] == self.w1]
        self.assertEqual(
            of_first, [(self.w1, *KIND), (self.w1, JOB, "video-encoding"), (self.w1, OTHER_JOB, "blender-render")]
        )
        self.assertEqual((self.given(self.w1), self.given(self.w2)), (None, TASK))

    def test_expired(self) -> None:
        """A line is void after seven days, and can be made anew."""
        self.add(a_task())
        self.ban(self.w1, *KIND)
        self.clock.advance(EXPIRES_AFTER)
        self.assertIsNone(self.given(self.w1))
        self.clock.advance(1.0)
        self.assertEqual(self.given(self.w1), TASK)
        self.ban(self.w1, *KIND)

    def test_threshold_of_one(self) -> None:
        """With a threshold of one a worker is banned by its first failure (task-lifecycle.md 8)."""
        self.settings = evolve(self.settings, blacklist_threshold=1)
        self.farm = self.wired()
        self.http = type(self.http)(self.farm.workers_api)
        self.add(a_task())
        self.ends(self.w1, TASK)
        self.assertEqual((self.states(TASK), self.banned()), (["soft-failed"], [(self.w1, *KIND)]))


class SoftFailingTests(FailingTestCase):
    def test_fact_21(self) -> None:
        """Fact 21: a worker passes over what it failed at; another one gets that, with the list, and may run it."""
        failed = (FailedBy(id=self.w1, identifier="w1"),)
        self.add(a_task(id=ONE, status="soft-failed", failed_by=failed), a_task(id=TWO, job_priority=10))
        self.assertEqual(self.given(self.w1), TWO)
        answer = self.request("POST", "/task", worker=self.w2, seconds=2.0).json
        self.assertEqual((answer["_id"], answer["status"]), (ONE, "active"))
        self.assertEqual([one["id"] for one in answer["failed_by_workers"]], [self.w1])
        self.assertTrue(self.request("GET", f"/may-i-run/{ONE}", worker=self.w2).json["may_keep_running"])

    def test_facts_26_and_27(self) -> None:
        """Facts 26 and 27: what fails on the second worker is soft-failed while the first is left."""
        self.add(a_task())
        self.assertEqual(self.given(self.w1), TASK)
        self.report(self.w1, TASK, "active")
        self.assertEqual(self.request("POST", "/sign-off", worker=self.w1).code, 204)
        self.flush_heartbeats()
        between = self.clock.seconds()
        self.ends(self.w2, TASK)
        self.flush_heartbeats()
        task = self.task(TASK)
        self.assertEqual((task.worker_id, task.status), (self.w2, "soft-failed"))
        self.assertEqual(task.activity, f"failed on {self.w2}")
        first, second = self.worker(self.w1), self.worker(self.w2)
        self.assertLess(first.current_task_updated or 0.0, between)
        self.assertGreaterEqual(second.current_task_updated or 0.0, between)
        self.assertEqual((first.current_task_status, second.current_task_status), ("active", "failed"))

    def test_facts_33_and_34(self) -> None:
        """Facts 33 and 34: with its third failure a worker is banned, and nothing is told of the other two."""
        self.add(*four_tasks())
        for task in (ONE, TWO):
            self.ends(self.w1, task)
            self.assertEqual(self.statuses(task), ["active", "soft-failed"])
            self.assertEqual((self.failed_at(task), self.task(task).worker_id), ([self.w1], self.w1))
        self.assertEqual((self.banned(), self.states(THREE, FOUR)), ([], ["claimed-by-manager"] * 2))
        told = len(self.queue())
        self.ends(self.w1, THREE)
        self.assertEqual((self.states(THREE), self.banned()), (["soft-failed"], [(self.w1, *KIND)]))
        self.assertEqual((self.statuses(THREE), len(self.queue())), (["active", "soft-failed"], told + 2))
        self.assertIsNone(self.given(self.w1))

    def test_fact_36(self) -> None:
        """Fact 36: what fails on one of two workers is soft-failed; on the second it has failed for good."""
        self.add(a_task())
        for worker, status in ((self.w1, "soft-failed"), (self.w2, "failed")):
            self.ends(worker, TASK)
            self.assertEqual(self.states(TASK), [status])
        self.assertEqual(self.statuses(TASK), ["active", "soft-failed", "active", "failed"])
        self.assertEqual(self.failed_at(TASK), [self.w1, self.w2])

    def test_fact_37(self) -> None:
        """Fact 37: when as many workers have failed as the setting says, the task has, though others are left."""
        workers = [self.w1, self.w2, self.register("w3"), self.register("w4")]
        self.add(a_task())
        for worker, status in zip(workers[:3], ("soft-failed", "soft-failed", "failed"), strict=True):
            self.ends(worker, TASK)
            self.assertEqual(self.states(TASK), [status])
        self.assertEqual(self.failed_at(TASK), workers[:3])
        self.assertIsNone(self.given(workers[3]))

    def test_retried_by_another(self) -> None:
        """A failure counts for its worker also when another one has taken the task over (task-lifecycle.md 21.27)."""
        self.add(*four_tasks())
        for task in (ONE, TWO):
            self.ends(self.w1, task)
            self.ends(self.w2, task, "completed")
        self.ends(self.w1, THREE)
        self.assertEqual(self.banned(), [(self.w1, *KIND)])

    def test_after_a_long_stop(self) -> None:
        """A Manager that was away for weeks does not take its workers for dead before they can have been heard."""
        self.add(a_task())
        self.change_worker(self.w2, last_activity=NOW)
        self.clock.advance(30 * 24 * 3600.0)
        self.farm = self.wired()
        self.http = type(self.http)(self.farm.workers_api)
        self.ends(self.w1, TASK)
        self.assertEqual(self.states(TASK), ["soft-failed"])

    def test_repeated_report(self) -> None:
        """A report that is repeated finishes what an interrupted one began: the worker is banned all the same."""
        self.add(*four_tasks())
        for task in (ONE, TWO, THREE):
            self.ends(self.w1, task)
        self.assertTrue(self.result_of(self.store.blacklist.remove(self.w1, *KIND)))
        self.report(self.w1, THREE, "failed")
        self.assertEqual(self.banned(), [(self.w1, *KIND)])
        self.assertEqual(self.statuses(THREE), ["active", "soft-failed"])
