"""What is done instead of running the Manager: forget all tasks, or forget what waits for the Server."""

import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar, TextIO

from attrs import define, field, frozen
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFDSet, IReactorTime, IReadDescriptor
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from flamenco_mgr.domain.updates import TaskUpdate
from flamenco_mgr.exit_status import StartError
from flamenco_mgr.options import REFUSED, OneShot
from flamenco_mgr.periodic import Periodic
from flamenco_mgr.store.interfaces import LOOK_EVERY, ILease, IStore, StoreRefused, StoreUnavailable
from flamenco_mgr.wire.server_json import batch

DONE = 0
FAILED = 1

PATIENCE = 6.0
"""Seconds after which a Manager that has the lease still must be alive."""


class NotAgreed(Exception):
    """The operator has said no."""


@frozen(kw_only=True)
class Console:
    """Where the operator is: what is told and asked there. ``answer`` is None if nothing shall be asked."""

    out: TextIO
    errors: TextIO
    answer: Callable[[], Awaitable[str]] | None

    def say(self, text: str) -> None:
        """Tell how it went."""
        print(text, file=self.out, flush=True)

    def complain(self, text: str) -> None:
        """Tell what is in the way."""
        print(f"flamenco-manager: {text}", file=self.errors, flush=True)

    async def agree(self, question: str) -> None:
        """Return if the operator agrees, or has agreed before; raise `NotAgreed` if not."""
        if self.answer is None:
            return
        print(f"{question} [y/N] ", end="", file=self.out, flush=True)
        if (await self.answer()).strip().lower() not in {"y", "yes"}:
            raise NotAgreed("nothing was changed")


@define(eq=False, kw_only=True)
class OneShotService(Service):
    """Does one thing with the store, tells how it went, and ends the process with a status."""

    _log: ClassVar[Logger] = Logger()

    one_shot: OneShot
    export: Path | None
    console: Console
    open_store: Callable[[], IStore]
    clock: IReactorTime
    end: Callable[[int], None]
    _store: IStore | None = field(init=False, default=None)
    _lease: Periodic | None = field(init=False, default=None)

    def startService(self) -> None:
        """Begin."""
        super().startService()
        _ = Deferred.fromCoroutine(self._run())

    def stopService(self) -> "Deferred[None]":
        """Let go of the store."""
        super().stopService()
        return Deferred.fromCoroutine(self._close())

    async def _close(self) -> None:
        if self._lease is not None:
            await self._lease.stopService()
        if self._store is not None:
            await self._store.close()

    async def _run(self) -> None:
        try:
            store = self._store = self.open_store()
            await store.repair()
            await self._obtain(store.lease)
            await (self._clean_slate(store) if self.one_shot is OneShot.CLEANSLATE else self._purge_queue(store))
            status = DONE
        except (NotAgreed, StartError, StoreRefused) as e:
            self.console.complain(str(e))
            status = REFUSED
        except (StoreUnavailable, OSError) as e:
            self.console.complain(str(e))
            status = FAILED
        except Exception:  # noqa: BLE001 the process must end, whatever it is
            self._log.failure("--{name} failed", name=self.one_shot.value)
            status = FAILED
        self.end(status)

    async def _obtain(self, lease: ILease) -> None:
        """Keep Managers from the duties that change what is about to be forgotten; raise `StoreRefused` if one runs."""
        self._lease = Periodic(action=lambda: _look(lease), interval=LOOK_EVERY, clock=self.clock, name="lease")
        self._lease.startService()
        until = self.clock.seconds() + PATIENCE
        while not lease.held:
            if self.clock.seconds() >= until:
                raise StoreRefused(f"a Manager runs on this database ({lease.holder}): stop it first")
            await deferLater(self.clock, LOOK_EVERY)

    async def _clean_slate(self, store: IStore) -> None:
        count = sum((await store.tasks.counts()).values())
        if count:
            await self.console.agree(f"Forget {_counted(count, 'task')}, and fetch all anew at the next start?")
        await store.lease.confirm()
        erased = await store.tasks.erase()  # forgets the mark as well, so it is done for no tasks, too
        self.console.say(f"Forgot {_counted(erased, 'task')}; the next start fetches all anew")

    async def _purge_queue(self, store: IStore) -> None:
        count = await store.updates.waiting()
        if not count:
            self.console.say(f"No update waits for the Server{'' if self.export is None else '; nothing was written'}")
            return
        await self.console.agree(f"Forget {_counted(count, 'update')} that the Server has not heard of?")
        await store.lease.confirm()
        if self.export is None:
            purged = await store.updates.purge(None)
            self.console.say(f"Forgot {_counted(purged, 'update')}")
            return
        with exporting(self.export) as export:
            purged = await store.updates.purge(export)
        self.console.say(f"Forgot {_counted(purged, 'update')}; written to {self.export}")


async def _look(lease: ILease) -> None:
    with suppress(StoreUnavailable):  # whoever needs the lease confirms it, and hears of it
        await lease.look()


@contextmanager
def exporting(path: Path) -> Iterator[Callable[[TaskUpdate | None], None]]:
    """
    Make a new file, and give what adds an update to it: a line, as the Server would have been told it.

    The updates are removed after None was added, which therefore waits until all are on the disk. The file is gone
    again if that fails. Raises OSError.
    """
    with path.open("xb") as file:

        def add(update: TaskUpdate | None) -> None:
            if update is not None:
                file.write(batch([(update, update.received_at)])[1:-1] + b"\n")
            else:
                file.flush()
                os.fsync(file.fileno())

        try:
            yield add
        except BaseException:
            path.unlink()
            raise


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


@implementer(IReadDescriptor)
@define(eq=False)
class TerminalLine:
    """
    One line that is typed on a terminal.

    The reactor goes on meanwhile, so that Ctrl+C works, which it would not in the middle of a blocking read.
    """

    reactor: IReactorFDSet
    descriptor: int
    _line: "Deferred[str]" = field(init=False, factory=Deferred)

    def read(self) -> "Deferred[str]":
        """Return the line, as soon as it is there; empty at the end of the input."""
        self.reactor.addReader(self)
        return self._line

    def fileno(self) -> int:
        """Return what the reactor watches."""
        return self.descriptor

    def doRead(self) -> None:
        """Take the line; a terminal gives it as a whole."""
        self.reactor.removeReader(self)
        try:
            line = os.read(self.descriptor, 1024)
        except OSError:  # nobody is there any more
            line = b""
        self._line.callback(line.decode(errors="replace"))

    def connectionLost(self, reason: Failure) -> None:
        """Leave it unanswered: the reactor stops."""

    def logPrefix(self) -> str:
        """Return a name."""
        return "terminal"
