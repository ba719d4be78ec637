"""The acceptance list of task-lifecycle.md 20: facts 107 and 108."""

import json

from twisted.web.resource import IResource

from flamenco_mgr.domain.variables import Variables
from flamenco_mgr.farm.outputs import OutputQueue
from tests.web import fakes
from tests.web.wires import WireTestCase


class OutputFacts(WireTestCase):
    def resource(self) -> IResource:
        self.outputs = OutputQueue(variables=Variables(()), platform="linux")
        return fakes.FarmOfFakes(outputs=self.outputs).resource()

    def test_fact_107(self) -> None:
        """Fact 107 (task-lifecycle.md 21.33): eight requests, all 204; the queue of 3 holds the last three paths."""
        for number in range(8):
            body = json.dumps({"paths": [f"/render/{number}.exr"]}).encode()
            self.assertEqual(self.ask("POST", "/output-produced", body=body).status, 204)
        taken = [self.successResultOf(self.outputs.take()) for _ in range(3)]
        self.assertEqual(taken, ["/render/5.exr", "/render/6.exr", "/render/7.exr"])
        self.assertNoResult(self.outputs.take())

    def test_fact_108(self) -> None:
        """Fact 108: a request without body is 400, and nothing waits."""
        self.assertEqual(self.ask("POST", "/output-produced").status, 400)
        self.assertNoResult(self.outputs.take())
