"""How a simulated Worker registers and signs on (worker-api.md 1, 3, 4.1, 4.2)."""

import string
from base64 import b64encode

import jwt

from flamenco_mgr.demo.worker.disk import WorkerDisk
from flamenco_mgr.demo.worker.enlisting import WorkerProfile, registration_token
from flamenco_mgr.demo.worker.obeying import WorkerState
from tests.demo.scripted_manager import WORKER, HangsUp, IsSilent, Says, WorkerTestCase

NEW_ID = "5e6a1f2c9d3b4a0017c0beef"


class RegistrationTests(WorkerTestCase):
    def test_body(self) -> None:
        """A registration has a secret of 64 letters and digits, platform, task types in order, and nickname."""
        self.live()
        (body,) = self.manager.bodies("register-worker")
        secret = body.pop("secret")
        self.assertEqual(len(secret), 64)
        self.assertLessEqual(set(secret), set(string.ascii_letters + string.digits))
        self.assertEqual(
            body,
            {"platform": "linux", "supported_task_types": ["sleep", "blender-render"], "nickname": "render07"},
        )
        self.assertEqual((self.worker.disk.worker_id, self.worker.disk.secret), (WORKER, secret))

    def test_headers(self) -> None:
        """A body comes with its content type; a POST without one has length 0, no type, and the credentials."""
        self.live()
        register, task = self.manager.asked
        self.assertEqual(register.headers["content-type"], "application/json")
        self.assertNotIn("authorization", register.headers)
        self.assertEqual(task.headers["content-length"], "0")
        self.assertNotIn("content-type", task.headers)
        credentials = b64encode(f"{WORKER}:{self.worker.disk.secret}".encode()).decode()
        self.assertEqual(task.headers["authorization"], f"Basic {credentials}")
        self.assertEqual({asked.headers["user-agent"] for asked in self.manager.asked}, {"Flamenco-Worker/2.5"})

    def test_path_of_the_url_is_dropped(self) -> None:
        """A path in the Manager's URL is not part of what is asked."""
        self.worker = self.a_worker(manager_url="http://manager.invalid:8080/flamenco/")
        self.live()
        self.assertEqual(self.manager.lines()[0], (0.0, "POST /register-worker"))

    def test_token_vector(self) -> None:
        """The token is the one of the example, byte for byte."""
        self.assertEqual(
            registration_token("render farm", 1583933400.25),
            "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJleHAiOjE1ODM5MzQzMDAuMjUsImlhdCI6MTU4MzkzMzQwMC4yNX0"
            ".r6xIYFv8_aqhqA0lap_lqC1-W_ZCW7ZQ11hMsaE1EFs",
        )

    def test_token_is_made_once(self) -> None:
        """With a registration secret a token good for 15 minutes is sent, the same one however often it takes."""
        secret = "a secret that is long enough for HS256"
        self.worker = self.a_worker(profile=WorkerProfile(nickname="render07", registration_secret=secret))
        self.manager.tell("register-worker", Says(500), IsSilent(), Says(200, {"_id": WORKER}))
        self.clock.advance(1000.0)
        self.live(64.0)
        self.assertEqual(self.manager.at("register-worker"), [1000.0, 1030.0, 1063.0])
        (header,) = {asked.headers["authorization"] for asked in self.manager.asked[:3]}
        scheme, _, token = header.partition(" ")
        claims = jwt.decode(token, secret, algorithms=["HS256"], options={"verify_exp": False, "verify_iat": False})
        self.assertEqual((scheme, claims), ("Bearer", {"exp": 1900.0, "iat": 1000.0}))
        self.assertEqual(len({body["secret"] for body in self.manager.bodies("register-worker")}), 1)

    def test_refused(self) -> None:
        """A 401 or 403 ends the process without a sign-off."""
        for status in (401, 403):
            self.manager.tell("register-worker", Says(status, b"no"))
            worker = self.a_worker()
            worker.start()
            self.successResultOf(worker.when_ended())
            self.assertEqual((worker.state, worker.offences), (WorkerState.ENDED, []))
        self.assertEqual({asked.path for asked in self.manager.asked}, {"/register-worker"})

    def test_answer_without_id(self) -> None:
        """An answer that is not JSON, or has no id that is a text, ends the process, and is an offence."""
        bodies: tuple[object, ...] = (b"hello", b"", {}, {"_id": 7}, [])
        for body in bodies:
            self.manager.tell("register-worker", Says(200, body))
            worker = self.a_worker()
            worker.start()
            self.assertEqual((worker.state, len(worker.offences)), (WorkerState.ENDED, 1), body)
            self.assertEqual(worker.disk.worker_id, "")

    def test_stopped_before_it_is_registered(self) -> None:
        """A Worker that is stopped before it is known signs off from nothing."""
        self.manager.tell("register-worker", Says(503))
        self.live(1.0)
        self.successResultOf(self.worker.stop())
        self.assertEqual(self.manager.lines(), [(0.0, "POST /register-worker")])


class SignOnTests(WorkerTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.worker = self.a_worker(disk=WorkerDisk(worker_id=WORKER, secret="s" * 64))

    def test_sign_on(self) -> None:
        """A Worker with credentials says its task types and nickname, and asks for a task at once."""
        self.live()
        self.assertEqual(self.manager.lines(), [(0.0, "POST /sign-on"), (0.0, "POST /task")])
        self.assertEqual(
            self.manager.bodies("sign-on"),
            [{"supported_task_types": ["sleep", "blender-render"], "nickname": "render07"}],
        )

    def test_again(self) -> None:
        """Errors, time-outs and broken connections repeat the sign-on 30 s later."""
        self.manager.tell("sign-on", Says(500), IsSilent(), HangsUp(), Says(404), Says())
        self.live(130.0)
        self.assertEqual(self.manager.at("sign-on"), [0.0, 30.0, 63.0, 93.0, 123.0])

    def test_unknown_worker(self) -> None:
        """A 401 makes it register anew, with a new secret, and sign on once more."""
        self.manager.tell("sign-on", Says(401), Says())
        self.manager.tell("register-worker", Says(200, {"_id": NEW_ID}))
        self.live()
        self.assertEqual(
            [line for _, line in self.manager.lines()],
            ["POST /sign-on", "POST /register-worker", "POST /sign-on", "POST /task"],
        )
        self.assertEqual(self.worker.disk.worker_id, NEW_ID)
        self.assertNotEqual(self.worker.disk.secret, "s" * 64)

    def test_unknown_twice(self) -> None:
        """A second 401 ends the process."""
        self.manager.tell("sign-on", Says(401))
        self.live(40.0)
        self.assertEqual(len(self.manager.asked), 3)
        self.assertEqual(self.worker.state, WorkerState.ENDED)

    def test_forbidden(self) -> None:
        """A 403 ends the process."""
        self.manager.tell("sign-on", Says(403))
        self.live(40.0)
        self.assertEqual(self.manager.lines(), [(0.0, "POST /sign-on")])
        self.assertEqual(self.worker.state, WorkerState.ENDED)
