"""The document of the interface tells all of it, and nothing else."""

import json
import re
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from flamenco_mgr.settings import Settings
from tests.builders import JOB, TASK, a_task, an_update
from tests.harness import FarmTestCase

DOCUMENT = (Path(__file__).parent.parent / "docs" / "api.md").read_text()

_HEADING = re.compile(r"^### `(GET|POST|PUT|DELETE) ([^`?]+)", re.MULTILINE)
_METRIC = re.compile(r"`(flamenco_[a-z_]+[a-z])`")
_HISTOGRAM = re.compile(r"_(bucket|count|sum)$")


def example(heading: str) -> Any:
    """Return the first JSON of a section, cut lists left out."""
    section = DOCUMENT.split(f"## {heading}\n")[1]
    return json.loads(section.split("```json\n")[1].split("```")[0].replace("[ … ]", "[]"))


class RouteDocsTests(FarmTestCase):
    def test_routes(self) -> None:
        """Each route has a section, and each section a route."""
        told = {f"{method} {re.sub('{[a-z]+}', '{}', path)}" for method, path in _HEADING.findall(DOCUMENT)}
        there = {
            f"{''.join(rule.methods or ())} {re.sub('<[a-z_]+>', '{}', rule.rule)}"
            for rule in self.farm.workers_api._routes.map.iter_rules()
            if rule.rule.startswith("/api/")
        }
        self.assertEqual(told, there)

    def test_metrics(self) -> None:
        """Each metric is in the table, and each of the table is told."""
        self.register()
        self.result_of(self.store.updates.add(an_update(task_id="0" * 24, status="canceled")))
        self.start()
        self.pass_time(10)
        families = text_string_to_metric_families(self.request("GET", "/metrics").body.decode())
        there = {_HISTOGRAM.sub("", sample.name) for family in families for sample in family.samples}
        there = {name for name in there if not name.startswith("flamenco_process_")}
        self.assertEqual(set(_METRIC.findall(DOCUMENT)), there)


class ExampleDocsTests(FarmTestCase):
    """The examples have the keys of the answers."""

    settings = Settings()

    def setUp(self) -> None:
        super().setUp()
        self.me = self.register()
        self.add(a_task())
        self.request("POST", "/task", worker=self.me)

    def check(self, found: Any, told: Any) -> None:
        self.assertEqual(list(found), list(told))

    def test_status(self) -> None:
        """That of the farm."""
        found, told = self.request("GET", "/api/v1/status").json, example("The farm")
        self.check(found, told)
        for part in ("duties", "workers", "tasks", "updates"):
            self.check(found[part], told[part])
        self.assertEqual(set(found["server"]), set(told["server"]))

    def test_things(self) -> None:
        """Those of jobs, tasks, updates and events."""
        self.check(self.request("GET", f"/api/v1/jobs/{JOB}").json, example("Jobs"))
        self.check(self.request("GET", "/api/v1/tasks").json["items"][0], example("Tasks"))
        whole = self.request("GET", f"/api/v1/tasks/{TASK}").json
        self.check(whole, [*example("Tasks"), "commands", "updates", "events"])
        self.check(whole["updates"]["items"][0], example("Updates for the Server"))
        self.check(whole["events"]["items"][0], example("Events"))
