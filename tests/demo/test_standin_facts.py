"""The facts of server-api.md 16 about the Server, on the stand-in."""

from flamenco_mgr.demo.standin.jobs import sleep_job
from flamenco_mgr.demo.standin.statuses import JobStatus, TaskStatus
from tests.demo.standin_case import MANAGER, StandInTestCase, basic

LAST_UPDATED = "X-Flamenco-Last-Updated"


class DepsgraphFacts(StandInTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.job_1 = self.books.add_job(sleep_job(5))
        self.clock.advance(1)
        self.job_2 = self.books.add_job(sleep_job(3))
        self.tasks = [*self.job_1.tasks, *self.job_2.tasks]
        self.books.set_job_status(self.books.add_job(sleep_job(2)).id, JobStatus.COMPLETED)
        self.books.pause_job(self.books.add_job(sleep_job(2)).id)

    def test_fact_1(self) -> None:
        """server-api.md 16, fact 1: a clean slate brings the tasks of runnable jobs alone, and claims them."""
        answer = self.depsgraph()
        self.assertEqual(answer.code, 200)
        self.assertEqual([task["_id"] for task in answer.json["depsgraph"]], self.tasks)
        self.assertEqual({task["status"] for task in answer.json["depsgraph"]}, {"claimed-by-manager"})
        self.assertEqual({self.books.task(task).status for task in self.tasks}, {TaskStatus.CLAIMED})
        self.assertEqual(answer.header(LAST_UPDATED), "2019-11-12T13:57:10.412000+00:00")
        self.assertEqual(answer.header("X-Flamenco-Last-Updated-Format"), "ISO-8601")

    def test_fact_2(self) -> None:
        """server-api.md 16, fact 2: failed, canceled and completed tasks do not come."""
        finished = (TaskStatus.FAILED, TaskStatus.CANCELED, TaskStatus.COMPLETED)
        for task, status in zip(self.job_2.tasks, finished, strict=True):
            self.books.set_task_status(task, status)
        self.books.set_job_status(self.job_2.id, JobStatus.ACTIVE)
        self.assertEqual([task["_id"] for task in self.depsgraph().json["depsgraph"]], list(self.job_1.tasks))

    def test_fact_3(self) -> None:
        """server-api.md 16, fact 3: asked again with the header's value, nothing is new."""
        since = self.depsgraph().header(LAST_UPDATED)
        answer = self.depsgraph(since)
        self.assertEqual((answer.code, answer.body), (304, b""))

    def test_fact_4(self) -> None:
        """server-api.md 16, fact 4: claimed and queued tasks that have changed come, one to be canceled does not."""
        since = self.depsgraph().header(LAST_UPDATED)
        self.clock.advance(1)
        statuses = (TaskStatus.CLAIMED, TaskStatus.CANCEL_REQUESTED, TaskStatus.QUEUED)
        for task, status in zip(self.tasks, statuses, strict=False):
            self.books.set_task_status(task, status)
        found = self.depsgraph(since).json["depsgraph"]
        self.assertEqual(
            [(task["_id"], task["status"]) for task in found],
            [(self.tasks[0], "claimed-by-manager"), (self.tasks[2], "claimed-by-manager")],
        )

    def test_fact_5(self) -> None:
        """server-api.md 16, fact 5: a job's new priority brings all its tasks again; the same one brings none."""
        since = self.depsgraph().header(LAST_UPDATED)
        self.clock.advance(1)
        self.books.set_job_priority(self.job_1.id, 77)
        answer = self.depsgraph(since)
        self.assertEqual([task["_id"] for task in answer.json["depsgraph"]], list(self.job_1.tasks))
        self.assertEqual({task["job_priority"] for task in answer.json["depsgraph"]}, {77})
        self.assertEqual(len({task["_etag"] for task in answer.json["depsgraph"]}), 1)
        self.clock.advance(1)
        self.books.set_job_priority(self.job_1.id, 77)
        self.assertEqual(self.depsgraph(answer.header(LAST_UPDATED)).code, 304)

    def test_fact_6(self) -> None:
        """server-api.md 16, fact 6: the tasks of a job that begins paused come when it is requeued."""
        self.depsgraph()
        job = self.books.add_job(sleep_job(2), paused=True)
        found = {task["_id"] for task in self.depsgraph().json["depsgraph"]}
        self.assertEqual(found & set(job.tasks), set())
        self.books.requeue_job(job.id)
        found = {task["_id"] for task in self.depsgraph().json["depsgraph"]}
        self.assertEqual(found & set(job.tasks), set(job.tasks))


class BatchFacts(StandInTestCase):
    def test_fact_7(self) -> None:
        """server-api.md 16, fact 7: status and activity are stored, the update's time is the task's."""
        [task] = self.claimed_job(1).tasks.values()
        etag = task.etag
        update = self.update(task.id, "active", activity="it runs", received_on_manager="2018-03-04T3:27:47+02:00")
        self.assertEqual(self.pushed(update)["handled_update_ids"], [update["_id"]])
        self.assertEqual((task.status, task.document["activity"]), ("active", "it runs"))
        self.assertEqual(task.document["_updated"], "Sun, 04 Mar 2018 01:27:47 GMT")
        self.assertNotEqual(task.etag, etag)

    def test_fact_8(self) -> None:
        """server-api.md 16, fact 8: timing stays until there is other timing."""
        [task] = self.claimed_job(1).tasks.values()
        self.pushed(self.update(task.id, metrics={"timing": {"total": 2.5}}), self.update(task.id, metrics={}))
        self.assertEqual(task.document["metrics"], {"timing": {"total": 2.5}})

    def test_fact_9(self) -> None:
        """server-api.md 16, fact 9: an unknown status is ignored, the rest of its update is not."""
        [task] = self.claimed_job(1).tasks.values()
        update = self.update(task.id, "je-moeder", activity="still stored")
        self.assertEqual(self.pushed(update)["handled_update_ids"], [update["_id"]])
        self.assertEqual((task.status, task.document["activity"]), ("claimed-by-manager", "still stored"))

    def test_fact_10(self) -> None:
        """server-api.md 16, fact 10: of a task to be canceled only a final status is taken, and ends the asking."""
        task, _other = self.claimed_job(2).tasks.values()
        self.books.cancel_task(task.id)
        answer = self.report("active", task.id)
        self.assertEqual(task.status, "cancel-requested")
        self.assertEqual(len(answer["handled_update_ids"]), 1)
        self.assertEqual(answer["cancel_task_ids"], [task.id])
        answer = self.report("canceled", task.id)
        self.assertEqual(task.status, "canceled")
        self.assertNotIn("cancel_task_ids", answer)

    def test_fact_11(self) -> None:
        """server-api.md 16, fact 11: a job is completed with the last of its tasks, and active before."""
        job = self.claimed_job(4)
        *first, last = job.tasks
        self.report("completed", *first)
        self.assertEqual(job.status, JobStatus.ACTIVE)
        self.report("completed", last)
        self.assertEqual(job.status, JobStatus.COMPLETED)

    def test_fact_12(self) -> None:
        """server-api.md 16, fact 12: a tenth of failed tasks fails a job, and its other tasks are to be canceled."""
        small, big = self.claimed_job(4), self.claimed_job(100)
        first, *others = small.tasks
        self.assertEqual(self.report("failed", first)["cancel_task_ids"], others)
        self.assertEqual(small.status, JobStatus.FAILED)
        self.report("canceled", *others)
        tasks = list(big.tasks)
        self.assertNotIn("cancel_task_ids", self.report("failed", *tasks[:9]))
        self.assertEqual(big.status, JobStatus.ACTIVE)
        self.assertEqual(self.report("failed", tasks[9])["cancel_task_ids"], tasks[10:])
        self.assertEqual(big.status, JobStatus.FAILED)

    def test_fact_13(self) -> None:
        """server-api.md 16, fact 13: failing softly, and again, leaves the job active."""
        job = self.claimed_job(2)
        for _ in range(2):
            self.report("soft-failed", next(iter(job.tasks)))
            self.assertEqual(job.status, JobStatus.ACTIVE)

    def test_fact_14(self) -> None:
        """server-api.md 16, fact 14: a job is queued again when the last of its active tasks was given back."""
        job = self.claimed_job(3)
        first, second, _third = job.tasks
        self.report("active", first, second)
        self.report("claimed-by-manager", first)
        self.assertEqual(job.status, JobStatus.ACTIVE)
        self.report("claimed-by-manager", second)
        self.assertEqual(job.status, JobStatus.QUEUED)

    def test_fact_15(self) -> None:
        """server-api.md 16, fact 15: a job that no Manager has any task of is canceled at once."""
        job = self.books.add_job(sleep_job(3))
        self.books.cancel_job(job.id)
        self.assertEqual(self.statuses(job), ["canceled"] * 3)
        self.assertEqual(job.status, JobStatus.CANCELED)

    def test_fact_16(self) -> None:
        """server-api.md 16, fact 16: a job that is to fail stays so until its last task is canceled."""
        job = self.claimed_job(2)
        first, second = job.tasks
        self.books.fail_job(job.id)
        self.books.set_task_status(first, TaskStatus.ACTIVE)
        self.assertEqual(job.status, JobStatus.FAIL_REQUESTED)
        self.books.cancel_task(first)
        self.report("canceled", first)
        self.assertEqual(job.status, JobStatus.FAIL_REQUESTED)
        self.report("canceled", second)
        self.assertEqual(job.status, JobStatus.FAILED)

    def test_fact_17(self) -> None:
        """server-api.md 16, fact 17: updates for an archived job's tasks are handled, and change nothing."""
        job = self.claimed_job(2)
        tasks = list(job.tasks)
        self.books.archive_job(job.id)
        answer = self.report("completed", *tasks)
        self.assertEqual((len(answer["handled_update_ids"]), answer["modified_count"]), (2, 0))
        self.assertEqual(job.status, JobStatus.ARCHIVED)

    def test_fact_18(self) -> None:
        """server-api.md 16, fact 18: a person's token is refused, and nothing changes."""
        [task] = self.claimed_job(1).tasks.values()
        before = task.document
        answer = self.push(self.update(task.id, "active"), authorization=basic("an-admins-token"))
        self.assertEqual(answer.code, 403)
        self.assertIs(task.document, before)
        self.assertEqual(self.record.pushes, [])

    def test_fact_19(self) -> None:
        """server-api.md 16, fact 19: a task's log is the latest tail, and nothing that was before it."""
        [task] = self.claimed_job(1).tasks.values()
        self.pushed(self.update(task.id, log="one\ntwo\n", log_tail="two\n"))
        self.pushed(self.update(task.id, log="three\nfour\n", log_tail="four\n"))
        self.assertEqual(task.document["log"], "four\n")


class ManagerFacts(StandInTestCase):
    def test_a_manager_never_gets_queued(self) -> None:
        """A task is ``queued`` only where it is asked for alone, before any depsgraph (server-api.md 3.3)."""
        [task] = self.books.add_job(sleep_job(1)).tasks
        self.assertEqual(self.request("GET", f"/api/flamenco/tasks/{task}").json["status"], "queued")
        [delivered] = self.depsgraph().json["depsgraph"]
        self.assertEqual(delivered["status"], "claimed-by-manager")
        self.assertEqual(delivered["manager"], MANAGER)
