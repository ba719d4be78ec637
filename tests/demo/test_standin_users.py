"""What users do to jobs and tasks (server-api.md 11.4)."""

from flamenco_mgr.demo.standin.jobs import render_job, sleep_job
from flamenco_mgr.demo.standin.statuses import JobStatus, TaskStatus
from tests.demo.standin_case import StandInTestCase


class UsersTests(StandInTestCase):
    def test_cancel(self) -> None:
        """Canceling cancels what is queued, and asks for what a Manager has; what is finished stays."""
        job = self.claimed_job(5)
        queued, active, failed_softly, completed, _claimed = job.tasks
        self.report("active", active)
        self.report("soft-failed", failed_softly)
        self.report("completed", completed)
        self.books.set_task_status(queued, TaskStatus.QUEUED)
        self.books.cancel_job(job.id)
        self.assertEqual(
            self.statuses(job), ["canceled", "cancel-requested", "cancel-requested", "completed", "cancel-requested"]
        )
        self.assertEqual(job.status, JobStatus.CANCEL_REQUESTED)
        self.assertTrue(self.books.task(active).document["activity"])
        for task in self.pushed()["cancel_task_ids"]:
            self.assertEqual(job.status, JobStatus.CANCEL_REQUESTED)
            self.report("canceled", task)
        self.assertEqual(job.status, JobStatus.CANCELED)

    def test_cancel_list_repeats(self) -> None:
        """The cancel list comes with every answer until a final status is accepted (server-api.md 5.6)."""
        job = self.claimed_job(2)
        self.books.cancel_job(job.id)
        for _ in range(3):
            self.assertEqual(self.pushed()["cancel_task_ids"], list(job.tasks))
        first, second = job.tasks
        self.report("completed", first)
        self.assertEqual(self.pushed()["cancel_task_ids"], [second])
        self.report("failed", second)
        self.assertNotIn("cancel_task_ids", self.pushed())

    def test_requeue_completed(self) -> None:
        """A completed job is done again as a whole."""
        job = self.claimed_job(3)
        self.report("completed", *job.tasks)
        self.books.requeue_job(job.id)
        self.assertEqual((self.statuses(job), job.status), (["queued"] * 3, JobStatus.QUEUED))

    def test_requeue_others(self) -> None:
        """Of any other job what is not completed is done again, running tasks too, and nobody has failed."""
        job = self.claimed_job(12)
        completed, failed, active, *_ = job.tasks
        self.report("completed", completed)
        self.pushed(self.update(failed, "soft-failed", failed_by_workers=[{"id": failed}]))
        self.report("active", active)
        self.books.requeue_job(job.id)
        self.assertEqual(self.statuses(job), ["completed"] + ["queued"] * 11)
        self.assertNotIn("failed_by_workers", self.books.task(failed).document)
        self.assertEqual(job.status, JobStatus.QUEUED)
        found = self.depsgraph().json["depsgraph"]
        self.assertEqual({task["status"] for task in found}, {"claimed-by-manager"})
        self.assertIn(active, [task["_id"] for task in found])

    def test_requeue_spares_what_is_to_be_canceled(self) -> None:
        """A task that is to be canceled is not requeued."""
        job = self.claimed_job(2)
        first, second = job.tasks
        self.books.cancel_task(first)
        self.books.requeue_job(job.id)
        self.assertEqual(self.statuses(job), ["cancel-requested", "queued"])
        self.assertEqual(self.pushed()["cancel_task_ids"], [first])
        self.assertEqual(self.books.task(second).status, "queued")

    def test_requeue_task(self) -> None:
        """A task is requeued with all that depend on it, and a completed job with them."""
        job = self.books.add_job(render_job(20))
        self.depsgraph()
        self.report("completed", *job.tasks)
        self.books.requeue_task(list(job.tasks)[1])
        self.assertEqual(self.statuses(job), ["completed", "queued", "completed", "queued", "queued"])
        self.assertEqual(job.status, JobStatus.QUEUED)

    def test_pause(self) -> None:
        """A paused job's tasks do not come any more, and stay what they are."""
        job = self.claimed_job(2)
        self.books.pause_job(job.id)
        self.assertEqual(self.depsgraph().code, 204)
        self.assertEqual(self.statuses(job), ["claimed-by-manager"] * 2)
        self.assertNotIn("cancel_task_ids", self.pushed())
        self.books.set_job_status(job.id, JobStatus.QUEUED)
        self.assertEqual(self.depsgraph().code, 200)

    def test_archive_ends_canceling(self) -> None:
        """What is archived is not to be canceled any more."""
        job = self.claimed_job(2)
        self.books.cancel_job(job.id)
        self.books.archive_job(job.id)
        self.assertNotIn("cancel_task_ids", self.pushed())
        self.assertEqual(list(self.books.tasks()), [])

    def test_hopeless(self) -> None:
        """An active job with a task that can't run because of a parent is to fail; others are not."""
        job, fine = self.books.add_job(render_job(200)), self.claimed_job(2)
        self.depsgraph()
        overrides, render, *_ = job.tasks
        self.report("completed", overrides)
        self.report("active", next(iter(fine.tasks)))
        self.books.fail_hopeless_jobs()
        self.assertEqual(job.status, JobStatus.ACTIVE)
        self.report("canceled", render)
        self.books.fail_hopeless_jobs()
        self.assertEqual((job.status, fine.status), (JobStatus.FAIL_REQUESTED, JobStatus.ACTIVE))
        self.assertEqual(len(self.pushed()["cancel_task_ids"]), 21)

    def test_log_of_what_has_none(self) -> None:
        """Nobody can ask for the log of a task that is queued or active."""
        job = self.books.add_job(sleep_job(1))
        [task] = job.tasks
        self.assertRaises(ValueError, self.books.request_log, job.id, task)
        self.depsgraph()
        self.report("active", task)
        self.assertRaises(ValueError, self.books.request_log, job.id, task)

    def test_unknown(self) -> None:
        """What is not in the books raises KeyError."""
        self.assertRaises(KeyError, self.books.job, "nothing")
        self.assertRaises(KeyError, self.books.task, "nothing")
        self.assertRaises(KeyError, self.books.cancel_job, "nothing")
        self.assertIsNone(self.books.find_task("nothing"))
