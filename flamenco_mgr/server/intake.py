"""A download's tasks are taken in while it arrives."""

from typing import ClassVar

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from flamenco_mgr.domain.tasks import ServerTask
from flamenco_mgr.server.importing import TaskImporter
from flamenco_mgr.store.interfaces import ILease, ITaskStore, SetAside
from flamenco_mgr.wire.server_json import BadDocument
from flamenco_mgr.wire.server_stream import DocumentStream
from flamenco_mgr.wire.server_task import id_in, server_task

SLICE = 40
"""About how many tasks are stored in one go; the reactor turns between two."""

_LARGEST_SLICE = 2 * SLICE
_PIECE = 8192
_MOST_TOLD = 10
_LONGEST_DOCUMENT = 1 << 16


@define(eq=False, kw_only=True)
class Intake:
    """
    Takes in the tasks of one answer, slice by slice, so that nothing else waits long.

    ``key`` names the list of tasks in the answer, None if it is the answer. ``receipts`` is the number of the Server's
    latest receipt when it was asked. ``aside`` has the ids of tasks that are set aside already. What makes no sense is
    set aside as well, and the others go in. Raises `LeaseLost` when another Manager has to do it.
    """

    _log: ClassVar[Logger] = Logger()

    importer: TaskImporter
    tasks: ITaskStore
    lease: ILease
    clock: IReactorTime
    key: str | None
    receipts: int
    aside: set[str]
    taken: int = field(init=False, default=0)
    changed: int = field(init=False, default=0)
    misfits: int = field(init=False, default=0)
    parents: dict[str, tuple[str, ...]] = field(init=False, factory=dict)
    _stream: DocumentStream = field(init=False)
    _copies: list[ServerTask] = field(init=False, factory=list)
    _set_aside: dict[str, SetAside] = field(init=False, factory=dict)
    _told: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        """Begin at the beginning of the answer."""
        self._stream = DocumentStream(self.key)

    @property
    def summary(self) -> str:
        """How many tasks came, for people."""
        told = f"{self.taken} tasks came from the Server, {self.changed} of them new or changed"
        return f"{told}; {self.misfits} make no sense" if self.misfits else told

    async def take(self, text: bytes) -> None:
        """Take in what has become complete with a piece of the answer; raises `BadDocument` if it is no such answer."""
        for start in range(0, len(text), _PIECE):
            for document in self._stream.feed(text[start : start + _PIECE]):
                self._understand(document)
            if len(self._copies) + len(self._set_aside) >= SLICE:
                await self._store()

    async def end(self) -> None:
        """Take in the rest; raises `BadDocument` if the answer was not complete."""
        self.misfits += self._stream.end()
        await self._store()

    def _understand(self, document: bytes) -> None:
        try:
            copy = server_task(document)
        except BadDocument as e:
            self._put_aside(document, e)
            return
        self._set_aside.pop(copy.task.id, None)
        self._copies.append(copy)
        if copy.task.parents:
            self.parents[copy.task.id] = copy.task.parents
        else:
            self.parents.pop(copy.task.id, None)

    def _put_aside(self, document: bytes, mistake: BadDocument) -> None:
        self.misfits += 1
        task_id = id_in(document)
        if task_id not in self.aside and self._told < _MOST_TOLD:
            self._told += 1
            self._log.warn("Task {task} of the Server is set aside: {mistake}", task=task_id, mistake=str(mistake))
        if task_id is not None:
            self.aside.add(task_id)
            self._set_aside[task_id] = SetAside(
                task_id=task_id,
                reason=str(mistake),
                document=document[:_LONGEST_DOCUMENT].decode("utf-8", "replace"),
                since=self.clock.seconds(),
            )

    async def _store(self) -> None:
        copies, self._copies = self._copies, []
        for start in range(0, len(copies), _LARGEST_SLICE):
            part = copies[start : start + _LARGEST_SLICE]
            await self.lease.confirm()
            self.changed += len(await self.importer.take_in(part, self.receipts, self.aside, hold=True))
            self.taken += len(part)
            await deferLater(self.clock, 0)
        if self._set_aside:
            misfits, self._set_aside = self._set_aside, {}
            await self.lease.confirm()
            await self.tasks.set_aside(tuple(misfits.values()))
