"""Servers from before the depsgraph (server-api.md 12.3)."""

from flamenco_mgr.demo.standin.behaviour import Pretend
from flamenco_mgr.demo.standin.endpoints import Endpoint
from flamenco_mgr.domain.downloading import DownloadMode
from flamenco_mgr.server.downloader import DownloadRules
from tests.builders import a_worker
from tests.server.downloading import DownloadTestCase


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
