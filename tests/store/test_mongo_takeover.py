"""A farm that the original Manager ran goes on with this one: on the database that the original left."""

import base64
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from operator import itemgetter
from typing import Any

from attrs import evolve
from bson import ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient
from twisted.internet.interfaces import IReactorTime

from flamenco_mgr.demo.standin.behaviour import Refuse
from flamenco_mgr.demo.standin.endpoints import Endpoint
from flamenco_mgr.demo.standin.record import Outcome
from flamenco_mgr.domain.sleeping import SleepSchedule
from flamenco_mgr.settings import Settings
from flamenco_mgr.store.mongo import MongoStore
from tests.harness import SECRET, Answer, FarmTestCase
from tests.mongo.pump import turn
from tests.mongo.server import a_database, server
from tests.store import original_database
from tests.store.mongo_case import OnMongoDB

MORNING_AFTER = 1_795_600_000.0
"""Some hours after the original stopped."""

ITS_MANAGER = "6b058ecd002f540000000326"

RENDER_01 = "6b058ecd686c822f568dc7c0"
RENDER_02 = "6b058ecd686c822f568dc7c1"
RENDER_03 = "6b058ecd686c822f568dc7c2"
SLEEPER = "6b058ecd686c822f568dc7c3"
REGISTERED_ONLY = "6b058ecd686c822f568dc7c4"
WORKERS = (RENDER_01, RENDER_02, RENDER_03, SLEEPER, REGISTERED_ONLY)

ACTIVE_OF_RENDER_02 = "6b058ecd002f54000000032b"
SOFT_FAILED = "6b058ecd002f54000000032c"
NEVER_GIVEN = "6b058ecd002f54000000032d"
VIDEO = "6b058ecd002f540000000333"
CANCELED = "6b058ecd002f540000000335"
ACTIVE_OF_SLEEPER = "6b058ecd002f540000000336"
RETURNED = "6b058ecd002f540000000337"

NOT_PUSHED: Mapping[str, str] = {
    CANCELED: "cancel-requested",
    ACTIVE_OF_SLEEPER: "claimed-by-manager",
    RETURNED: "claimed-by-manager",
}
"""What the Server believes of the tasks of which updates wait for it."""


def credentials(worker: str) -> dict[str, str]:
    """Return the header with which a worker has always shown who it is."""
    text = f"{worker}:{original_database.SECRETS[worker]}"
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def as_the_server_has_them() -> Iterator[dict[str, Any]]:
    """Yield the Server's documents of the tasks."""
    for task in original_database.documents("flamenco_tasks"):
        copy = {name: value for name, value in task.items() if not name.startswith(("last_", "worker_id"))}
        document = plainly(copy)
        document["status"] = NOT_PUSHED.get(document["_id"], document["status"])
        yield {"_updated": "Tue, 24 Nov 2026 13:19:10 GMT", "_created": "Tue, 24 Nov 2026 13:19:09 GMT", **document}


def plainly(value: Any) -> Any:
    """Return a value as JSON has it."""
    if isinstance(value, dict):
        return {name: plainly(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plainly(item) for item in value]
    return str(value) if isinstance(value, ObjectId) else value


class TakeoverTests(OnMongoDB, FarmTestCase):
    settings = Settings(manager_id=ITS_MANAGER, manager_secret=SECRET, flamenco="http://server.invalid/")

    def setUp(self) -> None:
        super().setUp()
        self.server.add_manager(ITS_MANAGER, SECRET)
        self.server.books.load(as_the_server_has_them())

    def make_store(self, clock: IReactorTime) -> MongoStore:
        """Take the original's database over, in the morning after it stopped."""
        self.clock.advance(MORNING_AFTER - clock.seconds())
        self.mongo = server()
        database = a_database()
        self.addCleanup(self.mongo.drop, database)
        self.url = self.mongo.url(database)
        client: MongoClient[dict[str, Any]] = MongoClient(self.url)
        with client:
            original_database.fill(client.get_default_database())
        self.before = self.everything()
        self.opened = self.another_store(database, clock)
        return self.opened

    def settle(self) -> bool:
        """Let the commands that are on their way end."""
        link = self.opened._link
        if not link.in_flight:
            return False
        turn(lambda: not link.in_flight)
        return True

    def everything(self) -> dict[str, dict[str, RawBSONDocument]]:
        """Return every document with its bytes, by collection and id."""
        client: MongoClient[RawBSONDocument] = MongoClient(self.url, document_class=RawBSONDocument)
        with client:
            database = client.get_default_database()
            return {
                name: {str(one["_id"]): one for one in database[name].find()}
                for name in database.list_collection_names()
            }

    def ask(self, worker: str, method: str, path: str, **options: Any) -> Answer:
        """Send a request as a worker that the original knew."""
        return self.request(method, path, headers=credentials(worker), seconds=1.0, **options)

    def given(self, worker: str) -> str | None:
        """Return the id of the task that a worker is given; None if there is none for it."""
        answer = self.ask(worker, "POST", "/task")
        if answer.code == HTTPStatus.NO_CONTENT:
            return None
        self.assertEqual(answer.code, HTTPStatus.OK, answer.body)
        return str(answer.json["_id"])

    def heard(self, task: str) -> list[tuple[str, Outcome]]:
        """Return the ids of the updates of a task that the Server has heard, in order, with what it did."""
        return [(one.update_id, one.outcome) for one in self.server.record.received[task]]

    def test_sign_on(self) -> None:
        """All its workers sign on with the secrets that they always had; with another one nobody does."""
        for worker in WORKERS:
            self.assertEqual(self.ask(worker, "POST", "/sign-on", json={}).code, HTTPStatus.NO_CONTENT)
            self.assertEqual(self.worker(worker).status, "starting")
        wrong = self.request("POST", "/sign-on", worker=RENDER_03, json={}, seconds=1.0)
        self.assertEqual(wrong.code, HTTPStatus.UNAUTHORIZED)

    def test_goes_on(self) -> None:
        """A task that was active goes on where it was: its worker may run it, reports, and completes it."""
        self.assertEqual(self.ask(SLEEPER, "GET", f"/may-i-run/{ACTIVE_OF_SLEEPER}").json["may_keep_running"], True)
        self.assertEqual(self.ask(RENDER_03, "GET", f"/may-i-run/{ACTIVE_OF_SLEEPER}").json["may_keep_running"], False)
        report = {"activity": "slept well", "task_status": "completed"}
        answer = self.ask(SLEEPER, "POST", f"/tasks/{ACTIVE_OF_SLEEPER}/update", json=report)
        self.assertEqual(answer.code, HTTPStatus.NO_CONTENT)
        self.assertEqual(self.task(ACTIVE_OF_SLEEPER).status, "completed")

    def test_again(self) -> None:
        """A worker with an active task is given that one again, once it is what it was asked to become."""
        self.assertEqual(self.ask(RENDER_02, "POST", "/task").json, {"status_requested": "asleep"})
        for status in ("asleep", "awake"):
            self.ask(RENDER_02, "POST", f"/ack-status-change/{status}")
        self.assertEqual(self.given(RENDER_02), ACTIVE_OF_RENDER_02)

    def test_given(self) -> None:
        """The others are given what they may have, the best first; nobody what waits, is done, or it is banned from."""
        self.assertIsNone(self.given(RENDER_03))  # the video waits for its frames
        self.assertEqual(self.given(REGISTERED_ONLY), SOFT_FAILED)
        self.assertEqual(self.given(RENDER_01), RETURNED)  # the frames it is banned from
        answer = self.request("POST", "/task", worker=self.register("render-04"), seconds=1.0)
        self.assertEqual(answer.json["_id"], NEVER_GIVEN)
        self.assertEqual(self.task(VIDEO).status, "claimed-by-manager")

    def test_whole_numbers(self) -> None:
        """Whole numbers in settings, which the original kept as doubles, are sent as such."""
        answer = self.ask(REGISTERED_ONLY, "POST", "/task")
        self.assertIn(b'"cycles_num_chunks":8,', answer.body.replace(b" ", b""))

    def test_waiting_updates(self) -> None:
        """The updates that waited reach the Server: all of them, once, those of each task in the order they came in."""
        self.start()
        self.pass_time(15)
        self.assertEqual(self.queue(), ())
        waited = sorted(original_database.documents("task_update_queue"), key=itemgetter("received_on_manager", "_id"))
        for task in (CANCELED, ACTIVE_OF_SLEEPER, RETURNED):
            ids = [str(update["_id"]) for update in waited if str(update["task_id"]) == task]
            self.assertEqual([update_id for update_id, _ in self.heard(task)], ids)
            self.assertNotIn(Outcome.UNKNOWN_TASK, [outcome for _, outcome in self.heard(task)])
        statuses = {task: self.server.books.task(task).status for task in NOT_PUSHED}
        self.assertEqual(
            statuses,
            {CANCELED: "canceled", ACTIVE_OF_SLEEPER: "active", RETURNED: "claimed-by-manager"},
        )

    def test_local_status_stays(self) -> None:
        """What the Server has not heard yet it does not undo: a task stays what it is here while updates wait."""
        self.server.behave(Refuse(HTTPStatus.SERVICE_UNAVAILABLE), endpoint=Endpoint.PUSH)
        self.start()
        self.pass_time(15)
        self.assertEqual(self.task(ACTIVE_OF_SLEEPER).status, "active")
        self.assertEqual(self.task(CANCELED).status, "canceled")
        self.assertEqual(len(self.queue()), 11)

    def test_kept(self) -> None:
        """The blacklist stays byte for byte while the farm works; what we do not know, and schedules, stay, too."""
        for worker in WORKERS:
            self.ask(worker, "POST", "/sign-on", json={})
        self.given(REGISTERED_ONLY)
        self.start()
        self.pass_time(15)
        after = self.everything()
        self.assertEqual(_bytes(after["worker_blacklist"]), _bytes(self.before["worker_blacklist"]))
        for worker_id, before in self.before["flamenco_workers"].items():
            for name in ("blacklist", "time_cost", "hashed_secret", "status_requested"):
                self.assertEqual(after["flamenco_workers"][worker_id].get(name), before.get(name), name)
            schedules = (dict(one.get("sleep_schedule", {})) for one in (after["flamenco_workers"][worker_id], before))
            now, then = ({**schedule, "next_check": None} for schedule in schedules)
            self.assertEqual(now, then)

    def test_schedule(self) -> None:
        """A schedule of the original's acts, at ten seconds after the start if it was due in the night."""
        before = self.worker(RENDER_02).sleep_schedule
        days = ("mo", "tu", "we")
        expected = SleepSchedule(active=True, days=days, start="09:00", end="17:30", next_check=1_795_541_400.0)
        self.assertEqual(before, expected)
        self.change_worker(RENDER_02, status="awake", status_requested=None)
        self.start()
        self.pass_time(11)
        worker = self.worker(RENDER_02)
        self.assertEqual(worker.status_requested, "asleep")
        self.assertEqual(worker.sleep_schedule, evolve(expected, next_check=1_795_627_800.0))

    def test_mark(self) -> None:
        """The Server is asked from where the original had come: its mark is ours."""
        self.assertEqual(self.result_of(self.opened.mark.get()), "2026-11-24T13:19:09.738000+00:00")


def _bytes(documents: Mapping[str, RawBSONDocument]) -> dict[str, bytes]:
    return {document_id: bytes(document.raw) for document_id, document in documents.items()}
