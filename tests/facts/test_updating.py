"""The acceptance list of task-lifecycle.md 20: facts 22 to 25, 28 to 32 and 58."""

from typing import Any

from tests.builders import TASK, a_task
from tests.harness import FarmTestCase


class UpdatingTests(FarmTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.server.silent_everywhere()
        self.w1 = self.register("w1")
        self.w2 = self.register("w2")

    def update(self, worker: str, task: str = TASK, **body: Any) -> int:
        return self.request("POST", f"/tasks/{task}/update", worker=worker, json=body).code

    def begin(self, worker: str) -> None:
        self.assertEqual(self.request("POST", "/task", worker=worker, seconds=2.0).json["_id"], TASK)

    def test_fact_23(self) -> None:
        """Fact 23: an active task without worker becomes the sender's; another worker's update is refused."""
        self.add(a_task(status="active"))
        self.assertEqual(self.update(self.w1, activity="mine"), 204)
        self.assertEqual((self.task(TASK).worker_id, self.task(TASK).activity), (self.w1, "mine"))
        before = self.task(TASK)
        self.assertEqual(self.update(self.w2, activity="no, mine"), 409)
        self.assertEqual(self.task(TASK), before)

    def test_fact_24(self) -> None:
        """Fact 24 (server-api.md 16, fact 24): status and activity for such a task change nothing."""
        self.add(a_task())
        for status in ("cancel-requested", "failed"):
            self.change_task(TASK, status=status, worker_id=self.w1, activity="before")
            self.assertEqual(self.update(self.w1, task_status="active", activity=f"after {status}"), 204)
            self.assertEqual((self.task(TASK).status, self.task(TASK).activity), (status, "before"))

    def test_fact_25(self) -> None:
        """Fact 25: the task of a worker that signs off goes to the next that asks."""
        self.add(a_task())
        self.begin(self.w1)
        self.assertEqual(self.request("POST", "/sign-off", worker=self.w1).code, 204)
        self.assertEqual((self.task(TASK).status, self.task(TASK).worker_id), ("claimed-by-manager", self.w1))
        self.begin(self.w2)
        self.assertEqual((self.task(TASK).status, self.task(TASK).worker_id), ("active", self.w2))

    def test_fact_28(self) -> None:
        """Fact 28 (server-api.md 16, fact 23): of 15 lines ten are told, all are in the file, none in the task."""
        self.add(a_task(status="active"))
        lines = [f"line {number}" for number in range(15)]
        self.assertEqual(self.update(self.w1, activity="rendering", log="\n".join(lines)), 204)
        (queued,) = self.queue()
        self.assertEqual(queued.update.log_tail, "\n".join(lines[5:]) + "\n")
        self.assertEqual(queued.update.activity, "rendering")
        self.assertEqual(self.log_of(TASK), "\n".join(lines) + "\n")
        self.assertEqual((self.task(TASK).log, self.task(TASK).worker_id), ("", self.w1))

    def test_fact_29(self) -> None:
        """Fact 29: the second update's four lines are its tail, and end the file with a newline."""
        self.add(a_task(status="active"))
        self.assertEqual(self.update(self.w1, activity="one", task_status="active", log="a\nb\n"), 204)
        self.assertEqual(self.update(self.w1, activity="two", log="c\nd\ne\nf"), 204)
        self.assertEqual(self.queue()[-1].update.log_tail, "c\nd\ne\nf\n")
        self.assertEqual(self.log_of(TASK), "a\nb\nc\nd\ne\nf\n")

    def test_fact_32(self) -> None:
        """Fact 32: all updates go to one file until the task is assigned anew; then the old one is number 1."""
        self.add(a_task(status="active"))
        for text in ("one", "two", "three"):
            status = "completed" if text == "three" else "active"
            self.assertEqual(self.update(self.w1, task_status=status, log=text), 204)
        self.assertEqual(self.log_of(TASK), "one\ntwo\nthree\n")
        self.change_task(TASK, status="claimed-by-manager")
        self.begin(self.w1)
        self.assertEqual(self.update(self.w1, log="four"), 204)
        self.assertTrue(self.log_of(TASK).endswith("\nfour\n"))
        self.assertNotIn("three", self.log_of(TASK))
        self.assertEqual(self.log_of(TASK, ".1"), "one\ntwo\nthree\n")

    def test_fact_58(self) -> None:
        """Fact 58: a task that failed elsewhere stays failed when its worker speaks of it, and the ping counts."""
        self.add(a_task())
        self.begin(self.w1)
        self.change_task(TASK, status="failed")
        self.clock.advance(30)
        now = self.clock.seconds()
        self.assertEqual(self.update(self.w1, task_status="active"), 204)
        self.flush_heartbeats()
        task = self.task(TASK)
        self.assertEqual(task.status, "failed")
        self.assertAlmostEqual(task.last_worker_ping or 0.0, now, 2)

    def test_failed(self) -> None:
        """A worker that fails is among those that failed, here and on the Server, which never hears of `failed`."""
        self.add(a_task())
        self.begin(self.w1)
        self.assertEqual(self.update(self.w1, task_status="failed", activity="no"), 204)
        self.assertEqual(self.statuses(TASK), ["active", "soft-failed"])
        failed = self.queue()[-1].update.failed_by
        assert failed is not None
        self.assertEqual([worker.id for worker in failed], [self.w1])
        self.assertEqual(self.task(TASK).failed_by, failed)

    def test_repeated_update(self) -> None:
        """The same body twice is written and told once (worker-api.md 4.4, "Duplicates")."""
        self.add(a_task())
        self.begin(self.w1)
        for _ in range(3):
            self.assertEqual(self.update(self.w1, task_status="completed", log="done"), 204)
        self.assertEqual(self.statuses(TASK), ["active", "completed"])
        self.assertEqual(self.log_of(TASK).count("done"), 1)

    def test_same_words_after_a_requeue(self) -> None:
        """The same words are no repetition when the task was given out anew in between."""
        self.add(a_task())
        for _ in range(2):
            self.begin(self.w1)
            self.assertEqual(self.update(self.w1, task_status="completed", activity="Task completed"), 204)
            self.assertEqual(self.task(TASK).status, "completed")
            self.change_task(TASK, status="claimed-by-manager")

    def test_returned(self) -> None:
        """A returned task goes to the next worker; what another worker returns stays (worker-api.md 4.5)."""
        self.add(a_task())
        self.begin(self.w1)
        self.assertEqual(self.request("POST", f"/tasks/{TASK}/return", worker=self.w2).code, 204)
        self.assertEqual(self.task(TASK).status, "active")
        self.assertEqual(self.request("POST", f"/tasks/{TASK}/return", worker=self.w1).code, 204)
        self.assertEqual(self.statuses(TASK), ["active", "claimed-by-manager"])
        self.begin(self.w2)

    def test_progress_updates_are_merged(self) -> None:
        """Any number of progress updates that wait are one (server-api.md 17.10)."""
        self.add(a_task())
        self.begin(self.w1)
        for number in range(20):
            self.update(self.w1, task_status="active", activity=f"frame {number}", command_progress_percentage=number)
        updates = [queued.update for queued in self.queue()]
        self.assertEqual([update.status for update in updates], ["active", None])
        self.assertEqual(updates[-1].activity, "frame 19")
