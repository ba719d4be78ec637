"""What the Server does with batches of updates (server-api.md 5, 11.2, 14)."""

import gzip
import json
from collections.abc import Mapping

from flamenco_mgr.demo.standin.jobs import sleep_job
from flamenco_mgr.demo.standin.statuses import JobStatus
from tests.demo.standin_case import MANAGER, NOBODY, OTHER_MANAGER, Answer, StandInTestCase

GOOD_ID = "e00000000000000000000000"


class BatchTests(StandInTestCase):
    def post(self, body: bytes, content_type: str = "application/json", **headers: str) -> Answer:
        return self.request(
            "POST",
            f"/api/flamenco/managers/{MANAGER}/task-update-batch",
            data=body,
            headers={"Content-Type": content_type, **headers},
        )

    def test_empty(self) -> None:
        """An empty batch, ``null``, an empty object and no JSON at all are the same (server-api.md 5.1, 14.6)."""
        for body in (b"[]", b"null", b"{}"):
            answer = self.post(body)
            self.assertEqual((answer.code, answer.json), (200, {"modified_count": 0, "handled_update_ids": []}))
        [task] = self.claimed_job(1).tasks
        answer = self.post(json.dumps([self.update(task, "active")]).encode(), "text/plain")
        self.assertEqual((answer.code, answer.json["handled_update_ids"]), (200, []))
        self.assertEqual(self.books.task(task).status, "claimed-by-manager")

    def test_no_json(self) -> None:
        """JSON that is none, is cut, nested without end or compressed gives 400 (server-api.md 1)."""
        [task] = self.claimed_job(1).tasks
        good = json.dumps([self.update(task, "active")]).encode()
        for body in (b"", b"rubbish", good[:-1], b"[" * 100_000, gzip.compress(good)):
            self.assertEqual(self.post(body).code, 400)
        self.assertEqual(self.post(gzip.compress(good), **{"Content-Encoding": "gzip"}).code, 400)
        self.assertEqual(self.books.task(task).status, "claimed-by-manager")

    def test_content_type_with_parameter(self) -> None:
        """A character set beside the content type does no harm."""
        [task] = self.claimed_job(1).tasks
        body = json.dumps([self.update(task, "active")]).encode()
        self.assertEqual(self.post(body, "application/json; charset=utf-8").json["modified_count"], 1)

    def test_no_list(self) -> None:
        """Something else than a list gives 500."""
        for body in (b'{"_id": 1}', b"5", b'"text"'):
            self.assertEqual(self.post(body).code, 500)

    def assert_poisonous(self, code: int, change: Mapping[str, object], *, without: str = "") -> None:
        """Push an update that was changed like this between two good ones."""
        first, bad, last = self.claimed_job(3).tasks
        poison = {**self.update(bad, "active"), **change}
        poison.pop(without, None)
        answer = self.push(self.update(first, "active"), poison, self.update(last, "active"))
        self.assertEqual(answer.code, code, poison)
        self.assertNotIn("handled_update_ids", answer.json)
        found = [self.books.task(task).status for task in (first, bad, last)]
        self.assertEqual(found, ["active", "claimed-by-manager", "claimed-by-manager"], poison)
        self.assertEqual((self.record.pushes[-1].applied, self.record.pushes[-1].status), (1, code))

    def test_poison(self) -> None:
        """What stands before a malformed update is in effect, it and the rest are not (server-api.md 5.3, 14.8)."""
        changes: tuple[tuple[int, dict[str, object]], ...] = (
            (400, {"_id": ""}),
            (400, {"_id": "e0"}),
            (400, {"_id": None}),
            (400, {"task_id": "not hexadecimal digits!!"}),
            (400, {"task_id": 5}),
            (500, {"received_on_manager": "yesterday-ish"}),
            (500, {"received_on_manager": 1573567032}),
            (500, {"metrics": None}),
            (500, {"metrics": "none"}),
        )
        for code, change in changes:
            self.assert_poisonous(code, change)

    def test_missing_ids(self) -> None:
        """An update without an id of its own, or without its task's, gives 500."""
        for key in ("_id", "task_id"):
            self.assert_poisonous(500, {}, without=key)

    def test_no_object(self) -> None:
        """An update that is no object gives 500."""
        self.assertEqual(self.push("an update").code, 500)

    def test_unknown_task(self) -> None:
        """An update for an unknown task is handled, and ignored."""
        update = self.update(NOBODY, "active")
        answer = self.pushed(update)
        self.assertEqual(answer, {"modified_count": 0, "handled_update_ids": [update["_id"]]})

    def test_foreign_task(self) -> None:
        """An update for another Manager's task is neither applied nor handled (server-api.md 14.7)."""
        [ours] = self.claimed_job(1).tasks
        [theirs] = self.books.add_job(sleep_job(1), manager=OTHER_MANAGER).tasks
        first, second = self.update(ours, "active"), self.update(theirs, "active")
        answer = self.pushed(first, second)
        self.assertEqual(answer, {"modified_count": 1, "handled_update_ids": [first["_id"]]})
        self.assertEqual(self.books.task(theirs).status, "queued")

    def test_any_status_from_any(self) -> None:
        """A late duplicate moves a task back, and its job with it (server-api.md 5.3, 11.3)."""
        job = self.claimed_job(1)
        [task] = job.tasks
        active = self.update(task, "active")
        self.pushed(active, self.update(task, "completed"))
        self.assertEqual(job.status, JobStatus.COMPLETED)
        answer = self.pushed(active, active)
        self.assertEqual(answer, {"modified_count": 2, "handled_update_ids": [active["_id"]] * 2})
        self.assertEqual((self.statuses(job), job.status), (["active"], JobStatus.ACTIVE))
        self.assertEqual(self.record.duplicates, {active["_id"]: 3})

    def test_progress(self) -> None:
        """Progress that an update does not mention becomes zero (server-api.md 5.2)."""
        [task] = self.claimed_job(1).tasks.values()
        self.pushed(
            self.update(task.id, task_progress_percentage=40, current_command_index=1, command_progress_percentage=7)
        )
        progress = ("task_progress_percentage", "current_command_index", "command_progress_percentage")
        self.assertEqual([task.document[key] for key in progress], [40, 1, 7])
        self.pushed(self.update(task.id, task_progress_percentage=41, current_command_idx=1))
        self.assertEqual([task.document[key] for key in progress], [41, 0, 0])

    def test_kept_when_empty(self) -> None:
        """Empty activity and worker change nothing; failed-by workers do unless they are null."""
        [task] = self.claimed_job(1).tasks.values()
        failed_by = [{"id": NOBODY, "identifier": "render-07"}]
        self.pushed(self.update(task.id, activity="busy", worker="render-07", failed_by_workers=failed_by))
        self.pushed(self.update(task.id, activity="", worker=None, failed_by_workers=None, unknown=1))
        found = [task.document[key] for key in ("activity", "worker", "failed_by_workers")]
        self.assertEqual(found, ["busy", "render-07", failed_by])
        self.assertNotIn("unknown", task.document)
        self.pushed(self.update(task.id, failed_by_workers=[]))
        self.assertEqual(task.document["failed_by_workers"], [])

    def test_log_without_tail(self) -> None:
        """Of a whole log the last ten lines are kept."""
        [task] = self.claimed_job(1).tasks.values()
        self.pushed(self.update(task.id, log="".join(f"line {number}\n" for number in range(15))))
        self.assertEqual(task.document["log"], "".join(f"line {number}\n" for number in range(5, 15)))

    def test_time_of_the_server(self) -> None:
        """Without a time of its own an update has the Server's."""
        [task] = self.claimed_job(1).tasks.values()
        self.clock.advance(5)
        for nothing in ({}, {"received_on_manager": None}, {"received_on_manager": ""}):
            self.pushed(self.update(task.id, **nothing))
            self.assertEqual(task.document["_updated"], "Tue, 12 Nov 2019 13:57:14 GMT")

    def test_time_ahead(self) -> None:
        """A time in the future becomes the next since-value, and hides what is older (server-api.md 17.2)."""
        [task] = self.claimed_job(1).tasks
        self.pushed(self.update(task, "soft-failed", received_on_manager="2019-11-12T14:57:09Z"))
        since = self.depsgraph("2019-11-12T13:57:09.412+00:00").header("X-Flamenco-Last-Updated")
        self.assertEqual(since, "2019-11-12T14:57:09+00:00")
        self.books.add_job(sleep_job(1))
        self.assertEqual(self.depsgraph(since).code, 304)

    def test_deleted_job(self) -> None:
        """Updates for a deleted job's tasks fail once for each change, which is in effect (server-api.md 5.3)."""
        job = self.claimed_job(2)
        self.books.delete_job(job.id)
        updates = [self.update(task, "active") for task in job.tasks]
        self.assertEqual([self.push(*updates).code for _ in range(3)], [500, 500, 200])
        self.assertEqual(self.statuses(job), ["active"] * 2)

    def test_ids_in_capitals(self) -> None:
        """Ids are known in capitals, too, and come back in small letters."""
        [task] = self.claimed_job(1).tasks
        answer = self.pushed({"_id": GOOD_ID.upper(), "task_id": task.upper(), "task_status": "active"})
        self.assertEqual(answer["handled_update_ids"], [GOOD_ID])
        self.assertEqual(self.books.task(task).status, "active")

    def test_worked_example(self) -> None:
        """Of three updates with one failing softly, a task to cancel and a log wanted: server-api.md 14.5."""
        first, second, third = self.claimed_job(3).tasks
        self.books.cancel_task(third)
        other = self.claimed_job(1)
        [done] = other.tasks
        self.report("completed", done)
        self.books.request_log(other.id, done)
        updates = [self.update(first, "active"), self.update(first), self.update(second, "soft-failed")]
        self.assertEqual(
            self.pushed(*updates),
            {
                "modified_count": 3,
                "handled_update_ids": [update["_id"] for update in updates],
                "cancel_task_ids": [third],
                "upload_task_file_queue": [{"job": other.id, "task": done}],
            },
        )
