"""What Workers send and get."""

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.reporting import Report
from flamenco_mgr.domain.running import Verdict
from flamenco_mgr.domain.tasks import Command, FailedBy, Progress
from flamenco_mgr.wire.strict_json import BadJSON
from flamenco_mgr.wire.worker_json import (
    HIGHEST_INDEX,
    LONGEST_ACTIVITY,
    LONGEST_NAME,
    MOST_PATHS,
    MOST_TIMINGS,
    BadDocument,
    output_paths,
    registration,
    report,
    sign_on,
    task_document,
    verdict_document,
    worker_document,
)
from tests.builders import JOB, TASK, WORKER, a_task, a_worker


def body(**document: Any) -> bytes:
    """Return a JSON object as a body."""
    return json.dumps(document).encode()


class ReportTests(SynchronousTestCase):
    """Worker-api.md 4.4: updates are read leniently."""

    def test_whole(self) -> None:
        """An update as the Worker sends it is read completely."""
        text = body(
            activity="Task completed",
            current_command_idx=1,
            task_progress_percentage=7,
            command_progress_percentage=100,
            metrics={"timing": {"total": 61.25, "rendering": 55.5}},
            task_status="completed",
            log="one\ntwo",
        )
        self.assertEqual(
            report(text),
            Report(
                status="completed",
                activity="Task completed",
                progress=Progress(task_percentage=7, command_index=1, command_percentage=100),
                timing={"total": 61.25, "rendering": 55.5},
                log="one\ntwo",
            ),
        )

    def test_log_only(self) -> None:
        """An update of log lines alone has no progress, and leaves all else out."""
        self.assertEqual(report(body(log="line")), Report(log="line"))

    def test_says_nothing(self) -> None:
        """Absent and null keys are the defaults; an empty status is none."""
        nothing: dict[str, None] = dict.fromkeys(("activity", "task_status", "metrics", "log", "current_command_idx"))
        for text in (b"{}", body(**nothing), body(task_status="", activity="")):
            self.assertEqual(report(text), Report())

    def test_wrong_types(self) -> None:
        """Values of a wrong type are ignored, the rest of the update is taken."""
        values: tuple[Any, ...] = (
            1,
            1.5,
            True,
            [],
            {},
            [[]],
            {"timing": []},
            {"timing": {"a": "b", "c": None, "d": True}},
        )
        for wrong in values:
            text = body(task_status=wrong, activity=wrong, metrics=wrong, log="kept", current_command_idx="3")
            self.assertEqual(report(text), Report(log="kept"))

    def test_floats_for_integers(self) -> None:
        """Numbers with a fraction are cut, and numbers out of range brought back into it."""
        text = body(current_command_idx=2.9, task_progress_percentage=-5, command_progress_percentage=1e300)
        self.assertEqual(report(text).progress, Progress(command_index=2, task_percentage=0, command_percentage=100))
        self.assertEqual(report(body(current_command_idx=10**200)).progress, Progress(command_index=HIGHEST_INDEX))

    def test_part_of_progress(self) -> None:
        """One of the three numbers is enough for there to be progress."""
        self.assertEqual(report(body(task_progress_percentage=0)).progress, Progress())

    def test_keys_in_any_case(self) -> None:
        """Keys match in any case; the exact spelling wins; unknown keys are ignored."""
        text = body(LOG="lost", log="kept", Task_Status="active", METRICS={"Timing": {"a": 1}}, _id="x", worker="y")
        self.assertEqual(report(text), Report(status="active", log="kept", timing={"a": 1.0}))

    def test_very_many_keys(self) -> None:
        """An object of very many keys is read as well."""
        many = {f"key{number}": number for number in range(100_000)}
        self.assertEqual(report(body(**many, log="kept")), Report(log="kept"))

    def test_unknown_status(self) -> None:
        """Any text is a status here; what it means the farm decides."""
        self.assertEqual(report(body(task_status="soft-failed")).status, "soft-failed")

    def test_bounds(self) -> None:
        """What is too long is cut, and of very many timings some are taken."""
        found = report(
            body(
                activity="a" * 20_000,
                task_status="s" * 1000,
                metrics={"timing": {f"name{number}": number for number in range(1000)}},
            )
        )
        self.assertEqual(len(found.activity), LONGEST_ACTIVITY)
        self.assertEqual(len(found.status or ""), LONGEST_NAME)
        self.assertEqual(len(found.timing), MOST_TIMINGS)

    def test_timing_names(self) -> None:
        """Names that no database takes as keys are left out; dots are usual in them (server-api.md 15.1)."""
        names = ("", "$a", "a\x00b", "x" * 300, "fine name", "checkpoint.blender-started")
        timing = report(body(metrics={"timing": dict.fromkeys(names, 1)})).timing
        self.assertEqual(timing, {"fine name": 1.0, "checkpoint.blender-started": 1.0})

    def test_huge_numbers(self) -> None:
        """The largest integer that is read at all is a finite duration; a NaN makes the update unusable."""
        largest = b"9" * 300
        self.assertEqual(report(b'{"metrics": {"timing": {"a": %s}}}' % largest).timing, {"a": 1e300})
        with self.assertRaises(BadJSON):
            report(b'{"metrics": {"timing": {"a": NaN}}}')

    def test_harmless(self) -> None:
        """NULs and lone surrogates do not get through."""
        found = report(rb'{"activity": "a\u0000", "log": "\ud800b"}')
        self.assertEqual((found.activity, found.log), ("a\ufffd", "\ufffdb"))

    def test_no_object(self) -> None:
        """What is no JSON object is bad JSON."""
        for text in (b"", b"[]", b"1", b"{"):
            with self.assertRaises(BadJSON):
                report(text)


class RegistrationTests(SynchronousTestCase):
    """Worker-api.md 4.1 and 4.2: these bodies have to be right."""

    def test_registration(self) -> None:
        """A registration is read; what is absent or null is empty; the order of the task types stays."""
        found = registration(body(secret="s", platform="linux", supported_task_types=["b", "a"], nickname="n"))
        self.assertEqual((found.secret, found.platform, found.nickname), ("s", "linux", "n"))
        self.assertEqual(found.supported_task_types, ("b", "a"))
        self.assertEqual(registration(body(secret="s", platform=None)).supported_task_types, ())
        self.assertNotIn("hush", repr(registration(body(secret="hush"))))

    def test_secrets(self) -> None:
        """A secret is 1 to 72 bytes of text; bcrypt looks at no more, and at nothing after a NUL."""
        for good in ("s", "s" * 72, "\u00e4" * 36, "\U0001f600" * 18):
            self.assertEqual(registration(body(secret=good)).secret, good)
        for bad in (None, "", 1, ["s"], "s" * 73, "\u00e4" * 37, "a\x00", "\ud800"):
            with self.assertRaises(BadDocument) as caught:
                registration(body(secret=bad))
            self.assertIn("secret", str(caught.exception))

    def test_wrong_types(self) -> None:
        """A value of a wrong type is refused by its name."""
        for key, value in (
            ("nickname", 1),
            ("nickname", ["a"]),
            ("nickname", "n" * 256),
            ("platform", {}),
            ("supported_task_types", "sleep"),
            ("supported_task_types", [1]),
            ("supported_task_types", [None]),
            ("supported_task_types", ["t" * 256]),
            ("supported_task_types", ["t"] * 501),
        ):
            with self.assertRaises(BadDocument) as caught:
                registration(body(secret="s", **{key: value}))
            self.assertIn(key, str(caught.exception))

    def test_names_are_lines(self) -> None:
        """Names stand in lines of logs, so they are one line themselves."""
        found = sign_on(body(nickname=" a\nb\x1b[31m\t\x00", supported_task_types=["x\r\ny"]))
        self.assertEqual((found.nickname, found.supported_task_types), ("a b [31m \ufffd", ("x y",)))

    def test_sign_on(self) -> None:
        """A sign-on may say nothing, and knows keys in any case."""
        self.assertEqual(sign_on(b"{}").nickname, "")
        self.assertEqual(sign_on(body(NickName="n", Supported_Task_Types=["a"])).supported_task_types, ("a",))


class OutputTests(SynchronousTestCase):
    """Worker-api.md 4.9."""

    def test_paths(self) -> None:
        """A list of texts is read; more than a hundred are cut off; none is no mistake of the form."""
        self.assertEqual(output_paths(body(paths=["/a", "C:\\b"])), ("/a", "C:\\b"))
        self.assertEqual(len(output_paths(body(paths=["/a"] * 1000))), MOST_PATHS)
        self.assertEqual(output_paths(b"{}"), ())

    def test_wrong(self) -> None:
        """Anything else is refused."""
        for wrong in ("/a", {"a": 1}, [1], [["/a"]]):
            with self.assertRaises(BadDocument):
                output_paths(body(paths=wrong))


class DocumentTests(SynchronousTestCase):
    """What Workers get."""

    def test_task(self) -> None:
        """Worker-api.md 4.3: a task with all that the Worker needs, and what is empty left out."""
        task = a_task(status="active", manager="5e0000000000000000000a01", worker="render07", activity="given")
        commands = (
            Command(name="echo", settings={"message": "frames 1-10"}),
            Command(name="blender_render_progressive", settings={"cycles_num_chunks": 8.0, "x": {"y": [1.0]}}),
            Command(name="nothing"),
        )
        self.assertEqual(
            json.loads(json.dumps(task_document(task, commands))),
            {
                "_id": TASK,
                "_etag": "4f1d",
                "job": JOB,
                "manager": "5e0000000000000000000a01",
                "project": "",
                "user": "",
                "name": "blender-render-1-10",
                "status": "active",
                "priority": 50,
                "job_priority": 50,
                "job_type": "blender-render",
                "task_type": "blender-render",
                "worker": "render07",
                "activity": "given",
                "commands": [
                    {"name": "echo", "settings": {"message": "frames 1-10"}},
                    {"name": "blender_render_progressive", "settings": {"cycles_num_chunks": 8, "x": {"y": [1]}}},
                    {"name": "nothing", "settings": {}},
                ],
            },
        )
        self.assertIn('"cycles_num_chunks": 8,', json.dumps(task_document(task, commands)))

    def test_failed_before(self) -> None:
        """Task-lifecycle.md 20, fact 20: the document has the list of workers that failed at the task."""
        task = a_task(
            failed_by=(FailedBy(id=WORKER, identifier="10.0.0.7 (a)"),), timing={"total": 1.5}, parents=(JOB,)
        )
        document = task_document(task, ())
        self.assertEqual(document["failed_by_workers"], [{"id": WORKER, "identifier": "10.0.0.7 (a)"}])
        self.assertEqual(document["metrics"], {"timing": {"total": 1.5}})
        self.assertEqual(document["parents"], [JOB])

    def test_worker(self) -> None:
        """Worker-api.md 4.1: a new worker's document, without its secret."""
        worker = a_worker(status="", supported_task_types=("sleep", "blender-render"))
        self.assertEqual(
            worker_document(worker),
            {
                "_id": WORKER,
                "nickname": "render07",
                "address": "10.0.0.7",
                "status": "",
                "platform": "linux",
                "time_cost": 0,
                "supported_task_types": ["sleep", "blender-render"],
                "software": "",
                "status_requested": "",
                "lazy_status_request": False,
                "sleep_schedule": {"schedule_active": False},
            },
        )

    def test_worker_that_was_here_before(self) -> None:
        """A worker that registered before is told what is known of it by now."""
        document = worker_document(a_worker(current_task=TASK, last_activity=1583934300.25, status_requested="asleep"))
        self.assertEqual(document["current_task"], TASK)
        self.assertEqual(document["last_activity"], "2020-03-11T13:45:00.250Z")
        self.assertEqual(document["status_requested"], "asleep")

    def test_verdicts(self) -> None:
        """Worker-api.md 4.6: exactly its keys, and those only when they say something."""
        self.assertEqual(verdict_document(Verdict(may_keep_running=True)), {"may_keep_running": True})
        self.assertEqual(
            verdict_document(Verdict(may_keep_running=False, reason="r", status_requested="asleep")),
            {"may_keep_running": False, "reason": "r", "status_requested": "asleep"},
        )
