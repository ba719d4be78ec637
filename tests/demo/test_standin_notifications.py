"""How Managers introduce themselves, and how logs come (server-api.md 6, 7)."""

import gzip
from random import Random
from typing import Any

from flamenco_mgr.demo.standin.endpoints import Endpoint
from flamenco_mgr.demo.standin.jobs import sleep_job
from tests.demo.standin_case import MANAGER, NOBODY, OTHER_MANAGER, Answer, StandInTestCase

INTRODUCTION: dict[str, Any] = {
    "_meta": {"version": 2},
    "manager_url": "http://manager.local:8080/",
    "variables": {"blender": {"direction": "oneway", "values": []}},
    "nr_of_workers": 2,
    "worker_task_types": ["blender-render", "video-encoding"],
}


class NotificationTests(StandInTestCase):
    def notify(self, document: object, what: str = "startup", **options: Any) -> int:
        path = f"/api/flamenco/managers/{MANAGER}/{what}"
        return self.request("POST", path, json=document, **options).code

    def without(self, key: str) -> dict[str, Any]:
        return {name: value for name, value in INTRODUCTION.items() if name != key}

    def test_both(self) -> None:
        """Both are 204, are recorded in order, and change what the Manager is shown of itself."""
        self.assertEqual(self.notify(INTRODUCTION), 204)
        self.clock.advance(1)
        self.assertEqual(self.notify({**INTRODUCTION, "worker_task_types": []}, "update"), 204)
        found = [(one.at, one.endpoint, one.document["worker_task_types"]) for one in self.record.notifications]
        self.assertEqual(
            found,
            [
                (1573567029412, Endpoint.STARTUP, ["blender-render", "video-encoding"]),
                (1573567030412, Endpoint.UPDATE, []),
            ],
        )
        shown = self.request("GET", f"/api/flamenco/managers/{MANAGER}").json
        self.assertEqual((shown["_id"], shown["worker_task_types"], shown["settings_version"]), (MANAGER, [], 2))

    def test_missing(self) -> None:
        """What is required and missing gives 400 and its name; nothing is recorded."""
        for key in ("manager_url", "variables", "nr_of_workers"):
            self.assertEqual(self.notify(self.without(key)), 400, key)
        self.assertEqual(self.notify({}), 400)
        self.assertEqual(self.notify(None), 400)
        self.assertEqual(self.record.notifications, [])

    def test_task_types_are_optional(self) -> None:
        """The task types stay as they were when they are not told."""
        self.notify(INTRODUCTION)
        self.assertEqual(self.notify(self.without("worker_task_types")), 204)
        self.assertEqual(self.books.introductions[MANAGER]["worker_task_types"], INTRODUCTION["worker_task_types"])

    def test_versions(self) -> None:
        """Version 1, which is the version of none, needs path replacements; version 2 removes them."""
        old = self.without("_meta")
        self.assertEqual(self.notify(old), 400)
        self.assertEqual(self.notify({**old, "path_replacement": {}}), 204)
        self.assertEqual(self.books.introductions[MANAGER]["path_replacement"], {})
        self.assertEqual(self.notify(INTRODUCTION), 204)
        self.assertNotIn("path_replacement", self.books.introductions[MANAGER])

    def test_wrong_types(self) -> None:
        """A meta that is null, and a document that is a list, give 500."""
        self.assertEqual(self.notify({**INTRODUCTION, "_meta": None}), 500)
        self.assertEqual(self.notify({**INTRODUCTION, "_meta": {"version": "2"}}), 500)
        self.assertEqual(self.notify([INTRODUCTION]), 500)

    def test_no_json(self) -> None:
        """A document that does not say that it is JSON is no document."""
        path = f"/api/flamenco/managers/{MANAGER}/startup"
        answer = self.request("POST", path, data=b"{}", headers={"Content-Type": "text/plain"})
        self.assertEqual(answer.code, 400)


class LogTests(StandInTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.job = self.claimed_job(1)
        [self.task] = self.job.tasks
        self.report("completed", self.task)
        self.books.request_log(self.job.id, self.task)
        self.log = gzip.compress(Random(7).randbytes(100_000))

    def upload(self, task_id: str, *, name: str = "logfile", file_name: str = "task.txt.gz") -> Answer:
        head = f'--XyZ\r\nContent-Disposition: form-data; name="{name}"; filename="{file_name}"\r\n'
        body = head.encode() + b"Content-Type: text/plain+gzip\r\n\r\n" + self.log + b"\r\n--XyZ--\r\n"
        return self.request(
            "POST",
            f"/api/flamenco/managers/{MANAGER}/attach-task-log/{task_id}",
            data=body,
            headers={"Content-Type": "multipart/form-data; boundary=XyZ"},
        )

    def is_wanted(self) -> bool:
        return "upload_task_file_queue" in self.pushed()

    def test_uploaded(self) -> None:
        """A log is 201 the first time and 200 when it is replaced, byte for byte, and not wanted any more."""
        self.assertTrue(self.is_wanted())
        answer = self.upload(self.task)
        self.assertEqual((answer.code, answer.json), (201, {"_message": "ok"}))
        self.assertTrue((answer.header("Location") or "").endswith(f"/tasks/{self.task}.log.gz"))
        self.assertFalse(self.is_wanted())
        self.assertEqual(self.upload(self.task).code, 200)
        self.assertEqual([log.content for log in self.record.logs], [self.log] * 2)

    def test_bytes(self) -> None:
        """No byte of a log is changed on the way, whatever it ends in."""
        for ending in (b"", b"\r", b"\n", b"\r\n", b"\r\r\n", b"\n--Xy", b"\x00\xff"):
            self.log = bytes(range(256)) + ending
            self.upload(self.task)
            self.assertEqual(self.record.logs[-1].content, self.log)

    def test_before_the_batch(self) -> None:
        """Wanted logs are those of before the batch; only their Manager is asked (server-api.md 5.4)."""
        [theirs] = (job := self.books.add_job(sleep_job(1), manager=OTHER_MANAGER)).tasks
        self.books.cancel_task(theirs)
        self.books.request_log(job.id, theirs)
        self.assertEqual(self.pushed()["upload_task_file_queue"], [{"job": self.job.id, "task": self.task}])

    def test_refused(self) -> None:
        """A wrong name, a file that is not compressed by its name and an id that is none give 400; it stays wanted."""
        self.assertEqual(self.upload(self.task, name="log").code, 400)
        self.assertEqual(self.upload(self.task, file_name="task.txt").code, 400)
        self.assertEqual(self.upload("mine").code, 400)
        self.assertTrue(self.is_wanted())
        path = f"/api/flamenco/managers/{MANAGER}/attach-task-log/{self.task}"
        self.assertEqual(self.request("POST", path, data=self.log).code, 400)

    def test_gone(self) -> None:
        """The log of a task that is gone is 404, and not wanted any more."""
        self.books.archive_job(self.job.id)
        self.assertTrue(self.is_wanted())
        self.assertEqual(self.upload(self.task).code, 404)
        self.assertFalse(self.is_wanted())
        self.assertEqual(self.upload(NOBODY).code, 404)
        self.assertEqual(self.record.logs, [])
