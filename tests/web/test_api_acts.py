"""What scripts do to the farm: each act is answered as documented, and what is refused changes nothing."""

from typing import Any

from treq.testing import StubTreq

from flamenco_mgr.demo.standin.jobs import flat_job
from flamenco_mgr.domain.blacklist import BlacklistLine
from flamenco_mgr.domain.tasks import FailedBy
from flamenco_mgr.settings import Settings
from flamenco_mgr.store.interfaces import EventsAsked
from tests.builders import JOB, TASK, UPDATE, WORKER, a_task, an_update
from tests.harness import NOW, FarmTestCase

LOCAL = {"job_type": "manager-local"}
NOBODY = "f" * 24


class ActCase(FarmTestCase):
    """A farm without a Server, and a script that steers it."""

    settings = Settings()

    def act(self, method: str, path: str, code: int = 204, **options: Any) -> Any:
        """Do something; return what is said about it."""
        answer = self.request(method, f"/api/v1{path}", **options)
        self.assertEqual(answer.code, code, (path, answer.body))
        return answer.json if answer.body else None


class TaskActTests(ActCase):
    def test_requeue_active(self) -> None:
        """An active task comes back from its worker, which is told to stop."""
        worker = self.register()
        self.add(a_task())
        self.request("POST", "/task", worker=worker)
        self.act("POST", f"/tasks/{TASK}/requeue")
        self.assertEqual(self.task(TASK).status, "claimed-by-manager")
        self.assertEqual(self.statuses(TASK), ["active", "claimed-by-manager"])
        self.assertIs(self.request("GET", f"/may-i-run/{TASK}", worker=worker).json["may_keep_running"], False)
        self.assertIn("127.0.0.1 (render07): requeued by an operator", self.log_of(TASK))

    def test_requeue_refused(self) -> None:
        """What the Server decides is 409 with the reason."""
        self.add(a_task(status="failed"))
        error = self.act("POST", f"/tasks/{TASK}/requeue", 409)["error"]
        self.assertIn("only the Flamenco Server can requeue it", error)
        self.assertEqual((self.task(TASK).status, self.queue()), ("failed", ()))
        self.act("POST", f"/tasks/{NOBODY}/requeue", 404)

    def test_requeue_local(self) -> None:
        """A task of our own is given to a worker again, also to one that failed at it."""
        worker = self.register()
        self.add(a_task(status="failed", failed_by=(FailedBy(id=worker),), **LOCAL))
        self.assertEqual(self.request("POST", "/task", worker=worker).code, 204)
        self.act("POST", f"/tasks/{TASK}/requeue")
        self.assertEqual(self.request("POST", "/task", worker=worker).json["_id"], TASK)
        self.assertEqual(self.queue(), ())

    def test_cancel_local(self) -> None:
        """A running task of our own is cancelled when its worker has stopped; twice is as good as once."""
        worker = self.register()
        self.add(a_task(**LOCAL))
        self.request("POST", "/task", worker=worker)
        for _ in range(2):
            self.act("POST", f"/tasks/{TASK}/cancel")
            self.assertEqual(self.task(TASK).status, "cancel-requested")
        self.assertIs(self.request("GET", f"/may-i-run/{TASK}", worker=worker).json["may_keep_running"], False)
        self.start()
        self.pass_time(70)
        self.assertEqual(self.task(TASK).status, "canceled")
        self.assertEqual(self.task(TASK).activity, "Manager cancelled task by request of an operator")

    def test_cancel_refused(self) -> None:
        """The Server's tasks are cancelled there."""
        self.add(a_task())
        self.assertIn("cancel it there", self.act("POST", f"/tasks/{TASK}/cancel", 409)["error"])
        self.assertEqual(self.task(TASK).status, "claimed-by-manager")
        self.act("POST", f"/tasks/{NOBODY}/cancel", 404)


class WorkerActTests(ActCase):
    def setUp(self) -> None:
        super().setUp()
        self.me = self.register()
        self.path = f"/workers/{self.me}"

    def test_request(self) -> None:
        """A status is asked for, lazily or at once; asking for the present one withdraws that."""
        self.change_worker(self.me, status="awake")
        self.act("POST", f"{self.path}/request", json={"status": "asleep", "lazy": True})
        self.assertEqual(
            (self.worker(self.me).status_requested, self.worker(self.me).lazy_status_request), ("asleep", True)
        )
        self.act("POST", f"{self.path}/request", json={"status": "shutdown"})
        self.assertIs(self.worker(self.me).lazy_status_request, False)
        self.act("POST", f"{self.path}/request", json={"status": "awake"})
        self.assertIsNone(self.worker(self.me).status_requested)

    def test_request_refused(self) -> None:
        """Nonsense is 400, what makes no sense now 409, an unknown worker 404."""
        self.change_worker(self.me, status="offline")
        before = self.worker(self.me)
        for body, code in (
            ({"status": "timeout"}, 400),
            ({"status": ["asleep"]}, 400),
            ({"status": "asleep", "lazy": "yes"}, 400),
            ({"status": "asleep", "when": "now"}, 400),
            ({}, 400),
            ([], 400),
            ({"status": "shutdown"}, 409),
        ):
            self.act("POST", f"{self.path}/request", code, json=body)
        self.act("POST", f"/workers/{NOBODY}/request", 404, json={"status": "asleep"})
        self.assertEqual(self.worker(self.me), before)

    def test_timeout(self) -> None:
        """A time-out is acknowledged once."""
        self.change_worker(self.me, status="timeout")
        self.act("POST", f"{self.path}/ack-timeout")
        self.assertEqual(self.worker(self.me).status, "offline")
        self.assertIn("timeout", self.act("POST", f"{self.path}/ack-timeout", 409)["error"])

    def test_schedule(self) -> None:
        """A schedule replaces the one before; one that is none changes nothing."""
        self.act("PUT", f"{self.path}/sleep-schedule", json={"schedule_active": True, "days_of_week": "mo tu"})
        self.act("PUT", f"{self.path}/sleep-schedule", json={"time_start": "22:00", "time_end": "6:00"})
        schedule = self.worker(self.me).sleep_schedule
        self.assertEqual((schedule.active, schedule.days, schedule.start, schedule.end), (False, (), "22:00", "06:00"))
        for body in ({"time_start": "99:99"}, {"days_of_week": "m"}, {"schedule_active": 1}, {"nights": ""}, 5):
            self.act("PUT", f"{self.path}/sleep-schedule", 400, json=body)
        self.assertEqual(self.worker(self.me).sleep_schedule, schedule)

    def test_test_job(self) -> None:
        """Only a worker that is testing is sent a test job."""
        self.assertIn("testing", self.act("POST", f"{self.path}/test-job", 409)["error"])

    def test_forget(self) -> None:
        """A forgotten worker is gone."""
        self.act("DELETE", self.path)
        self.act("DELETE", self.path, 404)
        self.assertIsNone(self.result_of(self.store.workers.get(self.me)))

    def test_blacklist(self) -> None:
        """A line of the blacklist is removed by its three parts; that there is none is as good."""
        line = BlacklistLine(worker_id=self.me, job=JOB, task_type="a/b c", created=NOW)
        self.assertTrue(self.result_of(self.store.blacklist.add(line)))
        path = f"/blacklist?worker={self.me}&job={JOB}&task_type=a/b%20c"
        self.act("DELETE", path.replace("a/b", "a"))
        self.assertEqual(len(self.request("GET", "/api/v1/blacklist").json["items"]), 1)
        for _ in range(2):
            self.act("DELETE", path)
        self.assertEqual(self.request("GET", "/api/v1/blacklist").json["items"], [])
        for part in (f"?worker={self.me}&job={JOB}", "?worker=x&job=y&task_type=z", ""):
            self.act("DELETE", f"/blacklist{part}", 400)

    def test_long_task_type(self) -> None:
        """Lines of task types of any length are listed page by page, and each can be removed."""
        types = ["t" * 5_000 + str(number) for number in range(3)]
        for one in types:
            line = BlacklistLine(worker_id=self.me, job=JOB, task_type=one, created=NOW)
            self.assertTrue(self.result_of(self.store.blacklist.add(line)))
        page = self.request("GET", "/api/v1/blacklist?limit=1").json
        listed = page["items"]
        while page["next"] is not None:
            page = self.request("GET", f"/api/v1/blacklist?limit=1&cursor={page['next']}").json
            listed += page["items"]
        self.assertEqual(sorted(line["task_type"] for line in listed), types)
        for one in types:
            self.act("DELETE", f"/blacklist?worker={self.me}&job={JOB}&task_type={one}")
        self.assertEqual(self.request("GET", "/api/v1/blacklist").json["items"], [])


class ParkedTests(ActCase):
    def park(self, **changes: Any) -> None:
        """Have an update parked."""
        self.result_of(self.store.updates.add(an_update(**changes)))
        (queued,) = (one for one in self.queue() if one.update.id == UPDATE)
        self.result_of(self.store.updates.park(queued, "the Server answered 422", NOW))

    def test_retry(self) -> None:
        """A parked update is queued again, under a new id, as the newest word of its task."""
        self.add(a_task(status="completed", worker_id=WORKER))
        self.park(status="completed", activity="done")
        self.act("POST", f"/updates/parked/{UPDATE}/retry")
        (queued,) = self.queue()
        self.assertEqual((queued.update.status, queued.update.activity), ("completed", "done"))
        self.assertEqual(queued.update.received_at, NOW)
        self.assertNotEqual(queued.update.id, UPDATE)
        self.assertEqual(self.result_of(self.store.updates.parked()), ())
        self.act("POST", f"/updates/parked/{UPDATE}/retry", 404)

    def test_at_once(self) -> None:
        """Of operators that decide about one update at the same time one is obeyed, and the others are told."""
        self.add(a_task(status="completed", worker_id=WORKER))
        path = f"http://manager.invalid:8080/api/v1/updates/parked/{UPDATE}"
        retry, drop = ("POST", f"{path}/retry"), ("DELETE", path)
        for acts, told in (((retry, retry, retry), 1), ((retry, drop), 1), ((drop, retry, drop), 0)):
            self.park(status="completed")
            answers = [self.http.request(*act) for act in acts]
            codes = [self.result_of(answer).code for answer in answers]
            self.assertEqual(codes, [204, *[404] * (len(acts) - 1)])
            self.assertEqual((len(self.queue()), self.result_of(self.store.updates.parked())), (told, ()))
            self.result_of(self.store.updates.handled(self.queue()))
            self.result_of(self.store.lease.look())  # whoever holds it sees what was recorded at once
            self.result_of(self.store.history.events(EventsAsked(), None, 1, newest_first=False))
        events = self.result_of(self.store.history.events(EventsAsked(kind="operator"), None, 9, newest_first=False))
        texts = [f"parked update {what}" for what in ("is to be told again", "is to be told again", "was dropped")]
        self.assertEqual([recorded.event.text for recorded in events.items], texts)

    def test_two_managers(self) -> None:
        """Of what two Managers are told at the same instant one thing happens; the other one says 409 or 404."""
        self.add(a_task(status="completed", worker_id=WORKER))
        other: Any = StubTreq(self.wired().workers_api)
        path = f"http://manager.invalid:8080/api/v1/updates/parked/{UPDATE}"
        retry, drop = ("POST", f"{path}/retry"), ("DELETE", path)
        for first, second in ((retry, retry), (retry, drop), (drop, retry), (drop, drop)):
            self.park(status="completed")
            answers = [self.http.request(*first), other.request(*second)]
            for _ in range(50):
                self._turn()
                other.flush()
            codes = [self.result_of(answer).code for answer in answers]
            self.assertEqual(codes.count(204), 1, codes)
            self.assertLessEqual(set(codes), {204, 404, 409})
            told = int((first, second)[codes.index(204)] == retry)
            self.assertEqual((len(self.queue()), self.result_of(self.store.updates.parked())), (told, ()))
            self.result_of(self.store.updates.handled(self.queue()))

    def test_retry_unknown(self) -> None:
        """So is one of a task that is not here."""
        self.park(status="canceled")
        self.act("POST", f"/updates/parked/{UPDATE}/retry")
        self.assertEqual([queued.update.status for queued in self.queue()], ["canceled"])

    def test_retry_late(self) -> None:
        """A status that the task no longer has stays parked: the Server would take it for the newest."""
        self.add(a_task(status="claimed-by-manager"))
        self.park(status="completed")
        self.assertIn("would be told after that", self.act("POST", f"/updates/parked/{UPDATE}/retry", 409)["error"])
        self.assertEqual((self.queue(), len(self.result_of(self.store.updates.parked()))), ((), 1))

    def test_drop(self) -> None:
        """A dropped update is gone; the Server never hears of it."""
        self.park(status="canceled")
        self.act("DELETE", f"/updates/parked/{UPDATE}")
        self.act("DELETE", f"/updates/parked/{UPDATE}", 404)
        self.assertEqual((self.queue(), self.result_of(self.store.updates.parked())), ((), ()))


class KickTests(FarmTestCase):
    def test_kick(self) -> None:
        """dashboard.md W17: the Server is asked for tasks, nobody waits, and the event log tells when and what came."""
        self.start()
        self.pass_time(1)
        self.server.books.add_job(flat_job(2))
        before = len(self.server.record.downloads)
        answer = self.request("POST", "/api/v1/kick")
        self.assertEqual((answer.code, answer.json["linked"]), (202, True))
        path = f"/api/v1/events?kind=download&after={answer.json['after']}"
        self.pass_time(1)
        self.assertGreater(len(self.server.record.downloads), before)
        (event,) = self.request("GET", path).json["items"]
        came = "2 tasks came from the Server, 2 of them new or changed"
        self.assertEqual((event["after"], event["text"]), ("completed", came))


class NoServerKickTests(ActCase):
    def test_kick(self) -> None:
        """Where there is no Server it is said, and nothing else happens."""
        self.assertEqual(self.act("POST", "/kick", 202), {"linked": False, "after": 0})
