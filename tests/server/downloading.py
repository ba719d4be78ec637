"""A downloader that is linked to a stand-in Server."""

from collections.abc import Mapping

from flamenco_mgr.server.downloader import Downloader, DownloadRules
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
            self.store.tasks.candidate(
                a_worker().id, types or ("sleep", "blender-render", "file-management"), skip, 0.0
            )
        )
        return None if task is None else task.id

    def counts(self) -> Mapping[str, int]:
        return self.result_of(self.store.tasks.counts())
