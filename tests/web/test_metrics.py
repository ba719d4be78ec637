"""What Prometheus is told."""

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from flamenco_mgr import __version__
from tests.builders import TASK, a_task, an_update
from tests.harness import NOW, FarmTestCase

Samples = Mapping[str, Mapping[tuple[tuple[str, str], ...], float]]


class MetricsTests(FarmTestCase):
    def samples(self) -> Samples:
        """Return all that is told: by name, then by labels."""
        answer = self.request("GET", "/metrics")
        self.assertEqual(answer.code, 200)
        self.assertTrue(answer.content_type.startswith("text/plain; version="), answer.content_type)
        found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
        for family in text_string_to_metric_families(answer.body.decode()):
            for sample in family.samples:
                of_name = found.setdefault(sample.name, {})
                labels = tuple(sorted(sample.labels.items()))
                self.assertNotIn(labels, of_name, sample.name)
                of_name[labels] = sample.value
        return found

    def value(self, name: str, **labels: str) -> float:
        """Return one number."""
        return self.samples()[f"flamenco_{name}"][tuple(sorted(labels.items()))]

    def test_requests(self) -> None:
        """Requests are counted by route and class of status, with how long they took; paths and ids are in no label."""
        me = self.register()
        for task in (TASK, "f" * 24):
            self.request("GET", f"/may-i-run/{task}", worker=me)
        self.request("GET", f"/may-i-run/{TASK}")
        route = {"method": "GET", "route": "/may-i-run/<task_id>"}
        self.assertEqual(self.value("requests_total", **route, status="2xx"), 2)
        self.assertEqual(self.value("requests_total", **route, status="4xx"), 1)
        self.assertEqual(self.value("request_duration_seconds_count", **route), 3)
        self.assertEqual(self.value("request_duration_seconds_bucket", **route, le="+Inf"), 3)
        body = self.request("GET", "/metrics").body
        for secret in (me, TASK, "render07", "s" * 64):
            self.assertNotIn(secret.encode(), body)

    def test_unknown_paths(self) -> None:
        """Whatever is asked for that is not there is one series, however many paths and methods somebody makes up."""
        for one in range(20):
            self.request("GET", f"/nothing/{one}")
            self.request(f"FROB{one}", "/task")
        other = {"method": "other", "route": "other"}
        self.assertEqual(self.value("requests_total", **other, status="4xx"), 40)
        self.assertEqual(len(self.samples()["flamenco_requests_total"]), 2)

    def test_farm(self) -> None:
        """Tasks and workers by status, claims, updates that wait and how long; they are at most five seconds old."""
        me = self.register()
        self.add(a_task(job_type="manager-local"), a_task(id="f" * 24, status="frobnicated"))
        self.result_of(self.store.overview.recount())
        self.result_of(self.store.updates.add(an_update(task_id="0" * 24, received_at=NOW - 30)))
        self.assertEqual(self.value("tasks", status="claimed-by-manager"), 1)
        self.assertEqual(self.value("tasks", status="other"), 1)
        self.assertEqual(self.value("tasks", status="failed"), 0)
        self.assertEqual(self.value("workers", status="other"), 1)
        self.assertEqual((self.value("updates_waiting"), self.value("updates_oldest_age_seconds")), (1, 30))
        self.assertEqual(self.value("claims_total"), 0)
        self.request("POST", "/task", worker=me)
        self.request("POST", "/task", worker=me)
        self.assertEqual(self.value("claims_total"), 1)
        self.clock.advance(5)
        self.result_of(self.store.overview.recount())
        self.assertEqual(self.value("tasks", status="active"), 1)
        self.assertEqual(self.value("workers", status="awake"), 1)

    def test_server(self) -> None:
        """How it stands with the Server: whether it answers, and what became of the pushes."""
        self.assertEqual(self.value("server_linked"), 1)
        self.assertNotIn("flamenco_server_reachable", self.samples())
        self.result_of(self.store.updates.add(an_update(task_id="0" * 24, status="canceled")))
        self.start()
        self.pass_time(10)
        self.assertEqual(self.value("server_reachable"), 1)
        self.assertGreater(self.value("pushes_total", outcome="succeeded"), 0)
        self.assertEqual(self.value("pushes_total", outcome="failed"), 0)
        self.assertEqual(self.value("server_breaker_open"), 0)
        self.assertEqual((self.value("duties_here"), self.value("duties_held")), (1, 1))
        self.assertEqual(list(self.samples()["flamenco_manager_there"].values()), [1])

    def test_machine(self) -> None:
        """The machine's side: the reactor's lag, the disks, how long changes took, the version."""
        self.start()
        self.pass_time(1)
        self.clock.advance(2.25)  # nothing was done for so long
        self._turn()
        self.assertEqual(self.value("reactor_lag_seconds"), 2.0)
        self.pass_time(40)
        self.assertEqual(self.value("reactor_lag_seconds"), 0.0)
        self.assertGreater(self.value("disk_free_bytes", directory="task_logs"), 0)
        self.assertGreater(self.value("disk_size_bytes", directory="task_logs"), 0)
        self.assertEqual(self.value("build_info", version=__version__), 1)
        self.assertEqual(self.value("start_time_seconds"), NOW)
        before = self.value("commit_duration_seconds_count")
        self.result_of(self.store.mark.set("x"))
        self.assertGreater(self.value("commit_duration_seconds_count"), before)

    def test_everybody(self) -> None:
        """Everybody may read it, from wherever."""
        headers = {"Forwarded": "for=8.8.8.8", "Host": "evil.example", "Origin": "http://evil.example"}
        self.assertEqual(self.request("GET", "/metrics", headers=headers).code, 200)
        self.assertEqual(self.request("HEAD", "/metrics").code, 200)
