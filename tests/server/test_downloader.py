"""The Server's tasks are fetched: all of them now and then, in between what is new."""

from collections.abc import Mapping
from typing import Any

from twisted.logger import LogLevel, capturedLogs
from zope.interface.verify import verifyObject

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
    Slow,
    Stalled,
    Truncated,
    WithoutHeaders,
)
from flamenco_mgr.demo.standin.endpoints import Endpoint
from flamenco_mgr.demo.standin.examples import Example
from flamenco_mgr.domain.downloading import DownloadMode
from flamenco_mgr.server.downloader import Downloader, DownloadRules
from flamenco_mgr.server.interfaces import IKickable
from flamenco_mgr.server.waiting import WaitingTasks
from tests.builders import a_worker
from tests.server.linked import NOW, LinkedTestCase
from tests.threads import at_once

HOUR = 3600.0


class DownloadTestCase(LinkedTestCase):
    rules = DownloadRules()

    def setUp(self) -> None:
        super().setUp()
        self.downloader = self.a_downloader()
        self.addCleanup(self.downloader.stopService)

    def a_downloader(self) -> Downloader:
        return Downloader(
            client=self.client,
            store=self.store,
            importer=self.importer,
            waiting=WaitingTasks(tasks=self.store.tasks, in_thread=at_once),
            clock=self.clock,
            rules=self.rules,
        )

    def start(self) -> None:
        """Start; the first download is then over."""
        self.downloader.startService()
        self.turns()

    def until(self, instant: float, step: float = 10.0) -> None:
        """Let time pass until so many seconds after the start."""
        self.pump(NOW + instant - self.clock.seconds(), step=step)

    def kick(self) -> None:
        """An idle worker asks, and what comes of it is over."""
        self.downloader.kick()
        self.turns()

    def downloads(self) -> list[tuple[float, str, int]]:
        """Return when the Server was asked, in seconds after the start, since when, and how many tasks it sent."""
        return [(each.at / 1000 - NOW, each.since, each.tasks) for each in self.server.record.downloads]

    def mark(self) -> str | None:
        return self.result_of(self.store.mark.get())

    def candidate(self, skip: tuple[str, ...] = (), *types: str) -> str | None:
        """Return the task that a worker would get."""
        task = self.result_of(
            self.store.tasks.candidate(a_worker().id, types or ("sleep", "blender-render", "file-management"), skip)
        )
        return None if task is None else task.id

    def counts(self) -> Mapping[str, int]:
        return self.result_of(self.store.tasks.counts())


class DownloadTests(DownloadTestCase):
    def test_interface(self) -> None:
        """The downloader can be kicked."""
        verifyObject(IKickable, self.downloader)

    def test_at_the_start(self) -> None:
        """server-api.md 3.6 and 17.4: a clean slate at the start, at once; then workers may have the tasks."""
        tasks = self.add_job(3)
        self.start()
        self.assertEqual(self.downloads(), [(0.0, "", 3)])
        self.assertEqual(self.counts(), {"claimed-by-manager": 3})
        self.assertEqual(self.candidate(), min(task.id for task in tasks))
        self.assertEqual(self.mark(), "2019-11-12T13:57:12+00:00")

    def test_examples(self) -> None:
        """server-api.md 15.1: the answers of real Servers are understood, every task of them."""
        for example in Example:
            self.server.books.load(examples.documents(example), newest=examples.newest(example))
        self.clock.advance(7 * 24 * HOUR)
        self.start()
        self.assertEqual(sum(self.counts().values()), 58)
        self.assertEqual(self.result_of(self.store.tasks.aside()), ())
        self.assertEqual(self.mark(), "2019-11-18T19:41:52.900000+00:00")

    def test_again(self) -> None:
        """server-api.md 12.2 and 17.4: then every ten minutes, from ten minutes before the mark."""
        self.add_job(1)
        self.start()
        self.until(1300.0)
        self.assertEqual(
            [(at, since) for at, since, _ in self.downloads()],
            [(0.0, ""), (600.0, "2019-11-12T13:47:12+00:00"), (1200.0, "2019-11-12T13:47:12+00:00")],
        )

    def test_clean_slates(self) -> None:
        """server-api.md 17.4: everything is asked for every six hours."""
        self.add_job(1)
        self.start()
        self.until(13 * HOUR, step=200.0)
        self.assertEqual([at for at, since, _ in self.downloads() if not since], [0.0, 6 * HOUR, 12 * HOUR])

    def test_late_tasks(self) -> None:
        """server-api.md 11.5 and 17.4: tasks that become visible later than their time says are not missed."""
        self.add_job(1)
        self.start()
        self.until(300.0)
        late = self.add_job(2, took=301.0)
        self.kick()
        self.assertEqual([self.task(task.id).status for task in late], ["claimed-by-manager"] * 2)

    def test_priority(self) -> None:
        """server-api.md 16, fact 5: a job's new priority arrives with the next download."""
        task = self.add_job(1)[0]
        self.start()
        self.until(60.0)
        self.server.books.set_job_priority(task.job, 90)
        self.kick()
        self.assertEqual(self.task(task.id).job_priority, 90)

    def test_nothing(self) -> None:
        """server-api.md 3.3: 204, 304 and an empty list change nothing, and the mark stays."""
        self.start()
        self.assertIsNone(self.mark())
        self.add_job(1)
        self.until(600.0)
        mark = self.mark()
        self.assertIsNotNone(mark)
        for behaviour in (Refuse(204), Refuse(304), Pretend(b'{"depsgraph": []}')):
            self.server.behave(behaviour, endpoint=Endpoint.DEPSGRAPH)
            self.pump(600.0, step=50.0)
            self.assertEqual((self.counts(), self.mark()), ({"claimed-by-manager": 1}, mark), behaviour)

    def test_restart(self) -> None:
        """server-api.md 13: what arrives once more after a restart changes nothing."""
        self.add_job(4)
        self.start()
        before = [self.task(task.id) for task in self.server.books.tasks()]
        self.successResultOf(self.downloader.stopService())
        self.downloader = self.a_downloader()
        self.start()
        self.successResultOf(self.downloader.stopService())
        self.assertEqual([self.task(task.id) for task in self.server.books.tasks()], before)

    def test_updates_wait(self) -> None:
        """server-api.md 13, step 10, and 17.3: a download never takes a running task from its worker."""
        task = self.add_job(1)[0]
        self.start()
        self.change(task.id, status="active", worker_id=a_worker().id)
        self.until(600.0)
        self.assertEqual((self.task(task.id).status, self.task(task.id).worker_id), ("active", a_worker().id))

    def test_pushed_meanwhile(self) -> None:
        """What the Server takes while it sends may be missing in what it sends."""
        task = self.add_job(1)[0]
        self.start()
        self.change(task.id, status="active", worker_id=a_worker().id)
        self.until(590.0)
        self.server.behave(Slow(20.0), endpoint=Endpoint.DEPSGRAPH)
        self.until(605.0, step=5.0)
        self.result_of(self.store.updates.handled(self.queue()))
        self.until(620.0, step=5.0)
        self.assertEqual(self.task(task.id).status, "active")

    def test_many(self) -> None:
        """A long answer is stored in slices, and all of it."""
        self.add_job(1234)
        self.start()
        self.assertEqual(self.counts(), {"claimed-by-manager": 1234})

    def test_held_until_all_are_here(self) -> None:
        """No worker gets a task of an answer that has not wholly arrived: its parents may still come."""
        self.add_job(500)
        self.server.behave(Stalled(100_000), endpoint=Endpoint.DEPSGRAPH, times=1)
        self.start()
        self.assertGreater(sum(self.counts().values()), 50)
        self.assertIsNone(self.candidate())
        self.until(300.0)
        self.assertIsNone(self.mark())
        self.until(600.0)
        self.assertIsNotNone(self.candidate())
        self.assertEqual(sum(self.counts().values()), 500)

    def test_stop(self) -> None:
        """Stopping breaks a download off, and leaves no timer."""
        self.server.behave(Silent())
        self.start()
        self.successResultOf(self.downloader.stopService())
        self.turns()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class KickTests(DownloadTestCase):
    def test_throttle(self) -> None:
        """server-api.md 12.2: an idle worker brings a download forward, again when more than 10 s have passed."""
        self.start()
        self.until(5.0, step=1.0)
        for _ in range(3):
            self.kick()
        self.until(15.0, step=1.0)
        self.kick()
        self.assertEqual(self.server.record.requests[Endpoint.DEPSGRAPH], 2)
        self.until(15.5, step=0.5)
        self.kick()
        self.assertEqual(self.server.record.requests[Endpoint.DEPSGRAPH], 3)


class NeverKickedTests(DownloadTestCase):
    rules = DownloadRules(throttle=-1.0)

    def test_never(self) -> None:
        """server-api.md 3.6: with a negative throttle idle workers bring nothing forward."""
        self.start()
        self.until(300.0)
        self.kick()
        self.assertEqual(self.server.record.requests[Endpoint.DEPSGRAPH], 1)


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
        self.assertEqual(self.clock.getDelayedCalls(), [], behaviour)

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

    def test_credentials_refused(self) -> None:
        """server-api.md 2: refused credentials change nothing, and are tried again a minute later at the soonest."""
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
            self.pump(11.0, step=11.0)
            self.server.behave_well()
            self.kick()
            self.assertEqual(self.server.record.requests[Endpoint.DEPSGRAPH], requests + 2, status)
        self.assertEqual([self.task(task.id).status for task in tasks], ["claimed-by-manager"] * 2)

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


class EarlyServerTests(DownloadTestCase):
    """server-api.md 12.3: Servers from before the depsgraph."""

    def setUp(self) -> None:
        super().setUp()
        self.server.early = True

    def add_workers(self, count: int) -> None:
        for number in range(1, count + 1):
            self.result_of(self.store.workers.add(a_worker(id=f"{number:024x}")))

    def test_chunks(self) -> None:
        """It is asked for as many tasks as there are workers, one at least, at the start and by idle workers."""
        self.add_job(10)
        self.start()
        self.assertEqual(self.counts(), {"claimed-by-manager": 1})
        self.add_workers(4)
        self.kick()
        self.assertEqual(self.counts(), {"claimed-by-manager": 5})
        self.assertIsNotNone(self.candidate())
        self.assertIsNone(self.mark())

    def test_once_an_hour(self) -> None:
        """Once an hour it is asked for a depsgraph; when it has one, that is used from then on."""
        self.add_job(5)
        self.start()
        self.until(1800.0)
        self.server.early = False
        self.until(3500.0)
        self.assertEqual(self.server.record.requests[Endpoint.DEPSGRAPH], 1)
        self.until(3600.0)
        self.assertEqual(self.server.record.requests[Endpoint.DEPSGRAPH], 2)
        self.assertEqual(self.counts(), {"claimed-by-manager": 5})
        self.assertIsNotNone(self.mark())

    def test_wrong_id(self) -> None:
        """A 404 because our id is wrong is not an early Server: it is our credentials' trouble."""
        self.client = self.a_client(manager_id="e" * 24)
        self.downloader = self.a_downloader()
        self.start()
        self.assertEqual(self.server.record.requests[Endpoint.CHUNK], 0)
        self.assertIn("404", self.reachability.status.refusal)
        self.successResultOf(self.downloader.stopService())


class DepsgraphOnlyTests(EarlyServerTests):
    rules = DownloadRules(mode=DownloadMode.DEPSGRAPH)

    def test_chunks(self) -> None:
        """With ``download_mode: depsgraph`` no chunks are asked for."""
        self.add_job(10)
        self.start()
        self.until(600.0)
        self.assertEqual(self.server.record.requests[Endpoint.CHUNK], 0)
        self.assertEqual(self.reachability.status.refusal, "")

    def test_once_an_hour(self) -> None:
        """It is tried each time, and works when the Server has learnt it."""
        self.add_job(2)
        self.start()
        self.server.early = False
        self.until(600.0)
        self.assertEqual(self.counts(), {"claimed-by-manager": 2})


class ChunkModeTests(DownloadTestCase):
    rules = DownloadRules(mode=DownloadMode.CHUNK)

    def test_chunks(self) -> None:
        """With ``download_mode: chunk`` no depsgraph is asked for; nothing to hand out is nothing."""
        self.server.early = True
        self.start()
        self.assertEqual(
            (self.server.record.requests[Endpoint.DEPSGRAPH], self.server.record.requests[Endpoint.CHUNK]), (0, 1)
        )
        self.server.behave(Pretend(b"", status=204), endpoint=Endpoint.CHUNK)
        self.kick()
        self.assertEqual(self.counts(), {})
