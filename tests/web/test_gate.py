"""What clients are told while the Manager is not ready."""

from twisted.web.resource import IResource

from flamenco_mgr.web.gate import Gate
from tests.builders import TASK
from tests.web import fakes
from tests.web.wires import AS_WORKER, WireTestCase, a_request


class GateTests(WireTestCase):
    """A gate before a farm where all is well."""

    def resource(self) -> IResource:
        self.gate = Gate()
        self.farm = fakes.FarmOfFakes()
        return self.gate

    def test_before(self) -> None:
        """Until it is opened every request is answered 503 with the reason, in the shape that the asker can bear."""
        for method, path in (("POST", "/task"), ("POST", f"/tasks/{TASK}/return"), ("GET", "/"), ("BREW", "/pot")):
            answer = self.ask(method, path)
            self.assertEqual((answer.status, answer.json), (503, {"error": "the Manager is starting"}))
            self.assertNotIn("retry-after", answer.headers)
        self.assertEqual(self.ask("GET", f"/may-i-run/{TASK}").json, {"may_keep_running": True})

    def test_still_not_ready(self) -> None:
        """The reason may change while nothing is ready."""
        self.gate.close("the store is not ready: it is being repaired")
        self.assertEqual(self.ask("POST", "/task").json, {"error": "the store is not ready: it is being repaired"})

    def test_open(self) -> None:
        """An open gate lets requests through."""
        self.gate.open(self.farm.resource())
        self.assertEqual(self.ask("POST", "/task").status, 204)

    def test_closed(self) -> None:
        """A closed gate refuses new requests, also on old connections; what is in progress is answered."""
        self.farm.scheduler.wait = wait = fakes.unfired()
        self.gate.open(self.farm.resource())
        slow, other = self.connect(), self.connect()
        slow.send(a_request("POST", "/task", headers=AS_WORKER))
        self.gate.close("the Manager is stopping")
        self.assertEqual(other.ask("POST", "/task", headers=AS_WORKER).json, {"error": "the Manager is stopping"})
        idle = self.gate.idle()
        self.assertNoResult(idle)
        wait.callback(None)
        self.successResultOf(idle)
        self.assertEqual([answer.status for answer in slow.answers()], [204])

    def test_idle(self) -> None:
        """Without a request in progress there is nothing to wait for, be it opened or not."""
        self.successResultOf(self.gate.idle())
        self.gate.open(self.farm.resource())
        self.successResultOf(self.gate.idle())
        self.ask("POST", "/task")
        self.successResultOf(self.gate.idle())
