"""What is answered when something is wrong, and how a Worker can bear it."""

from collections.abc import Iterator

from twisted.web.resource import IResource

from flamenco_mgr.store.interfaces import StoreUnavailable
from tests.builders import TASK
from tests.web import fakes
from tests.web.wires import AS_WORKER, Answer, WireTestCase

UNKNOWN = {"Authorization": "Basic bm90OmE="}
KEYS = {"may_keep_running", "reason", "status_requested"}


class ErrorTests(WireTestCase):
    """Errors of requests, before a farm where all is well."""

    def resource(self) -> IResource:
        self.farm = fakes.FarmOfFakes()
        return self.farm.resource()

    def test_bad_credentials(self) -> None:
        """Whatever is wrong with credentials: 401 with the realm, and a body that a Worker can read everywhere."""
        for value in (
            None,
            "",
            "Basic",
            "Basic ",
            "Basic !!!",
            "Basic AAAA",
            "Bearer abc.def.ghi",
            "Basic bm90OmE=",  # not:a
            "Basic " + "A" * 8000,
            "Basic NWU2YTFmMmM5ZDNiNGEwMDE3YzBmZmVlOndyb25n",  # the worker's id with a wrong secret
            "Basic NWU2YTFmMmM5ZDNiNGEwMDE3YzBmZmVl",  # no colon
        ):
            headers = {} if value is None else {"Authorization": value}
            answer = self.ask("POST", "/task", headers=headers)
            self.assertEqual(answer.status, 401, value)
            self.assertEqual(answer.headers["www-authenticate"], 'Basic realm="Flamenco Manager"')
            self.assertEqual(answer.headers["content-type"], "application/json")
            self.assertEqual(set(answer.json), {"may_keep_running", "reason"})
            self.assertIs(answer.json["may_keep_running"], False)
        self.assertEqual(self.farm.registry.heard, [])

    def test_scheme_in_any_case(self) -> None:
        """The scheme's case does not matter, nor do blanks around the credentials."""
        value = AS_WORKER["Authorization"].replace("Basic ", "bAsIc   ")
        self.assertEqual(self.ask("POST", "/task", headers={"Authorization": value}).status, 204)

    def test_unknown_path(self) -> None:
        """A path that leads nowhere is 404 in JSON."""
        for path in ("/", "/nothing", "/task/", "/tasks", "/tasks//update", "/../task", "/task/../task", "/%ff", "*"):
            answer = self.ask("GET", path)
            self.assertEqual((answer.status, answer.json), (404, {"error": "there is nothing here"}), path)

    def test_wrong_method(self) -> None:
        """A method that a path does not have is 405 in JSON, and names the one that it has."""
        for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "BREW"):
            answer = self.ask(method, "/task")
            self.assertEqual((answer.status, answer.headers["allow"]), (405, "POST"), method)
            self.assertEqual(answer.headers["content-type"], "application/json")
        self.assertEqual(self.ask("HEAD", "/status-change").headers["allow"], "GET")

    def test_bad_id(self) -> None:
        """What is no id in a path is 404 in JSON, after the worker has said who it is."""
        for bad in ("x", TASK[:-1], TASK + "0", "g" * 24, "%00" * 24, "..%2F..%2Fetc", "%ED%A0%80"):
            for action in ("update", "return"):
                answer = self.ask("POST", f"/tasks/{bad}/{action}")
                self.assertEqual(answer.status, 404, bad)
                self.assertEqual(list(answer.json), ["error"])
        self.assertEqual(self.farm.returner.returned, [])

    def test_bad_body(self) -> None:
        """A body that cannot be used is 400 with the reason."""
        for path in ("/sign-on", "/register-worker", "/output-produced"):
            for body in (b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"nickname": NaN}', b"[" * 100_000):
                answer = self.ask("POST", path, body=body)
                self.assertEqual(answer.status, 400, (path, body[:20]))
                self.assertTrue(answer.json["error"].startswith("Unable to decode JSON: "))

    def test_bad_document(self) -> None:
        """A body of the wrong shape is 400, and says which key is wrong."""
        for path, body, key in (
            ("/sign-on", b'{"nickname": 3}', "nickname"),
            ("/sign-on", b'{"supported_task_types": "sleep"}', "supported_task_types"),
            ("/register-worker", b"{}", "secret"),
            ("/register-worker", b'{"secret": ""}', "secret"),
            ("/register-worker", b'{"secret": "%s"}' % (b"s" * 73), "secret"),
            ("/output-produced", b'{"paths": "a"}', "paths"),
        ):
            answer = self.ask("POST", path, body=body)
            self.assertEqual(answer.status, 400)
            self.assertIn(key, answer.json["error"])


class MayIRunTests(WireTestCase):
    """Worker-api.md 4.6: any other answer ends a Worker's asking for good."""

    def resource(self) -> IResource:
        self.farm = fakes.FarmOfFakes()
        return self.farm.resource()

    def answers(self) -> Iterator[Answer]:
        """Ask in every way that goes wrong."""
        path = f"/may-i-run/{TASK}"
        yield self.ask("GET", path, headers={})
        yield self.ask("GET", path, headers=UNKNOWN)
        yield self.ask("GET", "/may-i-run/x")
        yield self.ask("GET", "/may-i-run/")
        yield self.ask("GET", "/may-i-run")
        yield self.ask("GET", f"{path}/more")
        yield self.ask("GET", "/may-i-run/%ff")
        yield self.ask("POST", path)
        yield self.ask("DELETE", path)
        yield self.ask("POST", path, body=b"x" * (2 * 1024 * 1024 + 1))
        self.farm.registry.trouble = StoreUnavailable("the disk is full")
        yield self.ask("GET", path)
        self.farm.registry.trouble = ZeroDivisionError()
        yield self.ask("GET", path)

    def test_shape(self) -> None:
        """Every answer is a JSON object of no other than the three keys; who is unknown stops, who is not goes on."""
        found = []
        for answer in self.answers():
            document = answer.json
            self.assertLessEqual(set(document), KEYS)
            self.assertIsInstance(document["may_keep_running"], bool)
            self.assertEqual(answer.headers["content-type"], "application/json")
            found.append((answer.status, document["may_keep_running"]))
        no, yes = False, True
        stop = [(401, no), (401, no), (404, no), (404, no), (404, no), (404, no), (404, no)]
        self.assertEqual(found, [*stop, (405, yes), (405, yes), (413, yes), (503, yes), (500, yes)])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class StoreAwayTests(WireTestCase):
    """The store does not answer."""

    def resource(self) -> IResource:
        return fakes.FarmOfFakes(registry=fakes.RegistryOfOne(trouble=StoreUnavailable("the disk is full"))).resource()

    def test_no_store(self) -> None:
        """A store that is away is 503 with its words, not a 401, and does not tell anybody when to come again."""
        for path in ("/task", f"/tasks/{TASK}/update", f"/tasks/{TASK}/return", "/sign-on", "/sign-off"):
            answer = self.ask("POST", path)
            self.assertEqual((answer.status, answer.json), (503, {"error": "the disk is full"}))
            self.assertNotIn("retry-after", answer.headers)


class BrokenTests(WireTestCase):
    """The farm has a bug."""

    def resource(self) -> IResource:
        return fakes.FarmOfFakes(registry=fakes.RegistryOfOne(trouble=ZeroDivisionError("a secret"))).resource()

    def test_catch_all(self) -> None:
        """What nobody expected is 500 in JSON without a word of what it was, and is logged; the next one is served."""
        wire = self.connect()
        for _ in range(2):
            answer = wire.ask("POST", "/task", headers=AS_WORKER)
            self.assertEqual((answer.status, list(answer.json)), (500, ["error"]))
            self.assertNotIn(b"Traceback", answer.body)
            self.assertNotIn(b"secret", answer.body)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)
