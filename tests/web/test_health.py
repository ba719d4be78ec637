"""Whether the process lives, and can do its work."""

from twisted.web.resource import IResource

from flamenco_mgr.web.gate import Gate
from tests.harness import FarmTestCase
from tests.web import fakes
from tests.web.wires import WireTestCase


class HealthTests(FarmTestCase):
    def test_well(self) -> None:
        """A Manager that serves is alive and ready, and says so to everybody."""
        for headers in ({}, {"Forwarded": "for=8.8.8.8"}, {"Host": "evil.example", "Origin": "http://evil.example"}):
            self.assertEqual(self.request("GET", "/healthz", headers=headers).json, {"alive": True})
            self.assertEqual(self.request("GET", "/readyz", headers=headers).json, {"ready": True})


class GateHealthTests(WireTestCase):
    def resource(self) -> IResource:
        self.gate = Gate()
        return self.gate

    def test_before(self) -> None:
        """While it starts or stops it is alive and not ready, with the reason."""
        self.gate.close("the store is not ready: the database cannot be used")
        self.assertEqual(self.ask("GET", "/healthz").json, {"alive": True})
        answer = self.ask("GET", "/readyz?x")
        expected = {"ready": False, "reason": "the store is not ready: the database cannot be used"}
        self.assertEqual((answer.status, answer.json), (503, expected))
        self.assertEqual(self.ask("HEAD", "/healthz").status, 200)
        self.assertEqual(self.ask("POST", "/healthz").status, 503)

    def test_open(self) -> None:
        """When it is open, what is behind it answers."""
        self.gate.open(fakes.FarmOfFakes().resource())
        self.assertEqual(self.ask("GET", "/healthz").status, 404)
