"""What the stand-in does when it is told to misbehave."""

import json
from typing import Any

from twisted.web.client import ResponseFailed

from flamenco_mgr.demo.standin.behaviour import (
    Altered,
    Behaviour,
    LoseAnswer,
    Pretend,
    Redirect,
    Refuse,
    Rubbish,
    Silent,
    Slow,
    Stalled,
    Truncated,
    WithoutHeaders,
)
from flamenco_mgr.demo.standin.endpoints import Endpoint
from flamenco_mgr.demo.standin.jobs import sleep_job
from tests.demo.standin_case import MANAGER, SECRET, StandInTestCase, basic

BATCH = f"/api/flamenco/managers/{MANAGER}/task-update-batch"


class BehaviourTests(StandInTestCase):
    def setUp(self) -> None:
        super().setUp()
        [self.task] = self.claimed_job(1).tasks

    def status(self) -> str:
        return self.books.task(self.task).status

    def begin_push(self) -> Any:
        pushing = self.begin("POST", BATCH, json=[self.update(self.task, "active")])
        self.treq.flush()
        return pushing

    def test_slow(self) -> None:
        """A slow Server works at once and answers on time, not before."""
        self.server.behave(Slow(3))
        pushing = self.begin_push()
        self.assertEqual(self.status(), "active")
        self.clock.advance(2.9)
        self.treq.flush()
        self.assertNoResult(pushing)
        self.clock.advance(0.1)
        self.treq.flush()
        self.assertEqual(self.successResultOf(pushing).code, 200)

    def test_given_up(self) -> None:
        """A request that its sender gave up leaves nothing behind on the clock."""
        self.server.behave(Slow(3))
        pushing = self.begin_push()
        pushing.cancel()
        self.treq.flush()
        self.failureResultOf(pushing)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_silent(self) -> None:
        """A silent Server does nothing, ever, on any endpoint; the requests are counted."""
        self.server.silent_everywhere()
        pushing, asking = self.begin_push(), self.begin("GET", f"/api/flamenco/tasks/{self.task}")
        self.clock.advance(1e6)
        self.treq.flush()
        self.assertNoResult(pushing)
        self.assertNoResult(asking)
        self.assertEqual(self.status(), "claimed-by-manager")
        self.assertEqual((self.record.requests[Endpoint.PUSH], self.record.requests[Endpoint.TASK]), (1, 1))
        self.assertEqual(self.record.answers, {("depsgraph", 200): 1})

    def test_refuse(self) -> None:
        """A refusal has the status that was told, and does nothing of what was asked."""
        for status in (400, 401, 403, 404, 410, 429, 500, 503, 599):
            self.server.behave(Refuse(status), endpoint=Endpoint.PUSH, times=1)
            answer = self.push(self.update(self.task, "active"))
            self.assertEqual(answer.code, status)
            self.assertEqual(answer.json["_status"], "ERR")
        self.assertEqual(self.status(), "claimed-by-manager")

    def test_refuse_with_html(self) -> None:
        """A refusal can have another body, as a proxy's page."""
        self.server.behave(Refuse(502, b"<html>Bad Gateway</html>"))
        answer = self.push()
        self.assertEqual((answer.code, answer.body), (502, b"<html>Bad Gateway</html>"))
        self.assertIn("text/html", answer.header("Content-Type") or "")

    def test_always_current(self) -> None:
        """Told to, the Server says of any task that it has not changed: 304 has no body."""
        self.server.behave(Refuse(304), endpoint="task")
        answer = self.request("GET", f"/api/flamenco/tasks/{self.task}")
        self.assertEqual((answer.code, answer.body), (304, b""))

    def test_before_credentials(self) -> None:
        """Misbehaviour needs no credentials."""
        self.server.behave(Refuse(500))
        self.assertEqual(self.push(authorization=basic("unknown")).code, 500)

    def test_pretend(self) -> None:
        """A lie has any body, and nothing is done."""
        for body in (b"{nope", b"[]", b'{"handled_update_ids": 5}', b"<html></html>"):
            self.server.behave(Pretend(body), times=1)
            answer = self.push(self.update(self.task, "active"))
            self.assertEqual((answer.code, answer.body), (200, body))
        self.assertEqual(self.status(), "claimed-by-manager")

    def test_rubbish(self) -> None:
        """Rubbish is of the size that was told, and no JSON."""
        for size in (0, 1, 70_000, 200_001):
            self.server.behave(Rubbish(size), times=1)
            answer = self.push()
            self.assertEqual(len(answer.body), size)
            self.assertRaises(ValueError, json.loads, answer.body)

    def test_redirect(self) -> None:
        """A redirect names another place."""
        self.server.behave(Redirect("https://elsewhere.invalid/x", 307))
        answer = self.push()
        self.assertEqual((answer.code, answer.header("Location")), (307, "https://elsewhere.invalid/x"))

    def test_altered(self) -> None:
        """An answer can be twisted, also one that comes in parts; what was asked is done."""

        def with_float_priority(answer: Any) -> Any:
            answer["depsgraph"][0]["priority"] = 8.5
            return answer

        self.server.behave(Altered(with_float_priority), endpoint="depsgraph", times=1)
        answer = self.depsgraph()
        self.assertEqual(answer.json["depsgraph"][0]["priority"], 8.5)
        self.assertIsNotNone(answer.header("X-Flamenco-Last-Updated"))
        self.assertEqual(self.depsgraph().json["depsgraph"][0]["priority"], 50)

    def test_without_headers(self) -> None:
        """Headers can be left out."""
        self.server.behave(WithoutHeaders(("x-flamenco-last-updated", "content-type")))
        answer = self.depsgraph()
        self.assertEqual(len(answer.json["depsgraph"]), 1)
        self.assertIsNone(answer.header("X-Flamenco-Last-Updated"))
        self.assertIsNone(answer.header("Content-Type"))

    def test_truncated(self) -> None:
        """A cut answer ends early; what was asked is done."""
        self.server.behave(Truncated(5))
        pushing = self.begin_push()
        self.failureResultOf(pushing)
        self.assertEqual(self.status(), "active")

    def test_stalled(self) -> None:
        """A stalled answer begins, and never ends; what was asked is done."""
        self.server.behave(Stalled(5))
        pushing = self.begin_push()
        self.assertNoResult(pushing)
        self.assertEqual(self.status(), "active")
        pushing.cancel()
        self.failureResultOf(pushing)

    def test_lost_answer(self) -> None:
        """A lost answer is a broken connection; what was asked is done."""
        self.server.behave(LoseAnswer())
        pushing = self.begin_push()
        self.failureResultOf(pushing, ResponseFailed)
        self.assertEqual(self.status(), "active")

    def test_together(self) -> None:
        """Of several the outermost comes first: late, and then twisted."""
        self.server.behave(Slow(3), Altered(lambda answer: {**answer, "modified_count": "many"}))
        pushing = self.begin_push()
        self.clock.advance(3)
        self.treq.flush()
        self.assertEqual(self.successResultOf(pushing).json["modified_count"], "many")

    def test_refused_inside(self) -> None:
        """What the honest Server refuses is refused by a slow one, too."""
        self.server.behave(Slow(3))
        asking = self.begin("GET", "/api/flamenco/managers/me/depsgraph")
        self.treq.flush()
        self.clock.advance(3)
        self.treq.flush()
        self.assertEqual(self.successResultOf(asking).code, 400)


class ConductTests(StandInTestCase):
    def codes(self, count: int) -> list[int]:
        return [self.push().code for _ in range(count)]

    def tell(self, *behaviours: Behaviour, **options: Any) -> None:
        self.server.behave(*behaviours, **options)

    def test_times(self) -> None:
        """What is told for some requests is done for so many, in the order of telling."""
        self.tell(Refuse(500), times=2)
        self.tell(Refuse(404), times=1)
        self.assertEqual(self.codes(4), [500, 500, 404, 200])
        self.tell(Refuse(500), times=0)
        self.assertEqual(self.codes(1), [200])

    def test_endpoint(self) -> None:
        """What is told for one endpoint is not done on others, nor counted there."""
        self.tell(Refuse(500), endpoint="push", times=1)
        self.assertEqual(self.depsgraph().code, 204)
        self.assertEqual(self.codes(2), [500, 200])
        self.assertRaises(ValueError, self.tell, Silent(), endpoint="posh")

    def test_for_good(self) -> None:
        """What is told for good holds until told otherwise; what is told for some requests comes first."""
        self.tell(Refuse(503))
        self.tell(Refuse(500), times=1)
        self.assertEqual(self.codes(3), [500, 503, 503])
        self.tell(Refuse(502), endpoint="push")
        self.assertEqual((self.codes(1), self.depsgraph().code), ([502], 503))
        self.tell(endpoint="push")
        self.assertEqual((self.codes(1), self.depsgraph().code), ([200], 503))

    def test_behave_well(self) -> None:
        """All is forgotten at once, or what was told for one endpoint."""
        self.tell(Refuse(503))
        self.tell(Refuse(500), endpoint="push", times=9)
        self.server.behave_well("push")
        self.assertEqual((self.codes(1), self.depsgraph().code), ([200], 503))
        self.server.behave_well()
        self.assertEqual((self.codes(1), self.depsgraph().code), ([200], 204))


class ClockTests(StandInTestCase):
    def test_wrong_clock(self) -> None:
        """A wrong clock is seen in the Date of each answer, and in the times of what is made by it."""
        self.server.time.offset = -3600
        job = self.books.add_job(sleep_job(1))
        answer = self.depsgraph()
        self.assertEqual(answer.header("Date"), "Tue, 12 Nov 2019 12:57:09 GMT")
        self.assertEqual(answer.json["depsgraph"][0]["_updated"], "Tue, 12 Nov 2019 12:57:09 GMT")
        self.server.time.offset = 0
        self.books.set_job_priority(job.id, 51)
        answer = self.depsgraph()
        self.assertEqual(answer.header("Date"), "Tue, 12 Nov 2019 13:57:09 GMT")
        self.assertEqual(answer.json["depsgraph"][0]["_updated"], "Tue, 12 Nov 2019 13:57:09 GMT")

    def test_secret_is_not_shown(self) -> None:
        """Nobody reads the secret in a log."""
        self.assertNotIn(SECRET, repr(self.server))
