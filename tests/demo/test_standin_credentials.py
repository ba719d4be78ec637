"""Who may ask what: the table of server-api.md 2."""

from collections.abc import Callable

from flamenco_mgr.demo.standin.jobs import sleep_job
from tests.demo.standin_case import (
    MANAGER,
    NOBODY,
    OTHER_MANAGER,
    OTHER_SECRET,
    SECRET,
    Answer,
    StandInTestCase,
    basic,
)


class CredentialsTests(StandInTestCase):
    def setUp(self) -> None:
        super().setUp()
        [self.task] = self.books.add_job(sleep_job(1)).tasks

    def ask(self, path: str, authorization: str | None) -> Answer:
        return self.request("GET", f"/api/flamenco/{path}", authorization=authorization)

    def post(self, path: str, authorization: str | None) -> Answer:
        return self.request("POST", f"/api/flamenco/{path}", authorization=authorization, json=[])

    def test_header(self) -> None:
        """The test vector of section 2 is what the Server knows the Manager by."""
        self.assertEqual(basic(SECRET), "Basic U1JWZDBudFVzZVRoaXNTZWNyZXRJdElzT25seUZvclRoZVVuaXRUZXN0czAwOg==")
        self.assertEqual(self.ask(f"managers/{MANAGER}", basic(SECRET)).code, 200)

    def test_bearer(self) -> None:
        """A secret is taken as a bearer token, too."""
        self.assertEqual(self.ask(f"managers/{MANAGER}", f"Bearer {SECRET}").code, 200)

    def test_strangers(self) -> None:
        """Without credentials, with an unknown secret or with a password everything is 403, in HTML."""
        asking: tuple[tuple[Callable[[str, str | None], Answer], str], ...] = (
            (self.ask, f"managers/{MANAGER}/depsgraph"),
            (self.ask, f"managers/{MANAGER}"),
            (self.ask, f"tasks/{self.task}"),
            (self.post, f"managers/{MANAGER}/task-update-batch"),
            (self.post, f"managers/{MANAGER}/startup"),
            (self.post, f"managers/{MANAGER}/update"),
            (self.post, f"managers/{MANAGER}/attach-task-log/{self.task}"),
        )
        for send, path in asking:
            for authorization in (None, basic("SRVunknown"), basic(SECRET, "password"), "Basic rubbish"):
                answer = send(path, authorization)
                self.assertEqual(answer.code, 403, path)
                self.assertIn("text/html", answer.header("Content-Type") or "")

    def test_another_manager(self) -> None:
        """Another Manager's secret gives 401 on what is the Manager's, 403 on its tasks, 404 on itself."""
        other = basic(OTHER_SECRET)
        self.assertEqual(self.post(f"managers/{MANAGER}/task-update-batch", other).code, 401)
        self.assertEqual(self.ask(f"managers/{MANAGER}/depsgraph", other).code, 401)
        self.assertEqual(self.ask(f"tasks/{self.task}", other).code, 403)
        self.assertEqual(self.ask(f"managers/{MANAGER}", other).code, 404)

    def test_ids(self) -> None:
        """A Manager's id that is none gives 400, one that is unknown 404; a task's id that is none gives 405."""
        self.assertEqual(self.ask("managers/me/depsgraph", basic(SECRET)).code, 400)
        self.assertEqual(self.ask(f"managers/{NOBODY}/depsgraph", basic(SECRET)).code, 404)
        self.assertEqual(self.ask("managers/me", basic(SECRET)).code, 404)
        self.assertEqual(self.ask("tasks/mine", basic(SECRET)).code, 405)
        self.assertEqual(self.ask(f"tasks/{NOBODY}", basic(SECRET)).code, 404)

    def test_error_bodies(self) -> None:
        """Errors have the shape of their status (server-api.md 1)."""
        self.assertEqual(
            self.ask("managers/me/depsgraph", basic(SECRET)).json,
            {"_status": "ERR", "_error": {"code": 400, "message": "Invalid ObjectId"}},
        )
        self.assertEqual(
            self.ask(f"tasks/{NOBODY}", basic(SECRET)).json,
            {"_status": "ERR", "_code": 404, "_message": "No such task"},
        )

    def test_no_endpoint(self) -> None:
        """What is no endpoint is 404, and a wrong method 405, with a date like everything else."""
        answer = self.ask("nothing", basic(SECRET))
        self.assertEqual((answer.code, answer.json["_code"]), (404, 404))
        self.assertEqual(answer.header("Date"), "Tue, 12 Nov 2019 13:57:09 GMT")
        self.assertEqual(self.post(f"tasks/{self.task}", basic(SECRET)).code, 405)

    def test_each_its_own(self) -> None:
        """Each Manager gets its own jobs' tasks alone."""
        self.books.add_job(sleep_job(2), manager=OTHER_MANAGER)
        answer = self.ask(f"managers/{OTHER_MANAGER}/depsgraph", basic(OTHER_SECRET))
        self.assertEqual([task["manager"] for task in answer.json["depsgraph"]], [OTHER_MANAGER] * 2)
        self.assertEqual([task["_id"] for task in self.depsgraph().json["depsgraph"]], [self.task])
