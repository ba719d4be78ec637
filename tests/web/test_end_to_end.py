"""The web layer, the farm and a store together: what Workers rely on, and facts of task-lifecycle.md 20."""

from typing import Any

import jwt
from attrs import evolve

from flamenco_mgr.demo.standin.endpoints import Endpoint
from flamenco_mgr.domain.tasks import Command
from flamenco_mgr.web.site import WorkersSite
from tests.builders import TASK, a_task
from tests.harness import NOW, Answer, FarmTestCase, basic
from tests.web.wires import Wire, a_request

A_REGISTRATION = {"secret": "t" * 64, "platform": "linux", "supported_task_types": ["a"], "nickname": "n"}
FARM_SECRET = "the secret of a render farm, long enough for anybody"


class DeliveryTests(FarmTestCase):
    """Answers get lost."""

    def setUp(self) -> None:
        super().setUp()
        self.server.silent_everywhere()
        self.site = WorkersSite(self.farm.workers_api, self.clock)
        self.me = self.register()
        self.question = a_request("POST", "/task", headers={"Authorization": basic(self.me)})
        self.add(a_task())

    def turns(self) -> None:
        """Let everything happen that takes two seconds at most."""
        for _ in range(20):
            self.clock.advance(0.1)
            self._turn()

    def test_fact_11(self) -> None:
        """Fact 11: the task whose document cannot be sent is claimed by the Manager again; its worker's name stays."""
        self.request("GET", f"/may-i-run/{TASK}", worker=self.me)  # so that it is known who it is when it hangs up
        wire = Wire(self.site)
        wire.send(self.question)
        wire.hang_up()
        self.turns()
        task = self.task(TASK)
        self.assertEqual((task.status, task.worker, task.worker_id), ("claimed-by-manager", "render07", self.me))
        self.assertEqual(self.statuses(TASK), ["active", "claimed-by-manager"])

    def test_lost_answer(self) -> None:
        """A worker whose answer was lost on the way gets the same task again (worker-api.md 4.3)."""
        for _ in range(2):
            wire = Wire(self.site)
            wire.send(self.question)
            self.turns()
            (answer,) = wire.answers()
            self.assertEqual((answer.status, answer.json["_id"], answer.json["status"]), (200, TASK, "active"))
            wire.hang_up()
        self.assertEqual(self.statuses(TASK), ["active"])

    def test_hung_up_on_its_own_task(self) -> None:
        """A worker that hung up before it was given its own task again keeps it, and what it reports then counts."""
        self.request("POST", "/task", worker=self.me, seconds=2.0)
        wire = Wire(self.site)
        wire.send(self.question)
        wire.hang_up()
        self.turns()
        body = b'{"task_status": "completed", "current_command_idx": 0}'
        self.request("POST", f"/tasks/{TASK}/update", worker=self.me, seconds=2.0, data=body)
        self.assertEqual(self.task(TASK).status, "completed")
        self.assertEqual(self.statuses(TASK), ["active", "completed"])

    def test_hung_up_update(self) -> None:
        """An update whose sender hangs up is taken as a whole; sent again it changes nothing more."""
        self.request("POST", "/task", worker=self.me, seconds=2.0)
        body = b'{"task_status": "completed", "log": "done", "current_command_idx": 0}'
        update = a_request("POST", f"/tasks/{TASK}/update", headers={"Authorization": basic(self.me)}, body=body)
        wire = Wire(self.site)
        wire.send(update)
        wire.hang_up()
        self.turns()
        wire = Wire(self.site)
        wire.send(update)
        self.turns()
        self.assertEqual([answer.status for answer in wire.answers()], [204])
        wire.hang_up()
        self.assertEqual(self.statuses(TASK), ["active", "completed"])
        self.assertEqual(self.log_of(TASK).count("done"), 1)


class RegistrationTests(FarmTestCase):
    """Facts 97 to 100: who may register."""

    def setUp(self) -> None:
        self.settings = evolve(type(self).settings, worker_registration_secret=FARM_SECRET)
        super().setUp()

    def asked(self, token: str | None) -> Answer:
        """Try to register."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return self.request("POST", "/register-worker", json=A_REGISTRATION, headers=headers)

    def test_fact_97(self) -> None:
        """Fact 97: with an empty secret registration is open."""
        self.settings = evolve(self.settings, worker_registration_secret="")
        super().setUp()
        self.assertEqual(self.asked(None).code, 200)

    def test_fact_98(self) -> None:
        """Fact 98: with a secret and without a token: 403, and nobody is registered."""
        self.assertEqual(self.asked(None).code, 403)
        self.assertEqual(self.result_of(self.store.workers.count()), 0)

    def test_fact_99(self) -> None:
        """Fact 99: a token that is signed with another secret: 403."""
        token = jwt.encode({"iat": NOW, "exp": NOW + 900}, "another secret, which is long enough", "HS256")
        self.assertEqual(self.asked(token).code, 403)
        self.assertEqual(self.asked("not.a.token").code, 403)

    def test_fact_100(self) -> None:
        """Fact 100: a token of now that is good for ten seconds and signed with the secret is accepted."""
        self.assertEqual(self.asked(jwt.encode({"iat": NOW, "exp": NOW + 10}, FARM_SECRET, "HS256")).code, 200)


class WorkerTests(FarmTestCase):
    """The endpoints' MUSTs."""

    def setUp(self) -> None:
        super().setUp()
        self.server.silent_everywhere()
        self.me = self.register()

    def ask(self, method: str, path: str, **options: Any) -> Answer:
        """Ask as this worker."""
        return self.request(method, path, worker=self.me, seconds=2.0, **options)

    def test_registered(self) -> None:
        """A registered worker asks for a task without signing on, and has no status before it (worker-api.md 4.1)."""
        worker = self.worker(self.me)
        self.assertEqual((worker.status, worker.address, worker.software), ("", "127.0.0.1", ""))
        self.assertEqual(self.ask("POST", "/task").code, 204)
        self.assertEqual(self.worker(self.me).status, "awake")

    def test_types_are_told(self) -> None:
        """Facts 40 and 41: new task types are told to the Server with one request, each time that they change."""
        self.server.behave_well()
        self.start()
        for types, told in (([], 0), (["a", "b"], 1), (["a", "b"], 1), (["b", "a", "c"], 2)):
            self.assertEqual(self.ask("POST", "/sign-on", json={"supported_task_types": types}).code, 204)
            for _ in range(10):
                self.clock.advance(0.1)
                self._turn()
            self.assertEqual(self.server.record.requests[Endpoint.UPDATE], told, types)

    def test_fact_50(self) -> None:
        """Fact 50: an immediate request is delivered by may-i-run with a reason and by ``/task``, and stays."""
        self.add(a_task())
        self.ask("POST", "/task")
        self.change_worker(self.me, status_requested="asleep")
        answer = self.ask("GET", f"/may-i-run/{TASK}")
        self.assertEqual(answer.code, 200)
        self.assertIs(answer.json["may_keep_running"], False)
        self.assertEqual(answer.json["status_requested"], "asleep")
        self.assertTrue(answer.json["reason"])
        answer = self.ask("POST", "/task")
        self.assertEqual((answer.code, answer.json), (423, {"status_requested": "asleep"}))
        self.assertEqual((self.worker(self.me).status, self.worker(self.me).status_requested), ("awake", "asleep"))

    def test_no_and_awake(self) -> None:
        """A no is never sent together with a request to be awake (worker-api.md 4.6)."""
        self.change_worker(self.me, status="timeout", status_requested="awake")
        self.assertEqual(set(self.ask("GET", f"/may-i-run/{TASK}").json), {"may_keep_running", "reason"})

    def test_unknown_task(self) -> None:
        """A task that is not here: stop (200), drop the update (404), nothing to return (204)."""
        answer = self.ask("GET", f"/may-i-run/{TASK}")
        self.assertEqual((answer.code, answer.json["may_keep_running"]), (200, False))
        self.assertEqual(self.ask("POST", f"/tasks/{TASK}/update", json={"log": "x"}).code, 404)
        self.assertEqual(self.ask("POST", f"/tasks/{TASK}/return").code, 204)

    def test_whole_numbers(self) -> None:
        """Whole numbers in settings come without a fraction, however the Server wrote them (worker-api.md 4.3)."""
        settings = {"cycles_num_chunks": 8.0, "fps": 23.5, "nested": {"list": [1.0]}}
        self.add(a_task(), commands=(Command(name="blender_render_progressive", settings=settings),))
        answer = self.ask("POST", "/task")
        self.assertIn(b'{"cycles_num_chunks": 8, "fps": 23.5, "nested": {"list": [1]}}', answer.body)

    def test_facts_107_and_108(self) -> None:
        """Facts 107 and 108: any number of outputs is 204, also when they do not fit; without a body 400."""
        for number in range(8):
            self.assertEqual(self.ask("POST", "/output-produced", json={"paths": [f"/r/{number}.exr"]}).code, 204)
        self.assertEqual(self.ask("POST", "/output-produced").code, 400)
        self.assertEqual(self.ask("POST", "/output-produced", json={"paths": []}).code, 422)

    def test_deleted_worker(self) -> None:
        """The credentials of nobody are 401; a registered worker's are good at a Manager that has just started, too."""
        self.assertEqual(self.request("POST", "/task", worker="0" * 24).code, 401)
        again = self.wired()
        self.http = type(self.http)(again.workers_api)
        self.assertEqual(self.ask("POST", "/task").code, 204)
        self.assertEqual(self.ask("POST", "/task", headers={"Authorization": basic(self.me, "wrong")}).code, 401)
