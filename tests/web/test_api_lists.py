"""Pages of what the farm keeps, as scripts read them."""

from typing import Any

from flamenco_mgr.domain.blacklist import BlacklistLine
from flamenco_mgr.domain.events import Event
from flamenco_mgr.settings import Settings
from tests.builders import JOB, TASK, WORKER, a_task, an_update
from tests.harness import NOW, FarmTestCase

OTHER_JOB = "5e6a2b7d9d3b4a0017c0b002"


def number(of: int) -> str:
    """Return an id; a greater number's is greater."""
    return f"{of:024x}"


class APICase(FarmTestCase):
    """A farm without a Server, and a script that asks about it."""

    settings = Settings()

    def setUp(self) -> None:
        super().setUp()
        while not self.store.lease.held:  # whoever holds it sees what was recorded at once
            self.result_of(self.store.lease.look())

    def get(self, path: str, code: int = 200) -> Any:
        """Return what is answered to a GET."""
        answer = self.request("GET", f"/api/v1{path}")
        self.assertEqual((answer.code, answer.content_type), (code, "application/json"), answer.body)
        return answer.json

    def items(self, path: str, limit: int) -> list[Any]:
        """Return all items of a list, read page by page."""
        found: list[Any] = []
        more = f"{'&' if '?' in path else '?'}limit={limit}"
        page = self.get(path + more)
        for _ in range(100):
            self.assertLessEqual(len(page["items"]), limit)
            found += page["items"]
            if page["next"] is None:
                return found
            page = self.get(f"{path}{more}&cursor={page['next']}")
        raise AssertionError("the list does not end")

    def everything(self, path: str) -> list[Any]:
        """Return the ids of a list; they are the same whatever the size of its pages."""
        found = [one["_id"] for one in self.items(path, 500)]
        for limit in (1, 2, 3):
            self.assertEqual([one["_id"] for one in self.items(path, limit)], found)
        return found


class ListTests(APICase):
    def setUp(self) -> None:
        super().setUp()
        self.add(
            *(a_task(id=number(one), name=f"frame-{one}") for one in range(1, 5)),
            a_task(job=OTHER_JOB, status="completed", name="Video", worker_id=WORKER, job_priority=7),
        )
        self.result_of(self.store.overview.recount())

    def test_jobs(self) -> None:
        """The jobs, the newest first, with the numbers of their tasks by status."""
        self.assertEqual(self.everything("/jobs"), [OTHER_JOB, JOB])
        other, job = self.get("/jobs")["items"]
        self.assertEqual((job["by_status"], job["total"]), ({"claimed-by-manager": 4}, 4))
        self.assertEqual((other["job_priority"], other["job_type"]), (7, "blender-render"))
        self.assertEqual(self.get(f"/jobs/{JOB.upper()}")["by_status"], job["by_status"])
        self.assertIn("no task of job", self.get(f"/jobs/{'f' * 24}", 404)["error"])

    def test_tasks(self) -> None:
        """Tasks by job, status, worker and beginning; several conditions hold together."""
        some = [number(one) for one in range(1, 5)]
        self.assertEqual(sorted(self.everything("/tasks")), sorted([*some, TASK]))
        for asked, expected in (
            (f"job={JOB}", some),
            ("status=completed", [TASK]),
            (f"worker={WORKER}", [TASK]),
            ("begins=frame-", some),
            ("begins=FRAME-2", [number(2)]),
            ("begins=video", [TASK]),
            (f"begins={TASK}", [TASK]),
            (f"job={JOB}&status=completed", []),
            (f"job={OTHER_JOB}&status=completed&worker={WORKER}&begins=v", [TASK]),
            ("status=nonsense", []),
        ):
            self.assertEqual(sorted(self.everything(f"/tasks?{asked}")), sorted(expected), asked)

    def test_task(self) -> None:
        """One task has its commands, what the Server has yet to hear of it, and its history, the newest first."""
        worker = self.register()
        self.request("POST", "/task", worker=worker)
        task = self.get(f"/tasks/{number(1)}")
        self.assertEqual((task["status"], task["worker"], task["worker_id"]), ("active", "render07", worker))
        self.assertEqual(task["commands"], [{"name": "echo", "settings": {}}])
        self.assertEqual([update["status"] for update in task["updates"]["items"]], ["active"])
        (event,) = task["events"]["items"]
        self.assertEqual((event["before"], event["after"], event["worker"]), ("claimed-by-manager", "active", worker))
        self.assertEqual((event["at"], event["kind"]), ("2019-11-12T13:57:12Z", "task"))
        self.assertIn("is not here", self.get(f"/tasks/{'f' * 24}", 404)["error"])

    def test_another_list(self) -> None:
        """A cursor is good for the list that it came from, asked for in the same way, and for no other."""
        cursor = self.get("/tasks?limit=1")["next"]
        for path in (
            f"/tasks?job={JOB}",
            "/jobs?",
            "/updates?",
            "/updates/parked?",
            "/events?",
            "/workers?",
            "/blacklist?",
        ):
            error = self.get(f"{path}&cursor={cursor}".replace("?&", "?"), 400)["error"]
            self.assertIn("cursor is none of this list", error)


class WorkerListTests(APICase):
    def test_workers(self) -> None:
        """Workers are listed by name, and the objects are those of the status report."""
        ids = [self.register(name) for name in ("b", "a", "c")]
        self.change_worker(ids[2], status="asleep")
        self.assertEqual(self.everything("/workers"), [ids[1], ids[0], ids[2]])
        self.assertEqual(self.everything("/workers?status=asleep"), [ids[2]])
        report = self.request("GET", "/as-json").json["workers"]
        self.assertEqual(self.get("/workers")["items"], report)
        self.assertEqual(self.get(f"/workers/{ids[1]}"), report[0])
        self.assertIn("no worker", self.get(f"/workers/{'f' * 24}", 404)["error"])

    def test_blacklist(self) -> None:
        """The lines of the blacklist are listed, the oldest first, until they expire."""
        worker = self.register()
        for one in range(3):
            line = BlacklistLine(worker_id=worker, job=number(one), task_type="a/b", created=NOW - one)
            self.assertTrue(self.result_of(self.store.blacklist.add(line)))
        gone = BlacklistLine(worker_id=WORKER, job=JOB, task_type="x", created=NOW - 9)
        old = BlacklistLine(worker_id=WORKER, job=OTHER_JOB, task_type="x", created=NOW - 8 * 24 * 3600)
        for line in (gone, old):
            self.assertTrue(self.result_of(self.store.blacklist.add(line)))
        lines = self.items("/blacklist", 2)
        self.assertEqual([line["job"] for line in lines], [JOB, number(2), number(1), number(0)])
        self.assertEqual([line["nickname"] for line in lines], [None, *["render07"] * 3])
        self.assertEqual(lines[3]["created"], "2019-11-12T13:57:12Z")
        self.assertEqual(lines[3]["task_type"], "a/b")


class UpdateListTests(APICase):
    def test_waiting(self) -> None:
        """What waits is listed in the order in which the Server will hear it, of one task or all."""
        for one in range(5):
            update = an_update(id=number(one), task_id=number(one % 2), status="canceled", received_at=NOW - 3)
            self.result_of(self.store.updates.add(update))
        self.assertEqual(self.everything("/updates"), [number(one) for one in range(5)])
        self.assertEqual(self.everything(f"/updates?task={number(1)}"), [number(1), number(3)])
        first = self.get("/updates?limit=1")["items"][0]
        self.assertEqual((first["age"], first["received"], first["unhandled"]), (3.0, "2019-11-12T13:57:09Z", 0))

    def test_parked(self) -> None:
        """What is parked is listed with the Server's words."""
        for one in range(3):
            self.result_of(self.store.updates.add(an_update(id=number(one), task_id=number(one))))
        for queued in self.queue():
            self.result_of(self.store.updates.park(queued, "the Server answered 422", NOW))
        self.assertEqual(self.everything("/updates/parked"), [number(one) for one in range(3)])
        parked = self.get("/updates/parked")["items"][0]
        self.assertEqual((parked["reason"], parked["parked"]), ("the Server answered 422", "2019-11-12T13:57:12Z"))


class EventTests(APICase):
    def note(self, *texts: str, **about: Any) -> None:
        for text in texts:
            self.result_of(self.store.history.note(Event(at=NOW, text=text, **({"kind": "farm"} | about))))

    def texts(self, path: str) -> list[str]:
        found = [event["text"] for event in self.items(path, 500)]
        self.assertEqual([event["text"] for event in self.items(path, 2)], found)
        return found

    def test_newest_first(self) -> None:
        """Events come newest first, all of them or those of a task, job, worker or kind."""
        self.note("one", "two", "three")
        self.note("of a task", kind="task", task=TASK, job=JOB, worker=WORKER)
        self.note("by an operator", kind="operator", worker=WORKER)
        self.assertEqual(self.texts("/events"), ["by an operator", "of a task", "three", "two", "one"])
        for asked, expected in (
            (f"task={TASK}", ["of a task"]),
            (f"job={JOB}", ["of a task"]),
            (f"worker={WORKER}", ["by an operator", "of a task"]),
            ("kind=operator", ["by an operator"]),
            (f"kind=operator&worker={WORKER}", ["by an operator"]),
            ("kind=worker", []),
        ):
            self.assertEqual(self.texts(f"/events?{asked}"), expected, asked)

    def test_followed(self) -> None:
        """Whoever goes forwards and keeps what is next misses nothing, and hears nothing twice."""
        page = self.get("/events?after=start")
        self.assertEqual(page["items"], [])
        heard: list[str] = []
        for round_ in range(4):
            self.note(*(f"{round_}.{one}" for one in range(3)))
            for _ in range(3):
                page = self.get(f"/events?limit=2&after={page['next']}")
                heard += [event["text"] for event in page["items"]]
            self.assertEqual(page["items"], [])
        self.assertEqual(heard, [f"{round_}.{one}" for round_ in range(4) for one in range(3)])

    def test_behind_an_event(self) -> None:
        """Whoever knows an event goes on behind it, in any list of events; what is no place of one is refused."""
        self.note("one", "two", "three")
        two = self.get("/events?limit=2")["items"][1]["place"]
        self.note("act", kind="operator")
        page = self.get(f"/events?after={two}&limit=1")
        self.assertEqual([event["text"] for event in page["items"]], ["three"])
        page = self.get(f"/events?after={page['next']}")
        self.assertEqual([event["text"] for event in page["items"]], ["act"])
        page = self.get(f"/events?after={two}&kind=operator")
        self.assertEqual([event["text"] for event in page["items"]], ["act"])
        page = self.get(f"/events?after={'9' * 18}")
        self.assertEqual(page["items"], [])
        for wrong in ("9" * 19, "-1", "1.5", "x", "%C2%B2"):
            self.assertIn("begin again", self.get(f"/events?after={wrong}", 400)["error"])

    def test_acts(self) -> None:
        """What operators do with tasks and parked updates is in the log."""
        self.add(a_task(status="active", worker_id=WORKER))
        self.assertEqual(self.request("POST", f"/api/v1/tasks/{TASK}/requeue").code, 204)
        (act,) = self.get("/events?kind=operator")["items"]
        self.assertEqual((act["task"], act["before"], act["after"]), (TASK, "active", "claimed-by-manager"))
