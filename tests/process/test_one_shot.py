"""What is done instead of running the Manager, by real processes (configuration.md 14)."""

import json
import signal

from twisted.internet import reactor
from twisted.internet.interfaces import IReactorTime

from flamenco_mgr.store.interfaces import Import
from flamenco_mgr.store.sqlite import SQLiteStore
from tests.builders import a_task, an_update
from tests.process.twistd import Ending, ProcessTestCase
from tests.threads import at_once

MARK = "2019-11-18T19:41:33+00:00"


class OneShotTests(ProcessTestCase):
    """A store with a task and an update, of a Manager that does not run."""

    def store(self) -> SQLiteStore:
        """Open the store in the run directory."""
        return SQLiteStore.open(self.directory / "db", IReactorTime(reactor), at_once)

    async def fill(self) -> None:
        """Put a task, a mark and an update into the store."""
        store = self.store()
        await store.tasks.take_in([Import(before=None, after=a_task(), commands=())])
        await store.mark.set(MARK)
        await store.updates.add(an_update(status="completed"))
        await store.close()

    async def left(self) -> tuple[int, int, str | None]:
        """Return how many tasks and updates are in the store, and the mark."""
        store = self.store()
        counts = await store.tasks.counts()
        left = sum(counts.values()), await store.updates.waiting(), await store.mark.get()
        await store.close()
        return left

    def check(self, ending: Ending, status: int, out: str = "", err: str = "") -> None:
        """See how a process ended: its status, words that it wrote, and that nothing stays of it."""
        self.assertEqual(ending.status, status, ending)
        self.assertIn(out, ending.out)
        self.assertIn(err, ending.err)
        self.assertNotIn("Traceback", ending.out + ending.err)
        self.assertFalse(self.pidfile.exists())

    async def test_clean_slate(self) -> None:
        """``--cleanslate --yes`` forgets tasks and mark, tells how many on standard output, and ends with 0."""
        await self.fill()
        ending = await self.run_to_the_end("--cleanslate", "--yes")
        self.check(ending, 0, "1 task;")
        self.assertEqual(ending.out.count("\n"), 1)
        self.assertEqual(await self.left(), (0, 1, None))

    async def test_purge_queue(self) -> None:
        """``--purgequeue --yes --export=FILE`` writes the updates to the file, forgets them, and ends with 0."""
        await self.fill()
        ending = await self.run_to_the_end("--purgequeue", "--yes", "--export=updates.jsonl")
        self.check(ending, 0, "1 update;")
        (line,) = (self.directory / "updates.jsonl").read_text().splitlines()
        self.assertEqual(json.loads(line)["task_status"], "completed")
        self.assertEqual(await self.left(), (1, 0, MARK))

    async def test_nothing_to_do(self) -> None:
        """On an empty, new store both end with 0."""
        for option in ("--cleanslate", "--purgequeue"):
            self.check(await self.run_to_the_end(option, "--yes"), 0)

    async def test_asked_and_agreed(self) -> None:
        """On a terminal the question is asked there, and yes does it: status 0."""
        await self.fill()
        process = self.start("--cleanslate", terminal=True)
        await self.until(lambda: "[y/N]" in process.out, "the question")
        process.type("y\n")
        self.check(await self.ended(process), 0, "1 task")
        self.assertEqual(await self.left(), (0, 1, None))

    async def test_asked_and_refused(self) -> None:
        """On a terminal no leaves everything as it is: status 2."""
        await self.fill()
        process = self.start("--purgequeue", terminal=True)
        await self.until(lambda: "[y/N]" in process.out, "the question")
        process.type("n\n")
        self.check(await self.ended(process), 2, "nothing was changed")
        self.assertEqual(await self.left(), (1, 1, MARK))

    async def test_interrupted_question(self) -> None:
        """Ctrl+C at the question ends it, and leaves everything as it is."""
        await self.fill()
        process = self.start("--cleanslate", terminal=True)
        await self.until(lambda: "[y/N]" in process.out, "the question")
        process.type("\x03")
        ending = await self.ended(process)
        self.assertEqual(ending.signal, signal.SIGINT)
        self.assertFalse(self.pidfile.exists())
        self.assertEqual(await self.left(), (1, 1, MARK))

    async def test_nobody_to_ask(self) -> None:
        """Without a terminal and ``--yes`` it is refused: status 2, and the store is not even opened."""
        self.check(await self.run_to_the_end("--cleanslate"), 2, err="--yes")
        self.assertFalse((self.directory / "db").exists())

    async def test_daemon(self) -> None:
        """Without ``-n`` it is refused: status 2."""
        self.check(await self.run_to_the_end("--cleanslate", "--yes", twistd=()), 2, err="twistd -n")

    async def test_running_manager(self) -> None:
        """While a Manager uses the store it is refused with that one's process: status 2."""
        manager = self.start()
        await self.serving(manager)
        ending = await self.run_to_the_end("--cleanslate", "--yes", twistd=("-n", "--pidfile=other.pid"))
        self.assertEqual(ending.status, 2, ending)
        self.assertIn(f"process {manager.pid}", ending.err)
        await self.serving(manager)

    async def test_unusable_store(self) -> None:
        """A store that is none is one line on standard error, and stays as it is."""
        (self.directory / "db").mkdir()
        store = self.directory / "db/flamenco.sqlite3"
        store.write_bytes(b"no database" * 100)
        ending = await self.run_to_the_end("--purgequeue", "--yes")
        self.assertNotEqual(ending.status, 0)
        self.assertEqual(ending.err.count("\n"), 1)
        self.assertEqual(store.read_bytes(), b"no database" * 100)

    async def test_version_and_check(self) -> None:
        """``--version`` and ``--check-config`` write to standard output, end with 0, and leave nothing behind."""
        self.check(await self.run_to_the_end("--version", twistd=()), 0, "Flamenco Manager ")
        self.check(await self.run_to_the_end("--check-config", twistd=()), 0, f"listen: 127.0.0.1:{self.port}")
        self.assertEqual([path.name for path in self.directory.iterdir()], ["manager.yaml"])
