"""
What follows from a change of one task for others, and whether a task may run, is settled right after the change.

A change of a task is one write of one document, which says by itself what is still to be done: ``due``. Settling does
it, for many tasks with a few commands. All of it may be done twice, late, half, or by two processes at once:

- What a task knows of a parent carries the parent's turn (`documents`). Only news of a later turn is written, so a
  message that comes late changes nothing.
- A task is marked ``ready`` by a statement that looks at the whole condition in the task's own document, after the
  news of its parents were written: whoever of several parents comes last, finds it fulfilled.
- ``due`` is a token, and removed only if it is still the one that was read: a reason that came meanwhile stays.

So a process that dies in between leaves tasks that are due, which another one, or the next start, settles.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from attrs import define, field, frozen
from pymongo import UpdateMany, UpdateOne
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from flamenco_mgr.deadline import WORKERS_WAIT, seconds_left, unhurried
from flamenco_mgr.store.interfaces import StoreUnavailable
from flamenco_mgr.store.mongo import queries
from flamenco_mgr.store.mongo.collection import Collection
from flamenco_mgr.store.mongo.documents import LETS_GO, NEVER, is_waited_for
from flamenco_mgr.store.mongo.encoding import Document, key_of

_AT_ONCE = 100
"""Tasks that are settled together."""

_STATEMENTS = 500
"""Statements of one command, which must not take long; a task may have a thousand parents."""

_UNKNOWN = 0
"""The turn of a parent that is not here; the turns of those that are, are greater."""


@frozen(kw_only=True)
class _News:
    """Whether a task is waited for, as of which of its turns."""

    turn: int
    waited_for: bool


@define(eq=False)
class Settling:
    """
    Settles tasks, in the background and one batch after the other.

    A batch that fails is left to `settle_left`: the documents say that they are due.
    """

    _log: ClassVar[Logger] = Logger()

    _tasks: Collection
    _set_aside: Collection
    _clock: IReactorTime
    _due: dict[Any, None] = field(init=False, factory=dict)
    _busy: bool = field(init=False, default=False)
    _waiting_now: "list[Deferred[None]]" = field(init=False, factory=list)
    _waiting_next: "list[Deferred[None]]" = field(init=False, factory=list)

    def soon(self, ids: Iterable[Any]) -> None:
        """Settle these tasks, by their ids in the database, as soon as what is being settled is done."""
        self._due.update(dict.fromkeys(ids))
        if self._due and not self._busy:
            self._busy = True
            with unhurried():  # the deadline of the request that brought it is not that of this work
                _ = Deferred.fromCoroutine(self._work())

    async def settled(self) -> None:
        """Return when all that `soon` was told before has been settled, or could not be in the time that there is."""
        if self._busy:
            done: Deferred[None] = Deferred()
            (self._waiting_next if self._due else self._waiting_now).append(done)
            seconds = seconds_left(self._clock, WORKERS_WAIT)
            await done.addTimeout(seconds, self._clock, lambda _result, _seconds: None)

    async def settle_left(self) -> int:
        """Settle every task that is due; return how many there were but for those of this process."""
        await self.settled()
        count = 0
        while left := await self._tasks.find(queries.left_due(_AT_ONCE)):
            ids = [document["_id"] for document in left]
            await self._settle(ids)
            count += len(ids)
        return count

    async def _work(self) -> None:
        while self._due:
            ids, self._due = list(self._due), {}
            self._waiting_now, self._waiting_next = self._waiting_next, []
            try:
                for some in _slices(ids, _AT_ONCE):
                    await self._settle(some)
            except StoreUnavailable as e:
                self._log.debug("{count} tasks are settled later: {trouble}", count=len(ids), trouble=str(e))
            except Exception:  # noqa: BLE001 whatever it is, others wait for the end of it
                self._log.failure("{count} tasks could not be settled", count=len(ids))
            self._release(self._waiting_now)
        self._busy = False
        self._release(self._waiting_next)

    def _release(self, waiting: "list[Deferred[None]]") -> None:
        while waiting:
            waiting.pop().callback(None)

    async def _settle(self, ids: Sequence[Any]) -> None:
        due = await self._tasks.find(queries.due(ids))
        if not due:
            return
        parents = await self._news({parent for document in due for parent in _unseen(document)})
        statements = [*_told(due), *_looked_up(due, parents), *_readied(due), *_done(due)]
        for some in _slices(statements, _STATEMENTS):
            await self._tasks.write(some)

    async def _news(self, ids: Iterable[Any]) -> Mapping[Any, _News]:
        """Return how these tasks stand; those that are neither here nor set aside are not waited for."""
        wanted = list(ids)
        if not wanted:
            return {}
        news = dict.fromkeys(wanted, _News(turn=_UNKNOWN, waited_for=False))
        for document in await self._set_aside.find(queries.by_ids(wanted, {"turn": 1})):
            news[document["_id"]] = _News(turn=document["turn"], waited_for=True)
        for document in await self._tasks.find(queries.by_ids(wanted, queries.PARENT)):
            news[document["_id"]] = _news_of(document) if "mgr" in document else _news_of_odd(document)
        return news


def opened(parent: Any, turn: int) -> UpdateMany:
    """Return the statement that lets the children of a task wait for it, as of this turn."""
    return _tell(parent, _News(turn=turn, waited_for=True))


def parted(parent: Any, turn: int) -> tuple[UpdateMany, UpdateMany]:
    """
    Return the statements that let the children go of a task that was removed in this turn.

    Whoever has looked at it before, and says so later, is not believed. When it comes again its turns are later ones.
    """
    ready = UpdateMany(queries.may_run({"parents": parent}), {"$set": {"mgr.ready": True}})
    return _tell(parent, _News(turn=turn + 1, waited_for=False)), ready


def _news_of(document: Document) -> _News:
    return _News(turn=document["mgr"]["turn"], waited_for=is_waited_for(document))


def _news_of_odd(document: Document) -> _News:
    """Return how a task stands that the Manager could not take over from the original, and knows by its status only."""
    return _News(turn=_UNKNOWN, waited_for=document.get("status") not in LETS_GO)


def _unseen(document: Document) -> Iterator[Any]:
    """Yield the parents that a task has not looked at."""
    known = document["mgr"].get("known", {})
    return (parent for parent in document.get("parents", ()) if known.get(key_of(str(parent))) == NEVER)


def _untold(due: Iterable[Document]) -> Iterator[Document]:
    """Yield the tasks whose children have not heard of the latest turn."""
    return (document for document in due if document["mgr"].get("heard") != document["mgr"]["turn"])


def _tell(parent: Any, news: _News) -> UpdateMany:
    return UpdateMany(queries.child_before(parent, news.turn), _learn(parent, news))


def _learn(parent: Any, news: _News) -> Document:
    """Return the change of what a task knows of a parent."""
    change: Document = {"$set": {queries.turn_of(parent): news.turn}}
    if news.waited_for:
        return {**change, "$addToSet": {"mgr.open": parent}, "$unset": {"mgr.ready": ""}}
    return {**change, "$pull": {"mgr.open": parent}}


def _told(due: Iterable[Document]) -> Iterator[UpdateMany]:
    return (_tell(document["_id"], _news_of(document)) for document in _untold(due))


def _looked_up(due: Iterable[Document], parents: Mapping[Any, _News]) -> Iterator[UpdateOne]:
    for document in due:
        for parent in _unseen(document):
            news = parents[parent]
            yield UpdateOne(queries.one_child_before(document["_id"], parent, news.turn), _learn(parent, news))


def _readied(due: Iterable[Document]) -> Iterator[UpdateOne | UpdateMany]:
    ready = {"$set": {"mgr.ready": True}}
    for document in due:
        yield UpdateOne(queries.may_run({"_id": document["_id"]}), ready)
    for document in _untold(due):
        if not is_waited_for(document):
            yield UpdateMany(queries.may_run({"parents": document["_id"]}), ready)


def _done(due: Iterable[Document]) -> Iterator[UpdateOne]:
    for document in due:
        ours = document["mgr"]
        done: Document = {"$unset": {"mgr.due": ""}, "$set": {"mgr.heard": ours["turn"]}}
        yield UpdateOne(queries.due_for(document["_id"], ours["due"]), done)


def _slices(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
