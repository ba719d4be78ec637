"""One connection, used in the reactor's thread, with one COMMIT for all that comes together."""

import sqlite3
from collections.abc import Callable, Collection
from typing import Any, Concatenate, ParamSpec, TypeVar

from attrs import Factory, define, field
from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from flamenco_mgr.store.interfaces import StoreUnavailable
from flamenco_mgr.store.sqlite.commits import Commits
from flamenco_mgr.store.sqlite.ledger import Ledger
from flamenco_mgr.store.sqlite.tally import Tally
from flamenco_mgr.store.sqlite.trouble import OUR_MISTAKES, Trouble

_MOST_REMEMBERED = 5000

_LOOKS = 3
"""Turns of the reactor that a group stays open for others at the most, after the one in which it began."""

_PATIENCE = 0.03
"""Seconds after which a group does not stay open for others any more: with much to do the turns are long ones."""

P = ParamSpec("P")
T = TypeVar("T")


@define(eq=False, kw_only=True)
class Database:
    """
    Group commit: the first write begins a transaction, those of the next few reactor turns join, then it is committed.

    An operation is a plain function of the connection. It is done at once; its Deferred fires when what it did, or saw,
    is durable. Most requests look at one worker and one task only, so a write names the ids whose rows others may look
    at one by one (``touches``), and a read of one such row names it (``sees``): it need not wait for a group that has
    left the row alone. Whatever names nothing concerns everything. What was
    read under a name, or what a write knows will be read there (``leaves``), is remembered until a write touches it: a
    Worker asks every five seconds about a task that changes twice a minute.

    A write that fails is undone and fails alone; if the transaction or its COMMIT is lost, all that took part fail with
    `StoreUnavailable`. After that the next operation tries anew, on a new connection if the old one cannot be trusted:
    after an I/O error, or when the files are not in their places. While a COMMIT is on its way in a thread, what comes
    waits for its end; what is remembered does not.
    ``tally`` is what operations count in memory: it begins with what ``count`` finds when connected, and follows the
    transaction. What operations note in ``ledger`` is written down before the COMMIT, and before anything is done that
    may look at it.
    """

    connect: Callable[[], sqlite3.Connection]
    count: Callable[[sqlite3.Connection], int]
    clock: IReactorTime
    commits: Commits
    tally: Tally = field(init=False, factory=Tally)
    ledger: Ledger = field(init=False, factory=Ledger)
    _reading: Trouble = field(init=False, default=Factory(lambda self: Trouble(what="be read", clock=self.clock), True))
    _writing: Trouble = field(
        init=False, default=Factory(lambda self: Trouble(what="be written", clock=self.clock), True)
    )
    _connection: sqlite3.Connection | None = field(init=False, default=None)
    _group: list[tuple["Deferred[Any]", Any]] | None = field(init=False, default=None)
    _touched: set[str] | None = field(init=False, default=None)
    _remembered: dict[str, dict[Any, Any]] = field(init=False, factory=dict)
    _leaving: dict[str, tuple[Any, Any]] = field(init=False, factory=dict)
    _left: dict[str, tuple[Any, Any]] = field(init=False, factory=dict)
    _flushing: IDelayedCall | None = field(init=False, default=None)
    _between: list[Callable[[], None]] = field(init=False, factory=list)
    _began: float = field(init=False, default=0.0)
    _committing: bool = field(init=False, default=False)
    _held_up: list[tuple["Deferred[Any]", Callable[[], "Deferred[Any]"]]] = field(init=False, factory=list)
    _closed: bool = field(init=False, default=False)

    @property
    def changes(self) -> int:
        """A number that differs whenever something may have been changed in between."""
        return -1 if self._connection is None else self._connection.total_changes

    def open(self) -> sqlite3.Connection:
        """Connect if need be, and return the connection."""
        if self._connection is None:
            if self._closed:
                raise StoreUnavailable("the embedded store is closed")
            connection = self.connect()
            self.tally.begin(self.count(connection))
            self._connection = connection
        return self._connection

    def read(
        self, operation: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> "Deferred[T]":
        """Look something up; what it saw of changes that are not committed yet is told after the commit."""
        return self._read(None, operation, *args, **kwargs)

    def read_one(
        self, sees: str, operation: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> "Deferred[T]":
        """Look at what no write touches but those that name ``sees``; the arguments say no more than that."""
        known = self._remembered.get(sees)
        if known is not None and operation in known:
            return succeed(known[operation])
        reading = self._read(sees, operation, *args, **kwargs)
        if reading.called and not isinstance(reading.result, Failure):
            self._remember(sees, operation, reading.result)
        return reading

    def _read(
        self,
        sees: str | None,
        operation: Callable[Concatenate[sqlite3.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> "Deferred[T]":
        if self._committing:
            return self._later(lambda: self._read(sees, operation, *args, **kwargs))
        try:
            connection = self.open()
            if sees is None:
                self._write_down(connection)
            result = operation(connection, *args, **kwargs)
        except sqlite3.Error as e:
            return fail(self._failed(e, self._reading))
        except Exception as e:  # noqa: BLE001 it is the caller's
            return fail(e)
        self._reading.worked()
        if self._group is None or (sees is not None and self._touched is not None and sees not in self._touched):
            return succeed(result)
        return self._after_commit(self._group, result)

    def glance(
        self, operation: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> "Deferred[T]":
        """Look for something to do; what it saw may yet be undone, which whoever acts on it finds out by revisions."""
        if self._committing:
            return self._later(lambda: self.glance(operation, *args, **kwargs))
        try:
            return succeed(operation(self.open(), *args, **kwargs))
        except sqlite3.Error as e:
            return fail(self._failed(e, self._reading))
        except StoreUnavailable as e:
            return fail(e)

    def write(
        self, operation: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> "Deferred[T]":
        """Change something: all of it or, when the operation raises, nothing."""
        return self._write(None, False, operation, *args, **kwargs)

    def write_some(
        self,
        touches: Collection[str],
        operation: Callable[Concatenate[sqlite3.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> "Deferred[T]":
        """Change something that `read_one` sees under these names only."""
        return self._write(touches, False, operation, *args, **kwargs)

    def write_noting(
        self,
        touches: Collection[str],
        operation: Callable[Concatenate[sqlite3.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> "Deferred[T]":
        """Do the same with an operation that notes in the ledger, and does not look at what is written down there."""
        return self._write(touches, True, operation, *args, **kwargs)

    def leave(self, sees: str, operation: Callable[..., object], result: object) -> None:
        """Say, from within a write that touches ``sees``, what an operation will read there from now on."""
        self._leaving[sees] = (operation, result)

    def _write(
        self,
        touches: Collection[str] | None,
        notes: bool,
        operation: Callable[Concatenate[sqlite3.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> "Deferred[T]":
        if self._committing:
            return self._later(lambda: self._write(touches, notes, operation, *args, **kwargs))
        alone = not self._group  # all of the transaction is undone then if this fails, without a savepoint
        try:
            connection = self.open()
            if self._group is None:
                connection.execute("BEGIN IMMEDIATE")
                self._group, self._touched, self._began = [], set(), self.clock.seconds()
                self._flushing = self.clock.callLater(0, self._let_others_join, _LOOKS, 0)
            if not notes:
                self._write_down(connection)
            if not alone:
                connection.execute("SAVEPOINT operation")
        except sqlite3.Error as e:
            return fail(self._failed(e, self._writing))
        except StoreUnavailable as e:
            return fail(e)
        counted, noted = self.tally.value, len(self.ledger)
        try:
            result = operation(connection, *args, **kwargs)
            if not alone:
                connection.execute("RELEASE operation")
        except Exception as e:  # noqa: BLE001 whatever it is, its neighbours must not suffer
            self.tally.value = counted
            self.ledger.cut(noted)
            self._leaving.clear()
            return fail(self._undo(connection, e, alone=alone))
        self._touch(touches)
        self._left.update(self._leaving)
        self._leaving.clear()
        return self._after_commit(self._group, result)

    def between_groups(self, action: Callable[[], None]) -> None:
        """Do something with no transaction open: now, or right after the one that is open."""
        if self._group is None:
            action()
        else:
            self._between.append(action)

    def breathe(self) -> "Deferred[None]":
        """Let the reactor turn once: for work that is done in slices."""
        return deferLater(self.clock, 0, lambda: None)

    def close(self) -> None:
        """Commit what is open, and let go of the file; whoever comes later gets `StoreUnavailable`."""
        self.commits.wait()
        if self._group is not None:
            self._flush(aside=False)
        self._closed = True
        self._disconnect()

    def _touch(self, touches: Collection[str] | None) -> None:
        if touches is None:
            self._touched = None
            self._remembered.clear()
            self._left.clear()
            return
        for name in touches:
            self._remembered.pop(name, None)
            self._left.pop(name, None)
        if self._touched is not None:
            self._touched.update(touches)

    def _remember(self, sees: str, operation: Any, result: Any) -> None:
        while len(self._remembered) >= _MOST_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered.setdefault(sees, {})[operation] = result

    @staticmethod
    def _after_commit(group: list[tuple["Deferred[Any]", Any]], result: T) -> "Deferred[T]":
        deferred: Deferred[T] = Deferred()
        group.append((deferred, result))
        return deferred

    def _let_others_join(self, looks: int, before: int) -> None:
        # A look at the network more before the disk holds everything up: answers that need not wait go out, and what
        # has arrived meanwhile joins. While more keep coming there are a few such looks.
        size = len(self._group or ())
        if (size <= 1 and self.commits.are_quick) or self.clock.seconds() - self._began > _PATIENCE:
            self._flush()
        elif looks > 1 and size > before:
            self._flushing = self.clock.callLater(0, self._let_others_join, looks - 1, size)
        else:
            self._flushing = self.clock.callLater(0, self._flush)

    def _flush(self, *, aside: bool = True) -> None:
        if not self._group:  # nothing succeeded, so there is nothing to be durable
            self._lose(StoreUnavailable("nothing was changed"))
            return
        connection = self.open()
        try:
            self._write_down(connection)
        except StoreUnavailable:  # which all have been told
            return
        if aside and self.commits.may_wait:
            self._committing = True
            self.commits.aside(connection, self._committed)
            return
        try:
            self.commits.now(connection)
        except sqlite3.Error as e:
            self._committed(e)
        else:
            self._committed(None)

    def _write_down(self, connection: sqlite3.Connection) -> None:
        """Write down what the group has noted; if that fails, all of it is lost."""
        if not self.ledger:
            return
        try:
            self.ledger.write(connection)
        except sqlite3.Error as e:
            reason = self._writing.met(e)
            self._lose(reason, distrust=_distrusted(e))
            raise reason from e

    def _committed(self, error: sqlite3.Error | None) -> None:
        self._committing = False
        if error is not None:
            self._lose(self._writing.met(error), distrust=_distrusted(error))
        else:
            self.tally.settle()
            self._writing.worked()
            left = self._left
            group = self._end_group()
            for sees, (operation, result) in left.items():
                self._remember(sees, operation, result)
            for deferred, result in group:
                deferred.callback(result)
        held_up, self._held_up = self._held_up, []
        for deferred, call in held_up:
            _ = maybeDeferred(call).chainDeferred(deferred)

    def _later(self, call: Callable[[], "Deferred[T]"]) -> "Deferred[T]":
        """Do something when the connection is free again."""
        deferred: Deferred[T] = Deferred()
        self._held_up.append((deferred, call))
        return deferred

    def _end_group(self) -> list[tuple["Deferred[Any]", Any]]:
        group, self._group = self._group or [], None
        self._left = {}
        flushing, self._flushing = self._flushing, None
        if flushing is not None and flushing.active():
            flushing.cancel()
        between, self._between = self._between, []
        for action in between:
            action()
        return group

    def _undo(self, connection: sqlite3.Connection, error: Exception, *, alone: bool) -> Exception:
        """Undo the operation that failed, ``alone`` in its transaction or not, and return what its caller is told."""
        try:
            if connection.in_transaction:
                if alone:
                    connection.execute("ROLLBACK")
                    connection.execute("BEGIN IMMEDIATE")
                else:
                    connection.execute("ROLLBACK TO operation")
                    connection.execute("RELEASE operation")
        except sqlite3.Error as e:
            reason = self._writing.met(e)
            self._lose(reason, distrust=True)
            return reason
        return self._failed(error, self._writing) if isinstance(error, sqlite3.Error) else error

    def _failed(self, error: sqlite3.Error, trouble: Trouble) -> Exception:
        """Return what the caller is told; if the transaction is lost with it, tell all that took part."""
        if isinstance(error, OUR_MISTAKES):
            return error
        reason = trouble.met(error)
        distrust = _distrusted(error)
        if distrust or self._connection is None or not self._connection.in_transaction:
            self._lose(reason, distrust=distrust)
        return reason

    def _lose(self, reason: StoreUnavailable, *, distrust: bool = False) -> None:
        """Give the open transaction up, if there is one; ``distrust``: the connection, too."""
        try:
            if self._connection is not None and self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            distrust = True
        if distrust:
            self._disconnect()
        self.tally.rewind()
        self.ledger.cut(0)
        for deferred, _ in self._end_group():
            deferred.errback(reason)

    def _disconnect(self) -> None:
        self._remembered.clear()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _distrusted(error: sqlite3.Error) -> bool:
    """Whether a connection may be of no use after this: after an I/O error, whatever its files were is in doubt."""
    return "I/O" in str(error) or "unable to open" in str(error)
