"""The Server's JSON: what it is told, and what it answers."""

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.log_requests import LogRequest
from flamenco_mgr.domain.tasks import FailedBy, Progress
from flamenco_mgr.domain.updates import TaskUpdate
from flamenco_mgr.wire.server_json import BadDocument, BatchAnswer, batch, batch_answer, introduction, parsed, sound
from tests.builders import TASK, UPDATE, an_update

NOW = 1573567032.318


def told(update: TaskUpdate) -> dict[str, Any]:
    """Return an update as the Server reads it."""
    (document,) = json.loads(batch([(update, NOW)]))
    assert isinstance(document, dict)
    return document


class BatchTests(SynchronousTestCase):
    """server-api.md 5.2: the update object."""

    def test_empty(self) -> None:
        """server-api.md 14.6: an empty push is an empty list."""
        self.assertEqual(batch([]), b"[]")

    def test_least(self) -> None:
        """What is not known is left out, and nothing is null; times are UTC with milliseconds and Z."""
        self.assertEqual(
            told(an_update()),
            {"_id": UPDATE, "task_id": TASK, "received_on_manager": "2019-11-12T13:57:12.318Z"},
        )

    def test_all(self) -> None:
        """server-api.md 14.5: an update with everything, the command's index under both names."""
        update = an_update(
            status="soft-failed",
            activity="error 1 while running blender_render",
            log_tail="Error: out of memory\n",
            worker="10.0.4.22 (render-08)",
            failed_by=(FailedBy(id="5dca0000aa00bb00cc00dd01", identifier="10.0.4.22 (render-08)"),),
            timing={"total": 2.5},
            progress=Progress(task_percentage=40, command_index=3, command_percentage=70),
        )
        self.assertEqual(
            told(update),
            {
                "_id": UPDATE,
                "task_id": TASK,
                "received_on_manager": "2019-11-12T13:57:12.318Z",
                "task_status": "soft-failed",
                "activity": "error 1 while running blender_render",
                "log_tail": "Error: out of memory\n",
                "worker": "10.0.4.22 (render-08)",
                "failed_by_workers": [{"id": "5dca0000aa00bb00cc00dd01", "identifier": "10.0.4.22 (render-08)"}],
                "metrics": {"timing": {"total": 2.5}},
                "task_progress_percentage": 40,
                "current_command_index": 3,
                "current_command_idx": 3,
                "command_progress_percentage": 70,
            },
        )

    def test_nobody_failed(self) -> None:
        """An empty list of failed workers clears the Server's; an unchanged one is not sent."""
        self.assertEqual(told(an_update(failed_by=()))["failed_by_workers"], [])

    def test_known_zero(self) -> None:
        """A progress of zero is known, and is sent: the Server sets what is missing to zero anyway."""
        self.assertEqual(told(an_update(progress=Progress()))["task_progress_percentage"], 0)

    def test_what_no_database_takes(self) -> None:
        """Halves of surrogate pairs, names with a NUL, numbers that are none: a batch must not fail for them."""
        update = an_update(
            activity="a\ud800b", worker="\udfff", timing={"a\0b": 1.0, "n": float("nan"), "i": float("inf"), "ok": 1.0}
        )
        document = told(update)
        self.assertEqual((document["activity"], document["worker"]), ("a\ufffdb", "\ufffd"))
        self.assertEqual(document["metrics"], {"timing": {"ok": 1.0}})


class BatchAnswerTests(SynchronousTestCase):
    """server-api.md 5.4: the answer to a batch."""

    def test_whole(self) -> None:
        """server-api.md 14.5: what is handled, what is to be cancelled, and which logs are wanted."""
        answer = {
            "modified_count": 3,
            "handled_update_ids": ["5dcab9780000000000000001", "5DCAB9780000000000000002"],
            "cancel_task_ids": ["5dcab95c2f8e3a0017c4d106", "5dcab95c2f8e3a0017c4d106", "5dcab95c2f8e3a0017c4d105"],
            "upload_task_file_queue": [{"job": "5dca11112222333344445555", "task": "5dca11112222333344446666"}],
        }
        self.assertEqual(
            batch_answer(json.dumps(answer).encode()),
            BatchAnswer(
                handled=frozenset({"5dcab9780000000000000001", "5dcab9780000000000000002"}),
                cancel=("5dcab95c2f8e3a0017c4d106", "5dcab95c2f8e3a0017c4d105"),
                log_requests=(LogRequest(job="5dca11112222333344445555", task="5dca11112222333344446666"),),
            ),
        )

    def test_empty(self) -> None:
        """server-api.md 14.6: an answer that names nothing."""
        self.assertEqual(
            batch_answer(b'{"modified_count": 0, "handled_update_ids": []}'), BatchAnswer(handled=frozenset())
        )

    def test_no_ids(self) -> None:
        """What is no id is passed over, and so is what is not understood."""
        text = b'{"handled_update_ids": ["x", 5, null, []], "cancel_task_ids": null, "upload_task_file_queue": 7}'
        self.assertEqual(batch_answer(text), BatchAnswer(handled=frozenset()))

    def test_log_requests(self) -> None:
        """A log that is listed twice is wanted once, in one spelling; what is no pair of ids is passed over."""
        job, task = "5dca11112222333344445555", "5dca11112222333344446666"
        listed = [
            {"job": job, "task": task},
            {"job": job.upper(), "task": task, "more": 1},
            {"job": "../../etc", "task": task},
            {"job": job, "task": f"{task}/../x"},
            {"job": job, "task": f"{task}\n"},
            {"job": job},
            [job, task],
            None,
        ]
        answer = batch_answer(json.dumps({"handled_update_ids": [], "upload_task_file_queue": listed}).encode())
        self.assertEqual(answer.log_requests, (LogRequest(job=job, task=task),))

    def test_mistakes(self) -> None:
        """What is no such answer is refused, with the field and the reason."""
        for text, reason in (
            (b"[]", "is not an object"),
            (b"{}", "handled_update_ids is missing"),
            (b'{"handled_update_ids": {}}', "handled_update_ids is not a list"),
            (b'{"handled_update_ids": [], "cancel_task_ids": "all"}', "cancel_task_ids is not a list"),
        ):
            with self.assertRaises(BadDocument) as caught:
                batch_answer(text)
            self.assertEqual(str(caught.exception), reason)


class ParsedTests(SynchronousTestCase):
    def test_not_json(self) -> None:
        """Whatever makes the parser give up is the same mistake: cut, NaN, too deep, too long a number, no UTF-8."""
        for text in (
            b"",
            b"{",
            b"nul",
            b"NaN",
            b"[Infinity]",
            b'{"a": -Infinity}',
            b"[" * 100_000,
            b'{"a":' * 100_000,
            b"9" * 5000,
            b'"\xff\xff"',
            b"\x00",
            b"{} {}",
        ):
            with self.assertRaises(BadDocument, msg=text[:20]) as caught:
                parsed(text)
            self.assertTrue(str(caught.exception).startswith("is not JSON"), caught.exception)
            self.assertLess(len(str(caught.exception)), 200)


class SoundTests(SynchronousTestCase):
    def test_texts(self) -> None:
        """Whole characters stay, halves are replaced."""
        for text, expected in (
            ("", ""),
            ("plain", "plain"),
            ("zoë ßhot 🎬", "zoë ßhot 🎬"),
            ("\ud83d\ude00", "😀"),
            ("a\ud800", "a\ufffd"),
            ("\udc00\ud800b", "\ufffd\ufffdb"),
        ):
            self.assertEqual(sound(text), expected)
            sound(text).encode()


class IntroductionTests(SynchronousTestCase):
    def test_document(self) -> None:
        """server-api.md 6: version 2, every required key, no variable whose name a database may refuse."""
        variables = {"blender": {"direction": "oneway"}, "a.b": 1, "$c": 2, "": 3, "d\0": 4}
        self.assertEqual(
            json.loads(introduction(manager_url="http://m/", variables=variables, workers=2, task_types=["sleep"])),
            {
                "_meta": {"version": 2},
                "manager_url": "http://m/",
                "variables": {"blender": {"direction": "oneway"}},
                "nr_of_workers": 2,
                "worker_task_types": ["sleep"],
            },
        )
