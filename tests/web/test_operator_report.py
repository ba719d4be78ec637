"""The report of the farm over HTTP (dashboard.md 3)."""

from typing import Any

from attrs import evolve
from treq.testing import StubTreq
from twisted.web.resource import IResource

from flamenco_mgr.domain.blacklist import BlacklistLine
from flamenco_mgr.domain.sleeping import SleepSchedule
from flamenco_mgr.domain.tasks import MANAGER_LOCAL
from flamenco_mgr.farm.report import FarmReport
from flamenco_mgr.settings import Settings
from flamenco_mgr.settings.schema import UserAuthentication
from flamenco_mgr.store.interfaces import StoreUnavailable
from flamenco_mgr.web.auth import WorkerAuth
from flamenco_mgr.web.operator_access import OperatorAccess
from flamenco_mgr.web.operator_pages import ManagerFacts, OperatorPages
from flamenco_mgr.web.routes import Routes
from tests.builders import JOB, TASK, a_task, a_worker
from tests.harness import NOW
from tests.store.contract.case import an_id
from tests.web.operators import OperatorCase
from tests.web.wires import WireTestCase

NOBODY = "ffffffffffffffffffffffff"


class ReporterInTrouble:
    """Has a store that cannot answer."""

    async def report(self, *_: object) -> FarmReport:
        raise StoreUnavailable("the disk is full")


class ReportTests(OperatorCase):
    def test_empty(self) -> None:
        """A farm with nothing in it has all keys, and an empty list of workers."""
        report = self.report()
        self.assertEqual(
            report.keys(),
            {
                *("nr_of_workers", "nr_of_tasks", "upstream_queue_size", "version", "workers", "manager_name"),
                *("manager_mode", "server", "duties", "time_zone"),
            },
        )
        self.assertEqual((report["nr_of_workers"], report["nr_of_tasks"], report["workers"]), (0, 0, []))
        self.assertEqual((report["manager_name"], report["manager_mode"]), ("Flamenco Manager", "production"))
        self.assertEqual(report["server"], {"name": "server.invalid", "url": "http://server.invalid/flamenco/"})

    def test_new_worker(self) -> None:
        """A worker that only registered has the keys that are always there, and no others."""
        worker = self.register("w1", "a", "b")
        (shown,) = self.report()["workers"]
        self.assertEqual(
            shown,
            {
                "_id": worker,
                "nickname": "w1",
                "address": "127.0.0.1",
                "platform": "linux",
                "software": "",
                "status": "",
                "status_requested": "",
                "lazy_status_request": False,
                "supported_task_types": ["a", "b"],
                "time_cost": 0,
                "sleep_schedule": {"schedule_active": False},
            },
        )

    def test_everything(self) -> None:
        """A worker is shown with its task and that task's job, its wishes, its week, its illness and its blacklist."""
        self.add(a_task(job_type=MANAGER_LOCAL), a_task(id=an_id(5), status="completed"))
        schedule = SleepSchedule(active=True, days=("mo",), start="09:00", end="18:00", next_check=NOW + 60)
        worker = a_worker(
            status="awake",
            status_requested="asleep",
            lazy_status_request=True,
            last_activity=NOW,
            current_task=TASK,
            current_task_status="active",
            current_task_updated=NOW + 0.5,
            sleep_schedule=schedule,
            sick="it failed at 5 jobs",
        )
        self.result_of(self.store.workers.add(worker))
        line = BlacklistLine(worker_id=worker.id, job=JOB, task_type="sleep", created=NOW)
        other = BlacklistLine(worker_id=NOBODY, job=JOB, task_type="sleep", created=NOW)
        for one in (line, other):
            self.assertTrue(self.result_of(self.store.blacklist.add(one)))
        self.result_of(self.store.overview.recount())
        report = self.report()
        (shown,) = report["workers"]
        self.assertEqual((report["nr_of_workers"], report["nr_of_tasks"]), (1, 2))
        expected = {
            "status_requested": "asleep",
            "lazy_status_request": True,
            "current_task": TASK,
            "current_job": JOB,
            "current_task_status": "active",
            "current_task_updated": "2019-11-12T13:57:12.500Z",
            "last_activity": "2019-11-12T13:57:12.000Z",
            "sick": "it failed at 5 jobs",
            "sleep_schedule": {
                "schedule_active": True,
                "days_of_week": "mo",
                "time_start": "09:00",
                "time_end": "18:00",
                "next_check": "2019-11-12T13:58:12.000Z",
            },
            "blacklist": [
                {
                    "_created": "2019-11-12T13:57:12.000Z",
                    "worker_id": worker.id,
                    "job_id": JOB,
                    "task_type": "sleep",
                }
            ],
        }
        self.assertEqual({name: shown.get(name) for name in expected}, expected)
        self.assertNotIn("hashed_secret", shown)

    def test_many(self) -> None:
        """The jobs of many workers' tasks are each the right one."""
        for number in range(30):
            worker = a_worker(id=an_id(number), current_task=an_id(1000 + number))
            self.result_of(self.store.workers.add(worker))
        self.add(*(a_task(id=an_id(1000 + number), job=an_id(number % 3)) for number in range(30)))
        shown = {one["current_task"]: one["current_job"] for one in self.report()["workers"]}
        self.assertEqual(shown, {an_id(1000 + number): an_id(number % 3) for number in range(30)})

    def test_task_that_is_gone(self) -> None:
        """A current task that is not here any more is shown without a job."""
        self.result_of(self.store.workers.add(a_worker(current_task=TASK)))
        (shown,) = self.report()["workers"]
        self.assertEqual((shown["current_task"], "current_job" in shown), (TASK, False))

    def test_order_and_pages(self) -> None:
        """Workers come by nickname, then status; a page at a time if asked, with a cursor for the next."""
        names = [("b", "awake"), ("a", "timeout"), ("b", "asleep"), ("B", ""), ("ä", ""), ("a", "asleep")]
        for number, (nickname, status) in enumerate(names):
            self.result_of(self.store.workers.add(a_worker(id=an_id(number), nickname=nickname, status=status)))
        whole = self.report()
        self.assertNotIn("next", whole)
        shown = [(one["nickname"], one["status"]) for one in whole["workers"]]
        self.assertEqual(shown, sorted(names))
        paged, query = [], "?limit=4"
        while query:
            page = self.report(query)
            self.assertEqual(page["nr_of_workers"], 6)
            paged += page["workers"]
            query = f"?limit=4&cursor={page['next']}" if page["next"] else ""
        self.assertEqual(paged, whole["workers"])

    def test_unchanged(self) -> None:
        """Whoever has the report as it is, is told so; others are told not to keep it."""
        self.register()
        first = self.result_of(self.http.get("http://manager.invalid:8080/as-json"))
        self.assertEqual(first.headers.getRawHeaders("Cache-Control"), ["no-cache"])
        (tag,) = first.headers.getRawHeaders("ETag")
        self.result_of(first.content())
        self.assertEqual(self.request("GET", "/as-json", headers={"If-None-Match": tag}).code, 304)
        self.register("another")
        self.assertEqual(self.request("GET", "/as-json", headers={"If-None-Match": tag}).code, 200)

    def test_bad_pages(self) -> None:
        """Sizes of pages that are none, cursors from elsewhere, and unknown parameters are 400."""
        for query in (
            *("limit=-1", "limit=1000000000", "limit=0", "limit=", "limit=x", "limit=1&limit=2", "page=1"),
            *("cursor=", "cursor=x", "cursor=WyJhIl0", "cursor=%ff", "cursor=" + "x" * 3000),
        ):
            answer = self.request("GET", f"/as-json?{query}")
            self.assertEqual((answer.code, list(answer.json)), (400, ["error"]), query[:50])


class TroubledReportTests(WireTestCase):
    def resource(self) -> IResource:
        facts = ManagerFacts(version="", name="", mode="", server_url="")
        nothing: Any = None
        reporter: Any = ReporterInTrouble()
        pages = OperatorPages(operating=nothing, reporter=reporter, facts=facts, clock=self.clock)
        routes = Routes(WorkerAuth(nothing), self.clock, OperatorAccess(open_to_all=True, machine="manager"))
        pages.add_to(routes)
        return routes.resource()

    def test_store_is_away(self) -> None:
        """When the store cannot answer, the report is 503 in JSON, and not half a report (dashboard.md W10)."""
        answer = self.ask("GET", "/as-json", headers={})
        self.assertEqual((answer.status, answer.json), (503, {"error": "the disk is full"}))


class UnlinkedTests(OperatorCase):
    """A Manager without a Server."""

    settings = Settings()

    def test_report(self) -> None:
        """The report has no Server, and a kick is fine though nobody is asked."""
        self.assertEqual(self.report()["server"], {"name": "", "url": ""})
        self.start()
        self.assertEqual(self.request("POST", "/kick").code, 200)


class WiredAccessTests(OperatorCase):
    """Who may is up to the configuration."""

    def codes(self) -> list[int]:
        """Ask from this machine: plainly, through a proxy, and from a foreign page."""
        asking: tuple[dict[str, str], ...] = ({}, {"X-Forwarded-For": "9.9.9.9"}, {"Origin": "http://evil.example"})
        return [self.request("GET", "/as-json", headers=headers).code for headers in asking]

    def test_closed(self) -> None:
        """By default only this machine's users see the farm."""
        self.assertEqual(self.codes(), [200, 403, 403])

    def test_open(self) -> None:
        """With ``user_authentication.disableSecurity`` everybody does, but no page of somebody else's."""
        self.settings = evolve(self.settings, user_authentication=UserAuthentication(disable_security=True))
        self.farm = self.wired()
        self.http = StubTreq(self.farm.workers_api)
        self.assertEqual(self.codes(), [200, 200, 403])
