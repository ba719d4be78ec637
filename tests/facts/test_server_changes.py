"""The whole way between Server and Worker: task-lifecycle.md 20, facts 4 to 6, 11, 22, 40, 109 and 110, and cancels."""

from collections.abc import Mapping
from typing import Any

from flamenco_mgr.demo.standin.behaviour import LoseAnswer, Refuse, Slow
from flamenco_mgr.demo.standin.drafts import JobDraft, TaskDraft
from flamenco_mgr.demo.standin.endpoints import Endpoint
from flamenco_mgr.demo.standin.entries import StandInTask
from flamenco_mgr.demo.standin.statuses import TaskStatus
from tests.harness import Answer, FarmTestCase, basic


class LinkedTestCase(FarmTestCase):
    """A Manager whose duties run, and a Server with a job of two tasks, the second of the higher priority."""

    def setUp(self) -> None:
        super().setUp()
        drafts = [
            TaskDraft(
                name=f"frames {priority}",
                task_type="sleep",
                commands=[{"name": "echo", "settings": {}}],
                priority=priority,
            )
            for priority in (50, 100)
        ]
        self.job = self.server.books.add_job(JobDraft(name="job", job_type="sleep", tasks=drafts))
        self.low, self.high = sorted(self.job.tasks.values(), key=lambda task: task.name == "frames 100")
        self.start()
        self.w1 = self.register("w1", "sleep")
        self.pass_time(1.0)

    def ask(self) -> Answer:
        return self.request("POST", "/task", worker=self.w1, seconds=2.0)

    def given(self) -> Any:
        answer = self.ask()
        self.assertEqual(answer.code, 200, answer.body)
        return answer.json["_id"]

    def update(self, task: StandInTask, **body: Any) -> int:
        return self.request("POST", f"/tasks/{task.id}/update", worker=self.w1, json=body).code

    def may_run(self, task: StandInTask) -> bool:
        answer: Mapping[str, bool] = self.request("GET", f"/may-i-run/{task.id}", worker=self.w1).json
        return answer["may_keep_running"]

    @property
    def checks(self) -> int:
        return self.server.record.requests[Endpoint.TASK]


class ChangedOnTheServerTests(LinkedTestCase):
    def test_fact_4(self) -> None:
        """Fact 4: a task that turns out to be cancelled on the Server is not given out, and asked about once."""
        self.server.books.set_task_status(self.high.id, TaskStatus.CANCELED)
        self.assertEqual(self.given(), self.low.id)
        self.assertEqual(self.task(self.high.id).status, "canceled")
        self.assertEqual(self.checks, 2)

    def test_fact_5(self) -> None:
        """Fact 5: a priority that was lowered on the Server counts at once."""
        self.high.document = {**self.high.document, "priority": 5}
        self.server.books.set_task_status(self.high.id, TaskStatus.QUEUED)
        self.assertEqual(self.given(), self.low.id)
        self.assertEqual((self.task(self.high.id).status, self.task(self.high.id).priority), ("queued", 5))
        self.assertEqual((self.task(self.low.id).status, self.task(self.low.id).priority), ("active", 50))

    def test_fact_6(self) -> None:
        """Fact 6: a task that the Server no longer has is cancelled here, and the next one is given out."""
        self.server.behave(Refuse(404), endpoint=Endpoint.TASK, times=1)
        self.assertEqual(self.given(), self.low.id)
        self.assertEqual((self.task(self.high.id).status, self.task(self.high.id).priority), ("canceled", 100))
        self.assertEqual(self.task(self.low.id).status, "active")

    def test_our_credentials(self) -> None:
        """A Server that refuses us cancels nothing: the task is given out (server-api.md 17.1)."""
        for status in (401, 403, 429, 500):
            with self.subTest(status=status):
                self.server.behave(Refuse(status), endpoint=Endpoint.TASK)
                self.assertEqual(self.given(), self.high.id)

    def test_fact_11(self) -> None:
        """Fact 11: a task whose answer cannot be delivered is claimed again; its worker stays named."""
        self.server.behave(Slow(1.0), endpoint=Endpoint.TASK, times=1)
        asking = self.http.request("POST", "http://m.invalid/task", headers={"Authorization": basic(self.w1)})
        self.pass_time(0.5)
        asking.cancel()
        self.pass_time(2.0)
        self.failureResultOf(asking)
        task = self.task(self.high.id)
        self.assertEqual((task.status, task.worker_id, task.worker), ("claimed-by-manager", self.w1, "w1"))
        self.assertEqual(self.given(), self.high.id)


class ToldTests(LinkedTestCase):
    def test_whole_life(self) -> None:
        """What a worker does reaches the Server in order; a completed job is completed on both sides."""
        for task in (self.high, self.low):
            self.assertEqual(self.given(), task.id)
            self.assertEqual(self.update(task, task_status="active", activity="begun"), 204)
            self.assertTrue(self.may_run(task))
            self.assertEqual(self.update(task, task_status="completed", activity="done", log="all\nof it"), 204)
        self.pass_time(6.0)
        for task in (self.high, self.low):
            self.assertEqual([status for status, _ in self.server.record.statuses(task.id)], ["active", "completed"])
        self.assertEqual((self.job.status, self.queue()), ("completed", ()))
        self.assertEqual(self.server.record.duplicates, {})

    def test_facts_109_and_110(self) -> None:
        """Facts 109 and 110 (configuration.md 15, facts 29 and 30): the Server hears of the start, and of new types."""
        startups, updates = (
            [notice for notice in self.server.record.notifications if notice.endpoint is endpoint]
            for endpoint in (Endpoint.STARTUP, Endpoint.UPDATE)
        )
        self.assertEqual((len(startups), len(updates)), (1, 1))
        self.register("w2", "testing")
        self.pass_time(0.5)
        document = self.server.record.notifications[-1].document
        self.assertEqual((document["nr_of_workers"], sorted(document["worker_task_types"])), (2, ["sleep", "testing"]))

    def test_lost_answer(self) -> None:
        """Updates whose receipt was lost are told again, in order, and nothing is lost or reordered."""
        self.server.behave(LoseAnswer(), endpoint=Endpoint.PUSH, times=2)
        self.assertEqual(self.given(), self.high.id)
        self.assertEqual(self.update(self.high, task_status="completed"), 204)
        self.pass_time(120.0)
        self.assertEqual(self.server.record.statuses(self.high.id)[-1][0], "completed")
        self.assertEqual((self.server.books.task(self.high.id).status, self.queue()), ("completed", ()))


class CancelTests(LinkedTestCase):
    """server-api.md 5.6 and task-lifecycle.md 9."""

    def test_waiting_task(self) -> None:
        """Fact 22: a waiting task that the Server wants cancelled is, and the other one is not."""
        self.server.books.cancel_task(self.high.id)
        self.pass_time(30.0)
        self.assertEqual(
            (self.task(self.high.id).status, self.task(self.low.id).status), ("canceled", "claimed-by-manager")
        )
        self.assertEqual(self.server.books.task(self.high.id).status, "canceled")

    def test_worker_stops(self) -> None:
        """An active task is asked back from its worker, and confirmed once, when the worker has returned it."""
        self.assertEqual(self.given(), self.high.id)
        self.pass_time(6.0)
        self.server.books.cancel_task(self.high.id)
        self.pass_time(11.0)
        self.assertEqual(self.task(self.high.id).status, "cancel-requested")
        self.assertFalse(self.may_run(self.high))
        self.assertEqual(self.update(self.high, log="stopped"), 204)
        self.assertEqual(self.request("POST", f"/tasks/{self.high.id}/return", worker=self.w1).code, 204)
        self.assertEqual(self.task(self.high.id).status, "canceled")
        self.pass_time(20.0)
        self.assertEqual([status for status, _ in self.server.record.statuses(self.high.id)], ["active", "canceled"])

    def test_worker_does_not_stop(self) -> None:
        """A worker that does not stop within a minute is not waited for."""
        self.assertEqual(self.given(), self.high.id)
        self.pass_time(6.0)
        self.server.books.cancel_task(self.high.id)
        self.pass_time(90.0)
        self.assertEqual(self.server.books.task(self.high.id).status, "canceled")
        self.assertEqual([status for status, _ in self.server.record.statuses(self.high.id)], ["active", "canceled"])

    def test_completed_meanwhile(self) -> None:
        """A task that was completed before the wish was heard stays completed, and says so."""
        self.assertEqual(self.given(), self.high.id)
        self.pass_time(6.0)
        self.server.behave(Refuse(500), endpoint=Endpoint.PUSH, times=1)
        self.assertEqual(self.update(self.high, task_status="completed"), 204)
        self.server.books.cancel_task(self.high.id)
        self.pass_time(60.0)
        self.assertEqual(
            (self.task(self.high.id).status, self.server.books.task(self.high.id).status), ("completed",) * 2
        )

    def test_requeued_while_running(self) -> None:
        """A user's requeue of a running task takes it from its worker (server-api.md 17.3)."""
        self.assertEqual(self.given(), self.high.id)
        self.pass_time(6.0)
        self.server.books.requeue_task(self.high.id)
        self.pass_time(601.0)
        self.assertEqual(self.task(self.high.id).status, "claimed-by-manager")
        self.assertFalse(self.may_run(self.high))
