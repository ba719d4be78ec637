"""What documents that are not as the original writes them are taken to mean."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

import bson
from bson import Binary, Decimal128, Int64, ObjectId, json_util
from bson.datetime_ms import DatetimeMS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.store.mongo import documents, odd_documents, update_documents, worker_documents
from flamenco_mgr.store.mongo.encoding import to_commands
from flamenco_mgr.store.mongo.odd_documents import NotUnderstood, Understood
from flamenco_mgr.store.mongo.odd_values import LENIENT
from flamenco_mgr.wire.server_json import batch
from flamenco_mgr.wire.worker_json import task_document

TASK_ID = ObjectId("5e6a2b7d9d3b4a0017c0a001")
JOB_ID = ObjectId("5e6a2b7d9d3b4a0017c0b001")
WORKER_ID = ObjectId("5e6a1f2c9d3b4a0017c0ffee")
THEN = datetime(2026, 11, 24, 13, 19, 9, 778_000, tzinfo=timezone.utc)
HASH = b"$2a$04$CXfCkBgw.CBo8i0fCqV3N..AhfXXRF7TJjdVU0KW956sk6c.ixBVC"

TOO_MANY_DIGITS = Decimal128.from_bid(b"\xff" * 14 + b"\x41\x30")
"""More than the 34 that BSON's decimal numbers have; no driver writes it, and its text raises an error."""

TASK_FIELDS = (
    *("_id", "job", "status", "task_type", "job_type", "priority", "job_priority", "parents", "commands", "worker_id"),
    *("failed_by_workers", "_etag", "metrics", "name", "activity", "log", "worker", "manager", "project", "user"),
    *("last_worker_ping", "last_updated", "mgr"),
)
WORKER_FIELDS = (
    *("_id", "hashed_secret", "nickname", "address", "platform", "software", "status", "status_requested"),
    *("supported_task_types", "lazy_status_request", "current_task", "current_task_status", "last_activity"),
    *("current_task_updated", "sleep_schedule", "mgr"),
)
UPDATE_FIELDS = (
    *("_id", "task_id", "task_status", "received_on_manager", "activity", "task_progress_percentage", "log_tail"),
    *("current_command_idx", "command_progress_percentage", "worker", "failed_by_workers", "metrics", "mgr"),
)


class TaskCase(SynchronousTestCase):
    def document(self, **fields: Any) -> dict[str, Any]:
        """Return a task's document as the original writes it, but for these fields."""
        return {
            "_id": TASK_ID,
            "job": JOB_ID,
            "status": "claimed-by-manager",
            "priority": 50,
            "job_priority": 50,
            "task_type": "sleep",
        } | fields

    def understood(self, **fields: Any) -> Understood:
        return odd_documents.task(self.document(**fields))

    def changed(self, **fields: Any) -> Mapping[str, Any]:
        """Return what is to be written, where nothing is put aside or removed."""
        understood = self.understood(**fields)
        self.assertEqual((understood.removed, understood.aside), ((), {}))
        return understood.changed

    def refused(self, **fields: Any) -> str:
        return str(self.assertRaises(NotUnderstood, self.understood, **fields))


class ReadableTaskTests(TaskCase):
    def test_usual(self) -> None:
        """Nothing changes in a document as the original writes it, with numbers of any kind in it."""
        usual: dict[str, Any] = {
            "priority": Int64(-50),
            "job_priority": 30,
            "parents": [JOB_ID],
            "worker_id": WORKER_ID,
            "failed_by_workers": [{"id": WORKER_ID, "identifier": "10.0.0.7 (render07)"}],
            "commands": [{"name": "sleep", "settings": {"time_in_seconds": 8.0, "more": [{"deep": None}]}}],
            "metrics": {"timing": {"total": 12.25}},
            "last_updated": THEN,
            "unknown_to_us": {"a": [b"b"]},
        }
        self.assertEqual(self.understood(**usual), Understood())

    def test_missing(self) -> None:
        """A missing or null task type is ``unknown``, a missing priority 0; other missing fields stay away."""
        for document in (
            {"_id": TASK_ID, "job": JOB_ID},
            self.document(priority=None, job_priority=None, task_type=None, status=None, parents=None, worker_id=None),
        ):
            understood = odd_documents.task(document)
            self.assertEqual(understood.changed, {"priority": 0, "job_priority": 0, "task_type": "unknown"})
            self.assertEqual(
                understood.applied(document).keys(), {"_id", "job", "priority", "job_priority", "task_type"}
            )
        self.assertEqual(self.changed(task_type=""), {"task_type": "unknown"})

    def test_numbers(self) -> None:
        """Priorities may be doubles and decimals; a fraction is cut off."""
        for value, meant in ((80.0, 80), (-0.5, 0), (50.9, 50), (Decimal128("12"), 12)):
            changed = self.changed(priority=value)["priority"]
            self.assertEqual((changed, type(changed)), (meant, int))

    def test_too_many_digits(self) -> None:
        """A decimal number that cannot even be shown is like any other that makes no sense, wherever it stands."""
        self.assertIn("priority is a decimal number of more digits", self.refused(priority=TOO_MANY_DIGITS))
        for value in (TOO_MANY_DIGITS, [TOO_MANY_DIGITS]):
            aside = self.understood(name=value).aside["name"]
            self.assertEqual(bson.decode(json_util.loads(aside)["bson"]), {"value": value})

    def test_ids_as_texts(self) -> None:
        """Ids written as texts become ids; an empty text is none."""
        task = self.changed(
            job=str(JOB_ID),
            parents=[str(JOB_ID).upper(), WORKER_ID],
            worker_id=str(WORKER_ID),
            failed_by_workers=[{"id": str(WORKER_ID), "identifier": "a", "more": 1}],
        )
        self.assertEqual(task["job"], JOB_ID)
        self.assertEqual(task["parents"], [JOB_ID, WORKER_ID])
        self.assertEqual(task["worker_id"], WORKER_ID)
        self.assertEqual(task["failed_by_workers"], [{"id": WORKER_ID, "identifier": "a", "more": 1}])
        self.assertEqual(self.understood(worker_id=""), Understood(removed=("worker_id",)))

    def test_times(self) -> None:
        """Times written as texts become times; the original's zero, in the year 1, is none."""
        for text in ("2026-11-24T13:19:09.778Z", "2026-11-24T14:19:09.778+01:00", "2026-11-24T13:19:09.778000"):
            self.assertEqual(self.changed(last_updated=text), {"last_updated": THEN})
        zero = self.understood(last_worker_ping=datetime(1, 1, 1, tzinfo=timezone.utc))
        self.assertEqual(zero, Understood(removed=("last_worker_ping",)))

    def test_put_aside(self) -> None:
        """What a task can do without, and makes no sense, is put aside: as extended JSON, so that nothing is lost."""
        understood = self.understood(
            name=5, worker=["a"], last_updated="yesterday", last_worker_ping=DatetimeMS(1 << 60), metrics={"timing": 3}
        )
        self.assertEqual(
            understood.aside,
            {
                "name": "5",
                "worker": '["a"]',
                "last_updated": '"yesterday"',
                "last_worker_ping": '{"$date": {"$numberLong": "1152921504606846976"}}',
                "metrics": '{"timing": 3}',
            },
        )
        self.assertEqual(set(understood.removed), set(understood.aside))

    def test_etag_for_headers(self) -> None:
        """An etag that no header can carry is put aside, so that the Server is asked for the whole task."""
        self.assertEqual(set(self.understood(_etag="a\nb").aside), {"_etag"})

    def test_settings(self) -> None:
        """Commands without settings have none; null among a setting's values stays."""
        commands = [{"name": "a"}, {"name": "b", "settings": None}, {"name": "c", "settings": {"d": None}}]
        self.assertEqual(
            self.changed(commands=commands)["commands"],
            [{"name": "a", "settings": {}}, {"name": "b", "settings": {}}, {"name": "c", "settings": {"d": None}}],
        )


class UnreadableTaskTests(TaskCase):
    def test_ids(self) -> None:
        """A task whose id is none of the original's, or whose job is missing or no id, cannot be used."""
        self.assertEqual(self.refused(_id=str(TASK_ID)), "its _id is no ObjectId")
        self.assertEqual(self.refused(job=None), "job is missing")
        self.assertEqual(self.refused(job="barn"), "job is no id: 'barn'")

    def test_decisive(self) -> None:
        """Nor can one whose status, type, priorities, parents, commands or workers make no sense."""
        cases: dict[str, tuple[Any, str]] = {
            "status": (5, "is no text: 5"),
            "task_type": (["sleep"], "is no text: list"),
            "job_type": (True, "is no text: True"),
            "priority": ("high", "is no number: 'high'"),
            "job_priority": (float("nan"), "is nan"),
            "parents": ([None], "is no id: None"),
            "worker_id": ({}, "is no id: dict"),
            "failed_by_workers": (["a"], "is no document: 'a'"),
            "commands": ([{"settings": {}}], "is no text: None"),
        }
        for name, (value, reason) in cases.items():
            self.assertEqual(self.refused(**{name: value}), f"{name} {reason}")

    def test_unsendable(self) -> None:
        """Nor one with settings that cannot be sent to a worker: it would ask for them for ever."""
        for value in (THEN, JOB_ID, b"x", Decimal128("1")):
            message = self.refused(commands=[{"name": "a", "settings": {"b": [{"c": value}]}}])
            self.assertIn("cannot be sent", message)
        deep: dict[str, Any] = {}
        for _ in range(100):
            deep = {"a": deep}
        self.assertIn("nested too deeply", self.refused(commands=[{"name": "a", "settings": deep}]))


class WorkerTests(SynchronousTestCase):
    def understood(self, **fields: Any) -> Understood:
        return odd_documents.worker({"_id": WORKER_ID, "hashed_secret": HASH} | fields)

    def test_usual(self) -> None:
        """Nothing changes in a worker as the original writes it, whatever it wants of it and when it sleeps."""
        usual: dict[str, Any] = {
            "status": "",
            "status_requested": "",
            "lazy_status_request": True,
            "supported_task_types": ["sleep"],
            "last_activity": THEN,
            "current_task": TASK_ID,
            "blacklist": [],
            "sleep_schedule": {"schedule_active": True, "days_of_week": "mo tu", "start": {"time": "09:00"}},
        }
        self.assertEqual(self.understood(**usual), Understood())

    def test_odd(self) -> None:
        """A hash and an id as texts are understood, what makes no sense is put aside."""
        understood = self.understood(
            hashed_secret=HASH.decode(), current_task=str(TASK_ID), lazy_status_request=1, supported_task_types="sleep"
        )
        self.assertEqual(
            understood.changed,
            {"hashed_secret": Binary(HASH), "current_task": TASK_ID, "lazy_status_request": True},
        )
        self.assertEqual(understood.aside, {"supported_task_types": '"sleep"'})

    def test_schedule(self) -> None:
        """A schedule is read as the original would: seconds say nothing, nor do words that are no days."""
        odd = {"schedule_active": 1, "days_of_week": "Tuesday xx  mo", "start": {"time": "9:0"}, "more": 5}
        changed = self.understood(sleep_schedule=odd | {"end": {"time": "17:30:59"}, "next_check": "x"}).changed
        self.assertEqual(
            changed["sleep_schedule"],
            {
                "schedule_active": True,
                "days_of_week": "mo tu",
                "start": {"time": "09:00"},
                "end": {"time": "17:30"},
                "next_check": "x",
                "more": 5,
            },
        )
        for nothing in ({}, {"schedule_active": False}, {"days_of_week": None, "start": None, "end": {"time": ""}}):
            self.assertEqual(self.understood(sleep_schedule=nothing), Understood())

    def test_senseless_schedule(self) -> None:
        """A schedule by which nobody could tell when to sleep is put aside as a whole, so that nobody sleeps by it."""
        for part in ({"start": {"time": "99:99"}}, {"end": {"time": "16:"}}, {"days_of_week": "xx"}, {"start": 5}):
            understood = self.understood(sleep_schedule={"schedule_active": True} | part)
            self.assertEqual((set(understood.aside), understood.removed), ({"sleep_schedule"}, ("sleep_schedule",)))

    def test_secret(self) -> None:
        """A worker without a bcrypt hash cannot sign on; the hash is in no message."""
        for value, reason in ((None, "is missing"), (b"s3cret", "is no bcrypt hash"), (5, "is no bcrypt hash")):
            error = self.assertRaises(NotUnderstood, self.understood, hashed_secret=value)
            self.assertEqual(str(error), f"hashed_secret {reason}")


class UpdateTests(SynchronousTestCase):
    def understood(self, **fields: Any) -> Understood:
        document = {"_id": ObjectId("5e6a3c000000000000000001"), "task_id": TASK_ID, "received_on_manager": THEN}
        return odd_documents.update(document | fields)

    def test_usual(self) -> None:
        """Nothing changes in an update as the original writes it."""
        self.assertEqual(self.understood(task_status="active", worker="-", metrics={}), Understood())

    def test_time(self) -> None:
        """An update that does not say when it came has come when its id was made."""
        made = datetime(2020, 3, 12, 13, 41, 20, tzinfo=timezone.utc)
        for value in (None, "soon", datetime(1, 1, 1, tzinfo=timezone.utc)):
            understood = self.understood(received_on_manager=value)
            self.assertEqual(understood.changed, {"received_on_manager": made})
            self.assertEqual(understood.removed, ())

    def test_task(self) -> None:
        """An update of no task, or with a status that is none, cannot be used."""
        for fields in ({"task_id": None}, {"task_id": 5}, {"task_status": 5}):
            self.assertRaises(NotUnderstood, self.understood, **fields)


NAMES = ("id", "identifier", "name", "settings", "timing", "schedule_active", "days_of_week", "start", "time")

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text(st.characters(codec="utf-8"), max_size=5)
    | st.binary(max_size=5)
    | st.sampled_from(
        [
            TASK_ID,
            str(TASK_ID),
            THEN,
            DatetimeMS(1 << 60),
            Decimal128("sNaN"),
            Decimal128("9E+6000"),
            HASH,
            HASH.decode(),
        ]
    )
    | st.binary(min_size=16, max_size=16).map(Decimal128.from_bid)
    | st.sampled_from(["2026-11-24T13:19:09.778Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=6,
)


class AnythingTests(SynchronousTestCase):
    """Whatever is in a document, it is understood, or it is not; and what was understood says plainly what it means."""

    def check(self, read: Callable[[Any], Understood], use: Callable[[Any], object], document: dict[str, Any]) -> None:
        try:
            plain = read(document).applied(document)
        except NotUnderstood:
            return
        self.assertEqual(read(plain), Understood())
        use(bson.decode(bson.encode(plain), LENIENT))

    @settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(fields=st.dictionaries(st.sampled_from(TASK_FIELDS), ANYTHING))
    def test_tasks(self, fields: dict[str, Any]) -> None:
        """Any task."""
        document = {"_id": TASK_ID, "job": JOB_ID} | fields
        self.check(odd_documents.task, lambda plain: _task_as_sent(plain | {"mgr": {"rev": 0}}), document)

    @settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(fields=st.dictionaries(st.sampled_from(WORKER_FIELDS), ANYTHING))
    def test_workers(self, fields: dict[str, Any]) -> None:
        """Any worker."""
        document = {"_id": WORKER_ID, "hashed_secret": HASH} | fields
        self.check(odd_documents.worker, worker_documents.worker, document)

    @settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(fields=st.dictionaries(st.sampled_from(UPDATE_FIELDS), ANYTHING))
    def test_updates(self, fields: dict[str, Any]) -> None:
        """Any update."""
        document = {"_id": TASK_ID, "task_id": TASK_ID} | fields
        self.check(odd_documents.update, _update_as_sent, document)


def _task_as_sent(document: dict[str, Any]) -> str:
    return json.dumps(task_document(documents.task(document), to_commands(document.get("commands"), None)))


def _update_as_sent(document: dict[str, Any]) -> bytes:
    update = update_documents.update(document)
    return batch([(update, update.received_at)])
