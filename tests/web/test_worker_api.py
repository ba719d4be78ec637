"""Each endpoint over HTTP, with stand-ins of the farm."""

import json

from twisted.internet.address import IPv6Address
from twisted.internet.defer import Deferred
from twisted.web.resource import IResource

from flamenco_mgr.domain.reporting import Report
from flamenco_mgr.domain.running import Verdict
from flamenco_mgr.domain.tasks import Command, Progress
from flamenco_mgr.farm.registration import Registration
from flamenco_mgr.farm.scheduler import ChangeStatus, Idle, NoTaskTypes, Run
from flamenco_mgr.farm.updates import Outcome
from tests.builders import TASK, WORKER, a_task, a_worker
from tests.web import fakes
from tests.web.wires import AS_WORKER, WireTestCase, a_request

A_RUN = Run(task=a_task(status="active"), commands=(Command(name="sleep", settings={"time_in_seconds": 8.0}),))


class WorkerAPITests(WireTestCase):
    """Each endpoint, when all is well."""

    def resource(self) -> IResource:
        self.farm = fakes.FarmOfFakes()
        return self.farm.resource()

    def test_register(self) -> None:
        """A registration reaches the farm with the peer's address, and is answered by the worker's document."""
        body = {"secret": "q7Z", "platform": "linux", "supported_task_types": ["sleep"], "nickname": "render07"}
        answer = self.ask("POST", "/register-worker", headers={}, body=json.dumps(body).encode())
        self.assertEqual((answer.status, answer.headers["content-type"]), (200, "application/json"))
        self.assertEqual(answer.json["_id"], WORKER)
        self.assertNotIn("secret", answer.body.decode())
        registration = Registration(
            secret="q7Z", platform="linux", supported_task_types=("sleep",), nickname="render07"
        )
        self.assertEqual(self.farm.registry.heard, [("register", registration, "10.0.0.7")])

    def test_register_refused(self) -> None:
        """A registration whose token is no good is answered 403 with the reason, and the farm never hears of it."""
        self.farm.guard.why = "Missing Bearer token for registration"
        answer = self.ask("POST", "/register-worker", headers={"Authorization": "bearer x.y"}, body=b'{"secret": "s"}')
        self.assertEqual((answer.status, answer.json), (403, {"error": "Missing Bearer token for registration"}))
        self.assertEqual(self.farm.guard.headers, ["bearer x.y"])
        self.assertEqual(self.farm.registry.heard, [])

    def test_sign_on(self) -> None:
        """A sign-on is 204, and reaches the farm with what it says."""
        answer = self.ask("POST", "/sign-on", body=b'{"nickname": "n", "supported_task_types": ["a", "b"]}')
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.assertEqual(self.farm.registry.heard[-1], ("sign_on", WORKER, "n", ("a", "b")))

    def test_task(self) -> None:
        """A task is 200, with whole numbers written without a fraction."""
        self.farm.scheduler.answer = A_RUN
        answer = self.ask("POST", "/task")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.json["_id"], TASK)
        self.assertIn(b'"time_in_seconds": 8}', answer.body)

    def test_no_task(self) -> None:
        """Without anything to do the answer is 204, without a body and its headers."""
        self.farm.scheduler.answer = Idle()
        answer = self.ask("POST", "/task")
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.assertNotIn("content-type", answer.headers)
        self.assertNotIn("transfer-encoding", answer.headers)

    def test_locked(self) -> None:
        """A worker that is to change its status gets 423 with this one key."""
        self.farm.scheduler.answer = ChangeStatus(status="asleep")
        answer = self.ask("POST", "/task")
        self.assertEqual((answer.status, answer.json), (423, {"status_requested": "asleep"}))

    def test_no_task_types(self) -> None:
        """A worker without task types gets 406."""
        self.farm.scheduler.answer = NoTaskTypes()
        self.assertEqual(self.ask("POST", "/task").status, 406)

    def test_update(self) -> None:
        """An update is 204, and reaches the farm with its report and a digest of its bytes."""
        body = b'{"activity": "rendering", "current_command_idx": 1, "task_status": "active", "log": "a\\nb"}'
        self.assertEqual(self.ask("POST", f"/tasks/{TASK.upper()}/update", body=body).status, 204)
        self.assertEqual(self.ask("POST", f"/tasks/{TASK}/update", body=body).status, 204)
        self.assertEqual(self.ask("POST", f"/tasks/{TASK}/update", body=body + b" ").status, 204)
        (first, again, other) = self.farm.updates.received
        report = Report(status="active", activity="rendering", progress=Progress(command_index=1), log="a\nb")
        self.assertEqual(first[:3], (WORKER, TASK, report))
        self.assertEqual(first[3], again[3])
        self.assertNotEqual(first[3], other[3])

    def test_update_of_unknown_task(self) -> None:
        """An update for a task that is not here is 404, so that the worker drops it."""
        self.farm.updates.outcome = Outcome.UNKNOWN_TASK
        self.assertEqual(self.ask("POST", f"/tasks/{TASK}/update", body=b"{}").status, 404)

    def test_update_of_anothers_task(self) -> None:
        """An update for another worker's task is 409."""
        self.farm.updates.outcome = Outcome.ANOTHERS_TASK
        answer = self.ask("POST", f"/tasks/{TASK}/update", body=b"{}")
        self.assertEqual((answer.status, answer.json), (409, {"error": f"Task {TASK} is assigned to another worker."}))

    def test_unusable_update(self) -> None:
        """An update that is no JSON object is 409: with 400 the worker would send it for ever."""
        for body in (b"", b"{", b"[]", b'"text"', b"\xff", b"NaN"):
            answer = self.ask("POST", f"/tasks/{TASK}/update", body=body)
            self.assertEqual(answer.status, 409, body)
            self.assertEqual(list(answer.json), ["error"])
        self.assertEqual(self.farm.updates.received, [])

    def test_return(self) -> None:
        """A returned task is 204, without a body being asked for."""
        self.assertEqual(self.ask("POST", f"/tasks/{TASK}/return").status, 204)
        self.assertEqual(self.farm.returner.returned, [(WORKER, TASK)])

    def test_may_i_run(self) -> None:
        """A yes has this one key; a no has its reason and what is requested."""
        answer = self.ask("GET", f"/may-i-run/{TASK}")
        self.assertEqual((answer.status, answer.json), (200, {"may_keep_running": True}))
        self.farm.running.verdict = Verdict(may_keep_running=False, reason="because", status_requested="asleep")
        answer = self.ask("GET", f"/may-i-run/{TASK}")
        self.assertEqual(answer.json, {"may_keep_running": False, "reason": "because", "status_requested": "asleep"})

    def test_status_change(self) -> None:
        """Task-lifecycle.md 20, fact 51: without a request 204, with one 200 and the status."""
        self.assertEqual(self.ask("GET", "/status-change").status, 204)
        self.farm.registry.worker = a_worker(status_requested="awake", lazy_status_request=True)
        answer = self.ask("GET", "/status-change")
        self.assertEqual((answer.status, answer.json), (200, {"status_requested": "awake"}))

    def test_acknowledge(self) -> None:
        """An acknowledgement is 204, and no sign of life."""
        self.assertEqual(self.ask("POST", "/ack-status-change/asleep").status, 204)
        self.assertEqual(self.farm.registry.heard, [("acknowledge", WORKER, "asleep")])

    def test_output_produced(self) -> None:
        """Paths are 204; without any 422; without a body 400 (task-lifecycle.md 20, fact 108)."""
        self.assertEqual(self.ask("POST", "/output-produced", body=b'{"paths": ["/a.exr", "/b.exr"]}').status, 204)
        self.assertEqual(self.ask("POST", "/output-produced", body=b"{}").status, 422)
        self.assertEqual(self.ask("POST", "/output-produced").status, 400)
        self.assertEqual(self.farm.outputs.offered, [(WORKER, ("/a.exr", "/b.exr"))])
        self.assertEqual(self.farm.registry.heard, [])

    def test_sign_off(self) -> None:
        """A sign-off is 204."""
        self.assertEqual(self.ask("POST", "/sign-off").status, 204)
        self.assertEqual(self.farm.registry.heard, [("sign_off", WORKER)])

    def test_seen(self) -> None:
        """A request is a sign of life with the peer's address and the program's name; proxies' words do not count."""
        self.ask("GET", f"/may-i-run/{TASK}", headers=AS_WORKER | {"X-Forwarded-For": "1.2.3.4"})
        self.assertEqual(self.farm.registry.heard, [("seen", WORKER, "10.0.0.7", "Flamenco-Worker/2.5")])

    def test_seen_over_both_families(self) -> None:
        """An IPv4 worker that is heard on an IPv6 socket is named by its IPv4 address, an IPv6 one without brackets."""
        for host, name in (("::ffff:10.0.0.9", "10.0.0.9"), ("fd00::7", "fd00::7")):
            self.connect(IPv6Address("TCP", host, 1)).ask("POST", "/task", headers=AS_WORKER)
            self.assertEqual(self.farm.registry.heard[-1][2], name)

    def test_headers(self) -> None:
        """Every answer has a length and a date, and does not say of which version the server is."""
        answer = self.ask("GET", f"/may-i-run/{TASK}")
        self.assertEqual(answer.headers["server"], "Flamenco-Manager")
        self.assertEqual(answer.headers["date"], "Tue, 12 Nov 2019 13:57:12 GMT")
        self.assertEqual(answer.headers["content-length"], str(len(answer.body)))

    def test_connection_is_kept(self) -> None:
        """Requests follow each other on one connection, also when they are sent without waiting."""
        wire = self.connect()
        ask = a_request("GET", f"/may-i-run/{TASK}", headers=AS_WORKER)
        wire.send(ask + a_request("POST", "/task", headers=AS_WORKER) + ask)
        self.assertEqual([answer.status for answer in wire.answers()], [200, 204, 200])
        self.assertTrue(wire.is_open)


class HangingUpTests(WireTestCase):
    """Clients that do not wait for their answer."""

    def resource(self) -> IResource:
        self.farm = fakes.FarmOfFakes()
        self.farm.scheduler.answer = A_RUN
        self.wait: Deferred[None] = Deferred()
        self.farm.scheduler.wait = self.wait
        self.served = self.farm.resource()
        return self.served

    def test_hung_up(self) -> None:
        """The task of a worker that hung up while it was looked for is taken back; what was begun is finished."""
        wire = self.connect()
        wire.send(a_request("POST", "/task", headers=AS_WORKER))
        wire.hang_up()
        idle = self.served.idle()
        self.assertNoResult(idle)
        self.assertFalse(self.wait.called)
        self.wait.callback(None)
        self.assertEqual(self.farm.scheduler.taken_back, [(A_RUN, WORKER, "worker hung up before it had the task")])
        self.successResultOf(idle)

    def test_waited(self) -> None:
        """The task of a worker that waited is not taken back."""
        wire = self.connect()
        wire.send(a_request("POST", "/task", headers=AS_WORKER))
        self.assertEqual(wire.answers(), [])
        self.wait.callback(None)
        (answer,) = wire.answers()
        self.assertEqual((answer.status, self.farm.scheduler.taken_back), (200, []))

    def test_hung_up_unknown(self) -> None:
        """What a worker wanted that hung up before it was known who it is, is left: it comes again."""
        self.farm.registry.wait = self.wait
        wire = self.connect()
        wire.send(a_request("POST", f"/tasks/{TASK}/update", headers=AS_WORKER, body=b"{}"))
        wire.hang_up()
        self.wait.callback(None)
        self.successResultOf(self.served.idle())
        self.assertEqual((self.farm.updates.received, self.farm.registry.heard), ([], []))
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_hung_up_idle(self) -> None:
        """There is nothing to take back from a worker that hung up and would have got no task."""
        self.farm.scheduler.answer = Idle()
        wire = self.connect()
        wire.send(a_request("POST", "/task", headers=AS_WORKER))
        wire.hang_up()
        self.wait.callback(None)
        self.assertEqual(self.farm.scheduler.taken_back, [])
