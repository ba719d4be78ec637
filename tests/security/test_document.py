"""What docs/security.md says of the routes is so."""

import re
from pathlib import Path

from twisted.web.resource import IResource

from flamenco_mgr.settings import Settings
from flamenco_mgr.store.sqlite import SQLiteStore
from flamenco_mgr.surroundings import Surroundings
from flamenco_mgr.wiring import wire
from tests.builders import TASK
from tests.threads import at_once
from tests.web.wires import WireTestCase

ROOT = Path(__file__).parents[2]
REFUSALS = {"worker": 401, "operator": 403, "local": 403, "token": 403}


class DocumentTests(WireTestCase):
    """A Manager as it is wired, with a registration secret, asked from another machine and without credentials."""

    def resource(self) -> IResource:
        around = Surroundings(
            clock=self.clock,
            store=SQLiteStore.in_memory(self.clock),
            treq=None,
            in_thread=at_once,
            platform="linux",
            own_url="http://manager:8080/",
        )
        settings = Settings(task_logs_path=Path(self.mktemp()), worker_registration_secret="shared")
        self.served = wire(settings, around).workers_api
        return self.served

    def setUp(self) -> None:
        super().setUp()
        self.text = (ROOT / "docs/security.md").read_text(encoding="utf-8")
        rows = re.findall(r"^\| `([A-Z]+ /[^`]*)` \| (\w+) \| ", self.text, re.MULTILINE)
        self.told = dict(rows)
        self.assertEqual(len(self.told), len(rows))

    def test_routes(self) -> None:
        """Its table has every route, and none that there is not."""
        self.assertEqual(set(self.told), set(self.served._handlers))

    def test_who(self) -> None:
        """Who may not ask is refused as it says, and everybody else is not."""
        found = {}
        for endpoint in self.told:
            method, _, path = endpoint.partition(" ")
            found[endpoint] = self.ask(method, re.sub("<[^>]*>", TASK, path), headers={}).status
        refused = {endpoint: status for endpoint, status in found.items() if status in {401, 403}}
        self.assertEqual(refused, {name: REFUSALS[who] for name, who in self.told.items() if who in REFUSALS})

    def test_tests(self) -> None:
        """The tests that it names are there."""
        for name in re.findall(r"`(tests/[^`]+)`", self.text):
            self.assertTrue((ROOT / name).exists(), name)
