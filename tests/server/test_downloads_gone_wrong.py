"""What the Server sends can be wrong in every way, and the farm goes on."""

from typing import Any, cast

from twisted.logger import LogLevel, capturedLogs

from flamenco_mgr.demo.standin import examples
from flamenco_mgr.demo.standin.behaviour import (
    Altered,
    Behaviour,
    LoseAnswer,
    Pretend,
    Redirect,
    Refuse,
    Rubbish,
    Silent,
    Stalled,
    Truncated,
    WithoutHeaders,
)
from flamenco_mgr.demo.standin.endpoints import Endpoint
from flamenco_mgr.demo.standin.examples import Example
from flamenco_mgr.server.importing import TaskImporter
from flamenco_mgr.store.interfaces import ITaskStore, StoreUnavailable
from tests.server.downloading import HOUR, DownloadTestCase


class FullTasks:
    """The tasks of a store that takes in no more."""

    def __init__(self, tasks: Any) -> None:
        self.tasks = tasks

    def __getattr__(self, name: str) -> Any:
        return getattr(self.tasks, name)

    async def take_in(self, _imports: Any) -> frozenset[str]:
        raise StoreUnavailable("full")


class TroubleTests(DownloadTestCase):
    def failing(self, behaviour: Behaviour, seconds: float = 0.0) -> None:
        """Download while the Server behaves like this; nothing may be marked as known."""
        self.server.behave(behaviour, endpoint=Endpoint.DEPSGRAPH)
        self.downloader = self.a_downloader()
        self.start()
        self.pump(seconds, step=50.0)
        self.assertIsNone(self.mark(), behaviour)
        self.assertIsNone(self.candidate(), behaviour)
        self.successResultOf(self.downloader.stopService())
        self.turns()
        self.assertEqual(self.timers(), [], behaviour)

    def test_from_the_server(self) -> None:
        """Wrong JSON, wrong types, rubbish, a stalled body, redirects, HTML: nothing is taken for granted after any."""
        self.add_job(3)
        for body in (
            b"",
            b"null",
            b"[]",
            b"{}",
            b'"depsgraph"',
            b'{"depsgraph": null}',
            b'{"depsgraph": {}}',
            b'{"depsgraph": {"_id": "5dcab95c2f8e3a0017c4d103"}}',
            b'{"depsgraph": [}',
            b'{"depsgraph": [{]}',
            b'{"depsgraph": []',
            b'{"depsgraph": []} and more',
            b'{"depsgraph": [[[[[' + b"[" * 100_000,
            b'{"depsgraph": [' + b'{"a":' * 100_000,
            b"]" * 1000,
            b"<!DOCTYPE html><html><body>Please log in</body></html>",
            b"\x00\xff" * 5000,
        ):
            self.failing(Pretend(body))
        for behaviour in (
            Rubbish(10 << 20),
            Truncated(0),
            Truncated(900),
            LoseAnswer(),
            Refuse(500),
            Refuse(502, b"<html>Bad gateway</html>"),
            Refuse(403),
            Redirect("https://elsewhere.invalid/"),
        ):
            self.failing(behaviour)
        self.failing(Stalled(900), seconds=300.0)
        self.failing(Silent(), seconds=300.0)
        self.server.behave_well()
        self.downloader = self.a_downloader()
        self.start()
        self.assertEqual(self.counts(), {"claimed-by-manager": 3})
        self.assertIsNotNone(self.candidate())

    def test_set_aside(self) -> None:
        """server-api.md 17.5: each task that makes no sense is set aside visibly, and the others go in."""
        mistakes: tuple[dict[str, object], ...] = (
            {"priority": 49.5},
            {"priority": "high"},
            {"priority": True},
            {"priority": 10**30},
            {"status": "processing"},
            {"status": None},
            {"status": 7},
            {"job": "none"},
            {"job": None},
            {"parents": "e" * 24},
            {"parents": ["e"]},
            {"commands": {}},
            {"commands": [1]},
            {"commands": [{"settings": {}}]},
            {"commands": [{"name": "echo", "settings": []}]},
            {"commands": [{"name": "echo", "settings": {"a": float("nan")}}]},
            {"commands": [{"name": "echo", "settings": {"a": float("-inf")}}]},
            {"name": ["a"]},
            {"task_type": 5},
            {"_etag": "\ud800", "commands": [{"name": "\ud800"}, 5]},
        )
        tasks = self.add_job(len(mistakes) + 2)

        def alter(answer: Any) -> Any:
            for document, mistake in zip(answer["depsgraph"], mistakes, strict=False):
                document.update(mistake)
            return answer

        self.server.behave(Altered(alter), endpoint=Endpoint.DEPSGRAPH, times=1)
        self.start()
        aside = self.result_of(self.store.tasks.aside())
        self.assertEqual({each.task_id for each in aside}, {task.id for task in tasks[:-2]})
        self.assertEqual(self.counts(), {"claimed-by-manager": 2})
        self.assertIsNotNone(self.candidate())
        self.assertIsNotNone(self.mark())
        by_id = {each.task_id: each.reason for each in aside}
        self.assertEqual(by_id[tasks[0].id], "priority is not an integer: 49.5")
        self.kick()
        self.assertEqual(self.result_of(self.store.tasks.aside()), ())
        self.assertEqual(self.counts(), {"claimed-by-manager": len(tasks)})

    def test_own_parent(self) -> None:
        """A task that is its own parent is set aside."""
        tasks = self.add_job(2)

        def alter(answer: Any) -> Any:
            answer["depsgraph"][0]["parents"] = [answer["depsgraph"][0]["_id"]]
            return answer

        self.server.behave(Altered(alter), endpoint=Endpoint.DEPSGRAPH)
        self.start()
        self.assertEqual([each.task_id for each in self.result_of(self.store.tasks.aside())], [tasks[0].id])

    def test_whole_floats(self) -> None:
        """A priority of 50.0 is one of 50."""
        task = self.add_job(1)[0]

        def alter(answer: Any) -> Any:
            answer["depsgraph"][0]["priority"] = 51.0
            return answer

        self.server.behave(Altered(alter), endpoint=Endpoint.DEPSGRAPH)
        self.start()
        self.assertEqual(repr(self.task(task.id).priority), "51")

    def test_no_objects(self) -> None:
        """Members of the list that are no objects are counted, and told, and do no harm."""
        self.add_job(1)
        self.server.behave(
            Altered(lambda answer: {"depsgraph": [1, None, "x", [], *answer["depsgraph"], {}]}),
            endpoint=Endpoint.DEPSGRAPH,
        )
        with capturedLogs() as events:
            self.start()
        self.assertEqual(self.counts(), {"claimed-by-manager": 1})
        self.assertIn(5, [event.get("misfits") for event in events])

    def test_ids_twice(self) -> None:
        """Of two documents with one id the later counts, in one slice or in two."""
        tasks = self.add_job(250)

        def alter(answer: Any) -> Any:
            documents = answer["depsgraph"]
            near = documents[0] | {"priority": 1, "_etag": "near"}
            far = documents[0] | {"priority": 2, "_etag": "far"}
            return {"depsgraph": [documents[0], near, *documents[1:], far]}

        self.server.behave(Altered(alter), endpoint=Endpoint.DEPSGRAPH)
        self.start()
        first = self.task(tasks[0].id)
        self.assertEqual((first.priority, first.etag), (2, "far"))
        self.assertEqual(sum(self.counts().values()), 250)

    def test_ring(self) -> None:
        """Tasks that wait for each other are taken in, never handed out, and told once; others are not harmed."""
        ring = self.add_job(3)
        free = self.add_job(1)[0]

        def alter(answer: Any) -> Any:
            for place, document in enumerate(answer["depsgraph"][:3]):
                document["parents"] = [ring[(place + 1) % 3].id]
            return answer

        self.server.behave(Altered(alter), endpoint=Endpoint.DEPSGRAPH)
        with capturedLogs() as events:
            self.start()
            self.kick()
        told = [event for event in events if "wait for themselves" in event["log_format"]]
        self.assertEqual([(event["log_level"], event["count"]) for event in told], [(LogLevel.warn, 3)])
        self.assertEqual((self.candidate(), self.candidate((free.id,))), (free.id, None))

    def test_unknown_parents(self) -> None:
        """server-api.md 15.1: a parent that is not here counts as completed, and is told once."""
        self.server.books.load(examples.documents(Example.EDGE_CASES), newest=examples.newest(Example.EDGE_CASES))
        with capturedLogs() as events:
            self.start()
            self.until(600.0)
        told = [event for event in events if "count as completed" in event["log_format"]]
        self.assertEqual([(event["count"], event["some"]) for event in told], [(1, "5dd2f0c09a0b1c00215555ff")])

    def test_future(self) -> None:
        """server-api.md 17.2: a since-value in the Server's future is not stored, so new jobs are seen."""
        self.add_job(1, took=-HOUR)
        self.start()
        self.assertEqual(self.mark(), "2019-11-12T13:57:11+00:00")
        self.until(60.0)
        later = self.add_job(1)[0]
        self.kick()
        self.assertEqual(self.task(later.id).status, "claimed-by-manager")

    def test_without_headers(self) -> None:
        """An answer that does not say how new it is is taken in; the mark stays."""
        self.add_job(2)
        self.server.behave(WithoutHeaders(("X-Flamenco-Last-Updated", "Date")), endpoint=Endpoint.DEPSGRAPH)
        self.start()
        self.assertEqual((self.counts(), self.mark()), ({"claimed-by-manager": 2}, None))

    def test_mark_waits_for_all(self) -> None:
        """server-api.md 17.4: an answer that breaks off leaves the mark, and what is missing comes the next time."""
        self.add_job(1)
        self.start()
        mark = self.mark()
        self.until(300.0)
        self.add_job(500)
        self.server.behave(Truncated(100_000), endpoint=Endpoint.DEPSGRAPH, times=1)
        self.kick()
        self.assertEqual(self.mark(), mark)
        self.until(900.0)
        self.assertEqual(sum(self.counts().values()), 501)
        self.assertNotEqual(self.mark(), mark)

    def test_mark_waits_for_the_store(self) -> None:
        """server-api.md 17.4: tasks that have arrived, and cannot be stored, leave the mark where it is."""
        self.add_job(1)
        self.start()
        mark = self.mark()
        self.until(300.0)
        self.add_job(1)
        full = cast("ITaskStore", FullTasks(self.store.tasks))
        self.downloader.importer = TaskImporter(tasks=full, clock=self.clock)
        self.kick()
        self.assertEqual((self.mark(), sum(self.counts().values())), (mark, 1))

    def test_credentials_refused(self) -> None:
        """server-api.md 2: refused credentials change nothing, and are tried again a minute later, not sooner."""
        tasks = self.add_job(2)
        self.start()
        for status in (401, 403):
            self.pump(11.0, step=11.0)
            self.server.behave(Refuse(status), endpoint=Endpoint.DEPSGRAPH)
            requests = self.server.record.requests[Endpoint.DEPSGRAPH]
            for _ in range(5):
                self.kick()
                self.pump(11.0, step=11.0)
            self.assertEqual(self.server.record.requests[Endpoint.DEPSGRAPH], requests + 1, status)
            self.server.behave_well()
            self.pump(11.0, step=11.0)
            self.assertEqual(self.server.record.requests[Endpoint.DEPSGRAPH], requests + 2, status)
        self.assertEqual([self.task(task.id).status for task in tasks], ["claimed-by-manager"] * 2)

    def test_again_a_minute_later(self) -> None:
        """A download that failed is tried again a minute later, though no worker asks, until it goes well."""
        self.server.behave(Refuse(500), endpoint=Endpoint.DEPSGRAPH, times=2)
        self.start()
        for instant, requests in ((59.0, 1), (60.0, 2), (119.0, 2), (120.0, 3), (300.0, 3)):
            self.until(instant, step=1.0)
            self.assertEqual(self.server.record.requests[Endpoint.DEPSGRAPH], requests, instant)

    def test_told_on_change(self) -> None:
        """A Server that goes on talking nonsense is told once, and again when its nonsense changes."""
        self.server.behave(Pretend(b"[]"), endpoint=Endpoint.DEPSGRAPH)
        with capturedLogs() as events:
            self.start()
            self.until(3000.0, step=100.0)
            self.server.behave(Pretend(b"<html>"), endpoint=Endpoint.DEPSGRAPH)
            self.until(6000.0, step=100.0)
        told = [event for event in events if event["log_level"] is LogLevel.warn]
        self.assertEqual(len(told), 2)
