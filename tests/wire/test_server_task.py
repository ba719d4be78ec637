"""The Server's document of a task (server-api.md 3.4)."""

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.demo.standin import examples
from flamenco_mgr.demo.standin.examples import Example
from flamenco_mgr.domain.tasks import Command, FailedBy, Progress, ServerTask, Task
from flamenco_mgr.wire.server_json import BadDocument
from flamenco_mgr.wire.server_task import described, id_in, server_task

LEAST: dict[str, Any] = {
    "_id": "5dcab95c2f8e3a0017c4d103",
    "job": "5dcab95c2f8e3a0017c4d100",
    "status": "claimed-by-manager",
}


class DescribedTests(SynchronousTestCase):
    def task(self, **changes: object) -> Task:
        return described(LEAST | changes).task

    def setting(self, value: object) -> object:
        """Return what becomes of a command's setting."""
        (command,) = described(LEAST | {"commands": [{"name": "echo", "settings": {"a": value}}]}).commands
        return command.settings["a"]

    def test_example(self) -> None:
        """server-api.md 15.1: a soft-failed task with all that the Server repeats of it."""
        document = next(task for task in examples.documents(Example.EDGE_CASES) if task["status"] == "soft-failed")
        self.assertEqual(
            described(dict(document)),
            ServerTask(
                task=Task(
                    id="5dd2f0c09a0b1c002155aa02",
                    job="5dd2f0c09a0b1c002155aa00",
                    status="soft-failed",
                    name="blender-render-4-6",
                    priority=50,
                    job_priority=55,
                    job_type="blender-render",
                    task_type="blender-render",
                    etag="r281IVPV4PAWjHVxV32GAZe9WvBlZN1Bd+7q4DtmMAE",
                    manager="5d7b9f3ae4b0c83a1f2d6e11",
                    project="5cb0aa1e3f6d2b0012ab34cd",
                    user="59a1f0c27d1e4b000f5c9d21",
                    log="Error: out of memory\n",
                    activity="error while running blender_render command",
                    worker="10.0.4.22 (render-08)",
                    failed_by=(FailedBy(id="5dd2e0119a0b1c0021550001", identifier="10.0.4.22 (render-08)"),),
                    progress=Progress(),
                ),
                commands=(
                    Command(
                        name="blender_render",
                        settings={
                            "blender_cmd": "{blender}",
                            "filepath": "{job_storage}/zoë/naïve shot/ßhot.flamenco.blend",
                            "format": None,
                            "render_output": "{render}/zoë/ßhot__intermediate-2019-11-18_192728/######",
                            "frames": "4..6",
                        },
                    ),
                ),
            ),
        )

    def test_settings(self) -> None:
        """The commands' settings are kept as they are, to the last character."""
        document = next(task for task in examples.documents(Example.EDGE_CASES) if "task_type" not in task)
        self.assertEqual(
            described(dict(document)).commands,
            (
                Command(name="log_a_lot", settings={"lines": 20000}),
                Command(name="sleep", settings={"time_in_seconds": 0.5, "{blender}": 3}),
            ),
        )

    def test_least(self) -> None:
        """What may be missing has the value that the original gives it; a missing or empty task type is unknown."""
        self.assertEqual(self.task(), Task(id=LEAST["_id"], job=LEAST["job"], status="claimed-by-manager"))
        self.assertEqual((self.task().task_type, self.task(task_type="").task_type), ("unknown", "unknown"))

    def test_null_is_missing(self) -> None:
        """A null is as good as nothing."""
        nulls = dict.fromkeys(
            ("name", "priority", "job_priority", "task_type", "commands", "parents", "_etag", "user", "metrics", "log")
        )
        self.assertEqual(self.task(**nulls), self.task())

    def test_ids(self) -> None:
        """Ids have one spelling."""
        task = self.task(_id="5DCAB95C2F8E3A0017C4D103", parents=["E" * 24, "e" * 24, "f" * 24])
        self.assertEqual((task.id, task.parents), (LEAST["_id"], ("e" * 24, "f" * 24)))

    def test_integers(self) -> None:
        """A whole-valued float is an integer; negative priorities are fine."""
        self.assertEqual(
            [repr(self.task(priority=value).priority) for value in (-40, 50.0, 0, -0.0)], ["-40", "50", "0", "0"]
        )

    def test_unknown_fields(self) -> None:
        """Unknown fields are ignored."""
        self.assertEqual(self.task(log_file={"backend": "gcs"}, _updated=5, more=[]), self.task())

    def test_repeated(self) -> None:
        """What the Server only repeats is passed over where it makes no sense."""
        for changes in (
            {"activity": 5, "log": [], "worker": {}, "failed_by_workers": {}, "metrics": [], "_etag": 7},
            {"failed_by_workers": [5, {"id": "x"}, {"identifier": "y"}, None]},
            {"metrics": {"timing": [1]}},
            {"metrics": {"timing": {"a": "b", "c": None, "d": True, "e": 10**400}}},
            {"task_progress_percentage": "half", "current_command_index": None, "command_progress_percentage": 0.5},
            {"worker": "-"},
        ):
            self.assertEqual(self.task(**changes), self.task(), changes)
        self.assertEqual(self.task(metrics={"timing": {"a": 1, "b": "c"}}).timing, {"a": 1.0})

    def test_progress(self) -> None:
        """Progress is brought within its bounds."""
        self.assertEqual(
            self.task(task_progress_percentage=140, current_command_index=-1, command_progress_percentage=7.0).progress,
            Progress(task_percentage=100, command_index=0, command_percentage=7),
        )

    def test_etag_for_headers(self) -> None:
        """An etag goes back in a header: one that cannot is as good as none."""
        self.assertEqual(self.task(_etag="a+/=1").etag, "a+/=1")
        for etag in ("a\r\nX: y", "ä", "\x00"):
            self.assertEqual(self.task(_etag=etag).etag, "", etag)

    def test_texts(self) -> None:
        """Halves of surrogate pairs are replaced, in settings as well."""
        self.assertEqual(self.task(name="a\ud800").name, "a\ufffd")
        self.assertEqual(self.setting({"b\ud800": ["c\udc00"]}), {"b\ufffd": ["c\ufffd"]})

    def test_mistakes(self) -> None:
        """Each mistake is told with its field."""
        deep: object = 1
        for _ in range(50):
            deep = [deep]
        for changes, reason in (
            ({"_id": None}, "_id is missing"),
            ({"_id": "5dcab95c"}, "_id is not an id: '5dcab95c'"),
            ({"job": None}, "job is missing"),
            ({"manager": 5}, "manager is not an id: 5"),
            ({"project": ["a"]}, "project is not an id: list"),
            ({"user": "x" * 1000}, f"user is not an id: '{'x' * 59}"),
            ({"status": None}, "status is missing"),
            ({"status": "processing"}, "status is unknown: 'processing'"),
            ({"status": ["queued"]}, "status is not a text: list"),
            ({"name": 5}, "name is not a text: 5"),
            ({"priority": 49.5}, "priority is not an integer: 49.5"),
            ({"priority": True}, "priority is not an integer: True"),
            ({"priority": float("inf")}, "priority is not an integer: inf"),
            ({"job_priority": 2**60}, f"job_priority is not an integer: {2**60}"),
            ({"job_priority": "80"}, "job_priority is not an integer: '80'"),
            ({"parents": "e" * 24}, "parents is not a list"),
            ({"parents": ["e"]}, "parents has what is not an id: 'e'"),
            ({"parents": [LEAST["_id"].upper()]}, "parents names the task itself"),
            ({"commands": {}}, "commands is not a list"),
            ({"commands": ["echo"]}, "commands has what is not an object: 'echo'"),
            ({"commands": [{"name": ""}]}, "commands has one without a name: ''"),
            ({"commands": [{"name": "a", "settings": 5}]}, "commands has settings that are not an object: 5"),
            ({"commands": [{"name": "a", "settings": {"b": float("inf")}}]}, "commands has a number that is too large"),
            ({"commands": [{"name": "a", "settings": {"b": deep}}]}, "commands is nested too deeply"),
        ):
            document = LEAST | changes
            with self.assertRaises(BadDocument, msg=changes) as caught:
                described(document)
            self.assertEqual(str(caught.exception), reason)

    def test_no_object(self) -> None:
        """What is no object is no task."""
        for text in (b"[]", b"5", b"null", b'"x"', b"{", b"NaN"):
            with self.assertRaises(BadDocument):
                server_task(text)


class IdInTests(SynchronousTestCase):
    def test_found(self) -> None:
        """The id of a document is found even if the document is not JSON."""
        self.assertEqual(id_in(json.dumps(LEAST | {"priority": "high"}).encode()), LEAST["_id"])
        self.assertEqual(id_in(b'{"priority": NaN, "_id" : "5DCAB95C2F8E3A0017C4D103"}'), LEAST["_id"])

    def test_none(self) -> None:
        """One that names no id has none."""
        for text in (b"{}", b'{"_id": 5}', b'{"_id": "x"}', b'{"_id": "5dcab95c2f8e3a0017c4d1", NaN', b"[]"):
            self.assertIsNone(id_in(text))
