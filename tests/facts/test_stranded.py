"""The last capable worker is gone: fact 35 of task-lifecycle.md 20, and 21.24 to 26."""

from attrs import evolve

from flamenco_mgr.domain.blacklist import BlacklistLine
from flamenco_mgr.domain.tasks import MANAGER_LOCAL, FailedBy, Task
from flamenco_mgr.farm.stranded import LOOK_EVERY
from flamenco_mgr.settings import Settings
from tests.builders import a_task
from tests.facts.failing import KIND, TASKS, FailingTestCase

ONE, TWO, THREE, FOUR = TASKS


def some_tasks() -> list[Task]:
    """Return four tasks of one kind."""
    return [a_task(id=task) for task in TASKS]


class StrandedTests(FailingTestCase):
    settings = Settings()  # without a Server, so that nothing but the farm itself is on its way

    def setUp(self) -> None:
        super().setUp()
        self.start()

    def ban(self, *workers: str) -> None:
        """Ban workers, as another Manager does that has no way to kick this one."""
        for worker in workers:
            job, task_type = KIND
            line = BlacklistLine(worker_id=worker, job=job, task_type=task_type, created=self.clock.seconds())
            self.assertTrue(self.result_of(self.store.blacklist.add(line)))

    def remove(self, worker: str) -> None:
        self.assertTrue(self.result_of(self.store.workers.remove(self.worker(worker))))

    def test_fact_35(self) -> None:
        """Fact 35, and 21.24: when the last worker is banned too, all have failed, the untouched one as well."""
        self.add(*some_tasks())
        for worker in (self.w1, self.w2):
            for task in (ONE, TWO, THREE):
                self.ends(worker, task)
        self.pass_time(1.0)
        self.assertEqual(self.banned(), sorted((worker, *KIND) for worker in (self.w1, self.w2)))
        self.assertEqual(self.states(*TASKS), ["failed"] * 4)
        for task in (ONE, TWO):
            self.assertEqual(self.failed_at(task), [self.w1, self.w2])
            self.assertEqual(self.statuses(task), ["active", "soft-failed", "active", "failed"])
        self.assertEqual((self.task(TWO).worker_id, self.statuses(FOUR)), (self.w2, ["failed"]))
        reason = "no worker is left that may do tasks of type blender-render of this job"
        self.assertIn(reason, self.task(FOUR).activity)
        self.assertIn(reason, self.queue()[-1].update.log_tail)
        self.assertIn(reason, self.log_of(FOUR))

    def test_found_within_a_minute(self) -> None:
        """What another Manager did to the blacklist is found by the next look; blocked tasks are decided, too."""
        self.add(a_task(id=ONE), a_task(id=TWO, parents=(ONE,)), a_task(id=THREE, task_type="file-management"))
        self.ban(self.w1, self.w2)
        self.pass_time(LOOK_EVERY + 1.0)
        self.assertEqual(self.states(ONE, TWO, THREE), ["failed", "failed", "claimed-by-manager"])

    def test_removed_worker(self) -> None:
        """A banned worker does not count as left when the other one is removed, nor a removed one that was banned."""
        self.add(*some_tasks())
        self.ban(self.w1)
        self.pass_time(LOOK_EVERY + 1.0)
        self.assertEqual(self.states(*TASKS), ["claimed-by-manager"] * 4)
        self.remove(self.w2)
        self.remove(self.w1)
        self.pass_time(LOOK_EVERY + 1.0)
        self.assertEqual(self.states(*TASKS), ["failed"] * 4)

    def test_failed_on_all_that_are_left(self) -> None:
        """A task that all remaining workers failed at has failed, whatever its status; others of its kind wait."""
        failed = (FailedBy(id=self.w1, identifier="w1"),)
        self.add(
            a_task(id=ONE, status="soft-failed", failed_by=failed, worker_id=self.w1),
            a_task(id=TWO, failed_by=failed),
            a_task(id=THREE),
        )
        self.pass_time(LOOK_EVERY + 1.0)
        self.assertEqual(self.states(ONE, TWO, THREE), ["soft-failed", "claimed-by-manager", "claimed-by-manager"])
        self.remove(self.w2)
        self.pass_time(LOOK_EVERY + 1.0)
        self.assertEqual(self.states(ONE, TWO, THREE), ["failed", "failed", "claimed-by-manager"])
        self.assertIn("every worker that is left for it has failed at it", self.log_of(ONE))

    def test_nobody_has_registered_yet(self) -> None:
        """Tasks wait for workers that have not registered yet, also such as failed elsewhere."""
        self.add(
            a_task(id=ONE, task_type="simulation", status="soft-failed", failed_by=(FailedBy(id="5" * 24),)),
            a_task(id=TWO, task_type="simulation"),
        )
        self.pass_time(LOOK_EVERY + 1.0)
        self.assertEqual(self.states(ONE, TWO), ["soft-failed", "claimed-by-manager"])

    def test_local_tasks(self) -> None:
        """Of tasks that are this Manager's own the Server hears nothing (task-lifecycle.md 21.26)."""
        self.add(a_task(id=ONE, job_type=MANAGER_LOCAL))
        self.ban(self.w1, self.w2)
        self.pass_time(LOOK_EVERY + 1.0)
        self.assertEqual((self.states(ONE), self.queue()), (["failed"], ()))

    def test_active_ones_go_on(self) -> None:
        """A task that a worker is on is left to it."""
        self.add(*some_tasks()[:2])
        self.assertEqual(self.given(self.w1), ONE)
        self.ban(self.w1, self.w2)
        self.pass_time(LOOK_EVERY + 1.0)
        self.assertEqual(self.states(ONE, TWO), ["active", "failed"])

    def test_interrupted(self) -> None:
        """What a Manager that died had begun, another one finishes."""
        self.add(*(a_task(id=f"{number:024x}") for number in range(250)))
        self.ban(self.w1, self.w2)
        self.stop()
        self.farm = self.wired()
        self.start()
        self.pass_time(LOOK_EVERY + 10.0)
        self.assertEqual(self.states(*(f"{number:024x}" for number in range(250))), ["failed"] * 250)
        self.assertEqual(len(self.queue()), 250)


class SickTests(FailingTestCase):
    """A worker that fails everywhere is sick."""

    settings = Settings(sick_worker_threshold=3)

    def setUp(self) -> None:
        super().setUp()
        self.jobs = [f"5e6a2b7d9d3b4a0017c0b00{number}" for number in range(4)]
        self.add(*(a_task(id=task, job=job) for task, job in zip(TASKS, self.jobs, strict=True)))

    def test_sick(self) -> None:
        """A worker that failed in so many jobs is asked to sleep, with the reason, and gets nothing."""
        self.start()
        for task in (ONE, TWO):
            self.ends(self.w1, task)
        self.assertEqual((self.worker(self.w1).failed_jobs, self.worker(self.w1).sick), (tuple(self.jobs[:2]), ""))
        self.ends(self.w1, THREE)
        worker = self.worker(self.w1)
        self.assertEqual((worker.status_requested, worker.lazy_status_request), ("asleep", False))
        self.assertIn("failed at tasks of 3 jobs", worker.sick)
        answer = self.request("POST", "/task", worker=self.w1)
        self.assertEqual((answer.code, answer.json["status_requested"]), (423, "asleep"))

    def test_stays_sick(self) -> None:
        """A sick worker that starts anew, or asks all the same, is to sleep."""
        self.start()
        for task in (ONE, TWO, THREE):
            self.ends(self.w1, task)
        for _ in range(2):
            self.assertEqual(self.request("POST", "/ack-status-change/asleep", worker=self.w1).code, 204)
            self.assertEqual(self.request("POST", "/task", worker=self.w1).code, 423)
            self.assertEqual(self.request("POST", "/sign-off", worker=self.w1).code, 204)
            self.assertEqual(self.request("POST", "/sign-on", worker=self.w1, json={}).code, 204)
            self.assertEqual(self.request("POST", "/task", worker=self.w1).code, 423)
        self.assertTrue(self.worker(self.w1).sick)

    def test_completion_between(self) -> None:
        """A completion between makes the worker begin anew."""
        self.start()
        self.ends(self.w1, ONE)
        self.ends(self.w1, TWO)
        self.ends(self.w1, THREE, "completed")
        self.assertEqual(self.worker(self.w1).failed_jobs, ())
        self.ends(self.w1, FOUR)
        self.assertEqual(self.worker(self.w1).sick, "")

    def test_others_are_free(self) -> None:
        """What else a sick worker has is free for others."""
        self.start()
        self.add(a_task(id="5e6a2b7d9d3b4a0017c0a009", status="active", worker_id=self.w1, job=self.jobs[3]))
        for task in (ONE, TWO, THREE):
            self.change_task(task, status="active", worker_id=self.w1)
            self.report(self.w1, task, "failed")
        self.assertEqual(self.states("5e6a2b7d9d3b4a0017c0a009"), ["claimed-by-manager"])
        self.ends(self.w2, ONE)
        self.assertEqual(self.states(ONE), ["failed"])
        self.pass_time(1.0)
        self.assertEqual(self.states(TWO, THREE, FOUR), ["soft-failed", "soft-failed", "claimed-by-manager"])

    def test_off(self) -> None:
        """With a threshold of 0 nobody is sick, and nothing is counted."""
        self.settings = evolve(self.settings, sick_worker_threshold=0)
        self.farm = self.wired()
        self.http = type(self.http)(self.farm.workers_api)
        for task in TASKS:
            self.ends(self.w1, task)
        self.assertEqual((self.worker(self.w1).sick, self.worker(self.w1).failed_jobs), ("", ()))
