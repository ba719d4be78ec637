"""The Server's tasks are fetched: all of them now and then, in between what is new."""

from zope.interface.verify import verifyObject

from flamenco_mgr.demo.standin import examples
from flamenco_mgr.demo.standin.behaviour import Pretend, Refuse, Silent, Slow, Stalled
from flamenco_mgr.demo.standin.endpoints import Endpoint
from flamenco_mgr.demo.standin.examples import Example
from flamenco_mgr.periodic import IKickable
from flamenco_mgr.server.downloader import DownloadRules
from flamenco_mgr.store.interfaces import EventsAsked
from tests.builders import a_worker
from tests.server.downloading import HOUR, DownloadTestCase


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
        self.assertEqual(self.timers(), [])


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


class AskedForTests(DownloadTestCase):
    """dashboard.md W17: what becomes of a download that somebody has asked for is told in the event log."""

    def told(self) -> list[tuple[str, str]]:
        asked = EventsAsked(kind="download")
        self.result_of(self.store.lease.look())  # whoever holds it sees what was recorded at once
        page = self.result_of(self.store.history.events(asked, None, 100, newest_first=False))
        return [(one.event.after, one.event.text) for one in page.items]

    def ask(self, seconds: float = 0.0) -> None:
        self.downloader.download_now()
        self.pump(seconds, step=1.0) if seconds else self.turns()

    def test_came(self) -> None:
        """How many tasks came, older ones as well, and how many of them are new; other downloads are not told of."""
        self.add_job(3)
        self.start()
        self.until(700.0)
        self.assertEqual(self.told(), [])
        self.add_job(2)
        self.ask()
        self.assertEqual(self.told(), [("completed", "5 tasks came from the Server, 2 of them new or changed")])

    def test_nonsense(self) -> None:
        """How many made no sense is told, too."""
        self.start()
        self.server.behave(Pretend(b'{"depsgraph": [{"_id": 7}]}'), endpoint=Endpoint.DEPSGRAPH, times=1)
        self.ask()
        self.assertEqual(
            self.told(), [("completed", "0 tasks came from the Server, 0 of them new or changed; 1 make no sense")]
        )

    def test_failed(self) -> None:
        """A failure is told once, with the reason, and not again when it is tried again."""
        self.start()
        self.server.behave(Refuse(500))
        self.ask()
        self.pump(200.0, step=10.0)
        ((outcome, text),) = self.told()
        self.assertEqual(outcome, "failed")
        self.assertIn("500", text)

    def test_refused_credentials(self) -> None:
        """Whoever asks though the credentials are refused is answered at once."""
        self.server.behave(Refuse(403))
        self.start()
        for _ in range(2):
            self.ask()
        self.assertEqual([outcome for outcome, _ in self.told()], ["failed"] * 2)

    def test_asked_meanwhile(self) -> None:
        """Who asks while a download is under way is told of the next one, and nothing before."""
        self.start()
        self.add_job(1)
        self.server.behave(Slow(5.0), endpoint=Endpoint.DEPSGRAPH, times=2)
        self.ask(2.0)
        self.ask(4.5)
        self.assertEqual(self.told(), [])
        self.pump(6.0, step=1.0)
        self.assertEqual(self.told(), [("completed", "1 tasks came from the Server, 0 of them new or changed")])
        self.flushLoggedErrors()


class NeverKickedTests(DownloadTestCase):
    rules = DownloadRules(throttle=-1.0)

    def test_never(self) -> None:
        """server-api.md 3.6: with a negative throttle idle workers bring nothing forward."""
        self.start()
        self.until(300.0)
        self.kick()
        self.assertEqual(self.server.record.requests[Endpoint.DEPSGRAPH], 1)
