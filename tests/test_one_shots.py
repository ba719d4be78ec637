"""Clean slate and purge, on a store in memory (configuration.md 14)."""

import io
import json
import os
import pty
import resource
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReadDescriptor
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from flamenco_mgr.exit_status import StartError
from flamenco_mgr.one_shots import Console, OneShotService, TerminalLine
from flamenco_mgr.options import OneShot
from flamenco_mgr.store.interfaces import Import, IStore, StoreRefused, StoreUnavailable
from flamenco_mgr.store.sqlite import SQLiteStore
from tests.builders import a_task, an_update
from tests.leases import ScriptedLease, StoreWithLease

T = TypeVar("T")


@define(eq=False)
class Watched:
    """As much of a reactor as watches a terminal."""

    readers: list[object] = field(factory=list)

    def addReader(self, reader: object) -> None:
        self.readers.append(reader)

    def removeReader(self, reader: object) -> None:
        self.readers.remove(reader)


class OneShotCase(SynchronousTestCase):
    """A store with two tasks, a mark and two updates, and an operator who says nothing unless asked."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.store = SQLiteStore.in_memory(self.clock)
        self.out, self.errors = io.StringIO(), io.StringIO()
        self.ended: list[int] = []
        self.export: Path | None = None
        tasks = [a_task(), a_task(id="5e6a2b7d9d3b4a0017c0a002")]
        self.do(self.store.tasks.take_in([Import(before=None, after=task, commands=()) for task in tasks]))
        self.do(self.store.mark.set("2019-11-18T19:41:33+00:00"))
        for update in (an_update(status="completed", activity="wörk"), an_update(id="5e6a3c000000000000000002")):
            self.do(self.store.updates.add(update))

    def do(self, awaitable: Awaitable[T]) -> T:
        result = Deferred.fromCoroutine(_awaited(awaitable))
        for _ in range(5):
            self.clock.advance(0)
        return self.successResultOf(result)

    def shoot(
        self,
        one_shot: OneShot,
        answer: str | None = None,
        open_store: Callable[[], IStore] | None = None,
    ) -> int:
        """Do it, and return the status; ``answer`` None stands for ``--yes``."""
        service = OneShotService(
            one_shot=one_shot,
            export=self.export,
            console=Console(
                out=self.out, errors=self.errors, answer=None if answer is None else lambda: succeed(answer)
            ),
            open_store=open_store or (lambda: self.store),
            clock=self.clock,
            end=self.ended.append,
        )
        service.startService()
        self.addCleanup(service.stopService)
        for _ in range(20):
            self.clock.advance(0.5)
        (status,) = self.ended
        return status

    def left(self) -> tuple[int, int, str | None]:
        """Return how many tasks and updates there are, and the mark."""
        counts = self.do(self.store.tasks.counts())
        return sum(counts.values()), self.do(self.store.updates.waiting()), self.do(self.store.mark.get())


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable


class CleanSlateTests(OneShotCase):
    def test_unasked(self) -> None:
        """With ``--yes`` all tasks go, and the mark of the last download; what waits for the Server stays."""
        self.assertEqual(self.shoot(OneShot.CLEANSLATE), 0)
        self.assertEqual(self.left(), (0, 2, None))
        self.assertIn("2 tasks", self.out.getvalue())

    def test_agreed(self) -> None:
        """The number of tasks is shown in the question; the answer yes does it."""
        self.assertEqual(self.shoot(OneShot.CLEANSLATE, answer="Yes\n"), 0)
        self.assertIn("2 tasks", self.out.getvalue().split("[y/N]")[0])
        self.assertEqual(self.left(), (0, 2, None))

    def test_not_agreed(self) -> None:
        """Every other answer, also none at the end of the input, leaves all as it is: status 2."""
        for answer in ("n\n", "\n", ""):
            self.ended.clear()
            self.assertEqual(self.shoot(OneShot.CLEANSLATE, answer=answer), 2)
            self.assertEqual(self.left(), (2, 2, "2019-11-18T19:41:33+00:00"))

    def test_no_tasks(self) -> None:
        """Without tasks there is nothing to ask, and the mark is forgotten all the same."""
        self.do(self.store.tasks.erase())
        self.do(self.store.mark.set("2019-11-18T19:41:33+00:00"))
        self.assertEqual(self.shoot(OneShot.CLEANSLATE, answer="n\n"), 0)
        self.assertEqual(self.left(), (0, 2, None))


class PurgeQueueTests(OneShotCase):
    def test_unasked(self) -> None:
        """With ``--yes`` all that waits for the Server goes; tasks and the mark stay."""
        self.assertEqual(self.shoot(OneShot.PURGEQUEUE), 0)
        self.assertEqual(self.left(), (2, 0, "2019-11-18T19:41:33+00:00"))
        self.assertIn("2 updates", self.out.getvalue())

    def test_nothing_waits(self) -> None:
        """With nothing in the queue there is nothing to do: status 0, no question and no file."""
        self.do(self.store.updates.purge(None))
        self.export = Path(self.mktemp())
        self.assertEqual(self.shoot(OneShot.PURGEQUEUE, answer="n\n"), 0)
        self.assertFalse(self.export.exists())

    def test_export(self) -> None:
        """``--export`` writes each update as a line of JSON, in order, as the Server would have been told it."""
        self.export = Path(self.mktemp())
        self.assertEqual(self.shoot(OneShot.PURGEQUEUE), 0)
        first, second = map(json.loads, self.export.read_text().splitlines())
        self.assertEqual((first["task_status"], first["activity"]), ("completed", "wörk"))
        self.assertEqual(second["_id"], "5e6a3c000000000000000002")
        self.assertEqual(self.left()[1], 0)

    def test_export_is_there(self) -> None:
        """A file that is there, an earlier export perhaps, is not overwritten: status 1, and the queue stays."""
        self.export = Path(self.mktemp())
        self.export.write_text("earlier")
        self.assertEqual(self.shoot(OneShot.PURGEQUEUE), 1)
        self.assertEqual(self.export.read_text(), "earlier")
        self.assertEqual(self.left()[1], 2)

    def test_export_fails(self) -> None:
        """If the export cannot be written to its end, it is removed, and the queue stays: status 1."""
        self.export = Path(self.mktemp())
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
        try:
            self.assertEqual(self.shoot(OneShot.PURGEQUEUE), 1)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        self.assertFalse(self.export.exists())
        self.assertEqual(self.left()[1], 2)
        self.assertIn("File too large", self.errors.getvalue())


class TroubleTests(OneShotCase):
    def test_refused(self) -> None:
        """A store that another Manager uses, or that is none, is one line on standard error: status 2."""
        for kind in (StoreRefused, StartError):
            self.ended.clear()
            self.assertEqual(self.shoot(OneShot.CLEANSLATE, open_store=raising(kind("in use"))), 2)
        self.assertEqual(self.errors.getvalue(), "flamenco-manager: in use\n" * 2)

    def test_unavailable(self) -> None:
        """A store that cannot answer is one line on standard error: status 1."""
        self.assertEqual(self.shoot(OneShot.CLEANSLATE, open_store=raising(StoreUnavailable("disk full"))), 1)
        self.assertEqual(self.errors.getvalue(), "flamenco-manager: disk full\n")

    def test_bug(self) -> None:
        """Whatever else goes wrong is logged, and the process ends: status 1."""
        self.assertEqual(self.shoot(OneShot.CLEANSLATE, open_store=raising(ZeroDivisionError())), 1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class LeaseTests(OneShotCase):
    """A store that several Managers share."""

    def shared(self, lease: ScriptedLease) -> Callable[[], IStore]:
        """Return what opens the store, with this lease."""
        store: Any = StoreWithLease(store=self.store, lease=lease)
        return lambda: store

    def test_manager_runs(self) -> None:
        """While a Manager has the lease nothing is forgotten, and it is named: status 2."""
        for one_shot in OneShot:
            self.ended.clear()
            lease = ScriptedLease(holder="host7, process 12")
            self.assertEqual(self.shoot(one_shot, open_store=self.shared(lease)), 2)
        self.assertIn("host7, process 12", self.errors.getvalue())
        self.assertEqual(self.left(), (2, 2, "2019-11-18T19:41:33+00:00"))

    def test_lost_meanwhile(self) -> None:
        """A lease that is lost while the operator thinks keeps all as it is: status 1."""
        for one_shot in OneShot:
            self.ended.clear()
            lease = ScriptedLease(held=True, asleep=True)
            self.assertEqual(self.shoot(one_shot, answer="y", open_store=self.shared(lease)), 1)
        self.assertEqual(self.left(), (2, 2, "2019-11-18T19:41:33+00:00"))


class TerminalTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = Watched()
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        self.ours = ours
        self.line = TerminalLine(self.reactor, theirs)  # type: ignore[arg-type]  # it is as much as a line needs

    def test_line(self) -> None:
        """A line is what was typed up to the return key; then nobody watches the terminal any more."""
        verifyObject(IReadDescriptor, self.line)
        typed = self.line.read()
        self.assertEqual(self.reactor.readers, [self.line])
        os.write(self.ours, b"yes\n")
        self.line.doRead()
        self.assertEqual(self.successResultOf(typed), "yes\n")
        self.assertEqual(self.reactor.readers, [])

    def test_gone(self) -> None:
        """A terminal that has gone gives the empty line, which is no agreement."""
        typed = self.line.read()
        os.close(self.line.fileno())
        self.line.doRead()
        self.assertEqual(self.successResultOf(typed), "")


def raising(error: Exception) -> Callable[[], IStore]:
    """Return what cannot open a store."""

    def open_store() -> IStore:
        raise error

    return open_store
