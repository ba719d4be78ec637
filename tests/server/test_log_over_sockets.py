"""A log is sent over a real connection."""

from pathlib import Path
from random import Random
from typing import Any

from twisted.internet import reactor as the_reactor
from twisted.internet.defer import succeed
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase
from twisted.web.server import Site

from flamenco_mgr.demo.standin.behaviour import Refuse
from flamenco_mgr.demo.standin.endpoints import Endpoint
from flamenco_mgr.demo.standin.jobs import flat_job
from flamenco_mgr.demo.standin_server import StandInServer
from flamenco_mgr.domain.log_files import log_path
from flamenco_mgr.domain.log_requests import LogRequest
from flamenco_mgr.farm.log_archive import LogArchive
from flamenco_mgr.server.client import FlamencoServerClient
from flamenco_mgr.server.clock_offset import ClockOffset
from flamenco_mgr.server.exchange import ServerExchange, http_client
from flamenco_mgr.server.log_form import LogForm
from flamenco_mgr.server.reachability import Reachability
from flamenco_mgr.server.trouble import ServerRefused
from tests.server.linked import MANAGER, SECRET

SIZE = 5_000_000

reactor: Any = the_reactor


class SocketsTests(TestCase):
    timeout = 60

    async def setUp(self) -> None:  # type: ignore[override]
        self.server = StandInServer(reactor, Random(1), MANAGER, SECRET)
        (task,) = self.server.books.add_job(flat_job(1)).tasks.values()
        self.wanted = LogRequest(job=task.job, task=task.id)
        port = reactor.listenTCP(0, Site(self.server.resource(), parsePOSTFormSubmission=False), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        treq: Any = http_client(reactor)
        self.addCleanup(treq._agent.agent._pool.closeCachedConnections)
        exchange = ServerExchange(
            treq=treq,
            clock=reactor,
            url=f"http://127.0.0.1:{port.getHost().port}/",
            secret=SECRET,
            reachability=Reachability(clock=reactor),
            offset=ClockOffset(clock=reactor),
        )
        self.client = FlamencoServerClient(exchange=exchange, manager_id=MANAGER)
        self.form = LogForm(await self.archived(Path(self.mktemp())), deferToThread)

    async def archived(self, directory: Path) -> Any:
        """Return the archive of a log that hardly gets smaller."""
        path = directory / log_path(self.wanted.job, self.wanted.task)
        path.parent.mkdir(parents=True)
        path.write_bytes(Random(2).randbytes(SIZE))
        archive = LogArchive(
            directory=directory,
            in_thread=deferToThread,
            written=lambda: succeed(None),
            is_ours=lambda: True,
            new_id=lambda: "draft",
        )
        log = await archive.archived(self.wanted, lambda: True)
        assert log is not None
        self.packed = path.with_name(log.name).read_bytes()
        return log

    async def send(self) -> None:
        form = self.form
        try:
            await self.client.attach_log(self.wanted.task, form, form.length, form.content_type)
        finally:
            await form.close()

    async def test_sent(self) -> None:
        """Fact 96 of task-lifecycle.md 20: a log of megabytes arrives, byte by byte, and its file is closed."""
        await self.send()
        (log,) = self.server.record.logs
        self.assertEqual(log.content, self.packed)
        self.assertTrue(self.form.log.file.closed)

    async def test_refused(self) -> None:
        """A refusal is told with the Server's status and words, and the file is closed."""
        self.server.behave(Refuse(413), endpoint=Endpoint.LOG)
        with self.assertRaises(ServerRefused) as caught:
            await self.send()
        self.assertEqual(caught.exception.status, 413)
        self.assertTrue(self.form.log.file.closed)
