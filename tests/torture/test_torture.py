"""A short torture, and what its checker is worth."""

import os
import pickle
import sys
from contextlib import closing
from pathlib import Path

from attrs import evolve
from twisted.internet.task import Clock
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import TestCase

from flamenco_mgr.store.sqlite.opening import FILE, connect
from tests.torture.crew_books import CrewBooks
from tests.torture.server_process import ServerDisk
from tests.torture.talk import CHECKOUT


async def run(*words: str) -> tuple[str, int]:
    """Run a module of this package in a process of its own; return what it says, and its exit status."""
    out, err, status = await getProcessOutputAndValue(
        sys.executable, ["-m", *words], env=dict(os.environ), path=str(CHECKOUT)
    )
    return (out + err).decode(), status


class TortureTests(TestCase):
    timeout = 600
    directory: Path

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        self.directory = Path(self.mktemp()).absolute()
        words = ["--kind", "forks", "--farms", "1", "--seed", "1", "--kills", "8", "--tasks", "20", "--keep"]
        self.said, self.status = await run("tests.torture", *words, "--directory", str(self.directory))

    @property
    def farm(self) -> Path:
        """The directory of the farm that was tortured."""
        return self.directory / "forks-1-0-0"

    def crew(self) -> CrewBooks:
        books: CrewBooks = pickle.loads((self.farm / "crew-1.pickle").read_bytes())  # noqa: S301 our own
        return books

    async def disagreements(self) -> str:
        """Compare the books once more."""
        said, status = await run("tests.torture.checking", str(self.farm))
        self.assertEqual(status, 0, said)
        *lines, _ = said.splitlines()
        return "\n".join(lines)

    async def test_killed_again_and_again(self) -> None:
        """
        A Manager that is killed eight times has lost nothing that it acknowledged, and had no task in two hands; had
        it, the checker would have said so.
        """
        self.assertEqual(self.status, 0, self.said)
        self.assertIn("8 SIGKILLs in", self.said)
        self.assertEqual(await self.disagreements(), "")
        for plant, words in (
            (self.lose_at_server, "was acknowledged and is not at the Server"),
            (self.run_twice, "in the hands of 1/"),
            (self.lose_in_store, "the numbers of tasks that are kept of"),
        ):
            plant()
            self.assertIn(words.lower(), (await self.disagreements()).lower())

    def lose_at_server(self) -> None:
        """Have the Server never have heard what the Manager had acknowledged to a Worker."""
        disk = ServerDisk(path=self.farm / "server.pickle")
        server = disk.found(Clock())
        assert server is not None
        acknowledged = [told for journal in self.crew().journals.values() for told in journal.acknowledged]
        lost = next(told for told in acknowledged if told.task_status == "completed")
        record = server.record.received
        record[lost.task_id] = [one for one in record[lost.task_id] if one.status != "completed"]
        disk.save(server)

    def run_twice(self) -> None:
        """Give a task that a Worker had to another one as well, at the same time."""
        books = self.crew()
        mine, *others = books.journals.values()
        theirs = next(journal for journal in others if journal.runs)
        mine.runs.append(evolve(theirs.runs[0]))
        (self.farm / "crew-1.pickle").write_bytes(pickle.dumps(books))

    def lose_in_store(self) -> None:
        """Remove a task from the store, so that what is counted is not what is there."""
        with closing(connect(self.farm / "db" / FILE)) as connection:
            connection.execute("DELETE FROM tasks WHERE id = (SELECT min(id) FROM tasks WHERE open_parents = 0)")
