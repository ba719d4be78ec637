"""What is offered for Prometheus and Grafana speaks of metrics that there are."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.builders import an_update
from tests.harness import FarmTestCase

CONTRIB = Path(__file__).parent.parent / "contrib"

_NAME = re.compile(r"\bflamenco_[a-z0-9_]+\b")
_LABELS = re.compile(r"\b(flamenco_[a-z0-9_]+)\{([^}]*)\}")
_FROM_PROMETHEUS = frozenset({"instance", "job", "le"})


def alerts() -> Iterator[tuple[str, str]]:
    """Yield the name and the condition of each alert."""
    document = yaml.safe_load((CONTRIB / "prometheus" / "alerts.yaml").read_text())
    for group in document["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]


def panels() -> Iterator[tuple[str, str]]:
    """Yield the title and each question of the dashboard's panels, and of its variables."""
    document = json.loads((CONTRIB / "grafana" / "flamenco-manager.json").read_text())
    for panel in document["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for variable in document["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["query"]["query"]


class ContribTests(FarmTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.register()
        self.result_of(self.store.updates.add(an_update(task_id="0" * 24, status="canceled")))
        self.start()
        self.pass_time(10)
        text = self.request("GET", "/metrics").body.decode()
        self.labels: dict[str, set[str]] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                self.labels.setdefault(sample.name, set()).update(sample.labels)

    def check(self, what: str, question: str) -> None:
        """Every metric that is named is told, with the labels by which it is asked for."""
        names = _NAME.findall(question)
        for name in names:
            self.assertIn(name, self.labels, what)
        for name, conditions in _LABELS.findall(question):
            asked = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", conditions))
            self.assertLessEqual(asked - _FROM_PROMETHEUS, self.labels[name], what)

    def test_alerts(self) -> None:
        """The alerts name metrics that there are; so many that none was overlooked."""
        found = dict(alerts())
        for name, condition in found.items():
            self.check(name, condition)
        wanted = {
            "FlamencoServerUnreachable",
            "FlamencoUpdatesTooOld",
            "FlamencoWorkersTimedOut",
            "FlamencoDiskNearlyFull",
            "FlamencoNobodyHasDuties",
            "FlamencoManagerLate",
        }
        self.assertLessEqual(wanted, set(found))

    def test_dashboard(self) -> None:
        """So does the dashboard, whose panels do not lie upon each other."""
        found = [*panels()]
        self.assertGreater(len(found), 20)
        for title, question in found:
            self.check(title, question)
        document = json.loads((CONTRIB / "grafana" / "flamenco-manager.json").read_text())
        cells = [
            (x, y)
            for place in (panel["gridPos"] for panel in document["panels"])
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        ]
        self.assertEqual(len(cells), len(set(cells)))
