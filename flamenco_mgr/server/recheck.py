"""Before a task is handed out the Server is asked whether it is still as it is here (server-api.md 4)."""

from typing import Any, ClassVar

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore, TimeoutError  # noqa: A004 its name
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from flamenco_mgr.domain.merging import gone
from flamenco_mgr.domain.tasks import FINISHED, ServerTask, Task
from flamenco_mgr.domain.updates import Transition
from flamenco_mgr.server.breaker import CircuitBreaker
from flamenco_mgr.server.client import FlamencoServerClient, Gone, Same
from flamenco_mgr.server.importing import TaskImporter
from flamenco_mgr.server.interfaces import Checked, ITaskChecker
from flamenco_mgr.server.trouble import CredentialsRefused, ServerTrouble, ServerUnreachable
from flamenco_mgr.store.interfaces import IStore, StoreUnavailable

MOST_AT_ONCE = 16
"""How many tasks are asked about at the same time; further ones wait, within their own deadlines."""

PROBE_TIME = 1.5
"""Seconds in which a Server must answer to be asked again."""

_TRIES = 20
_AS_IT_WAS = Checked()
_CHOOSE_AGAIN = Checked(changed=True)


@implementer(ITaskChecker)
@define(eq=False, kw_only=True)
class TaskChecker:
    """
    Asks about tasks one by one.

    Only the Server's word changes a task: that it cannot be asked, or refuses us, never keeps one from a worker.
    """

    _log: ClassVar[Logger] = Logger()

    client: FlamencoServerClient
    store: IStore
    importer: TaskImporter
    breaker: CircuitBreaker
    clock: IReactorTime
    _slots: DeferredSemaphore = field(init=False, factory=lambda: DeferredSemaphore(MOST_AT_ONCE))
    _asking: "set[Deferred[Any]]" = field(init=False, factory=set)

    async def check(self, task: Task, deadline: float) -> Checked:
        """Ask about a task; see `ITaskChecker.check`."""
        if task.is_local or self.breaker.is_open:
            return _AS_IT_WAS
        try:
            receipts = await self.store.updates.receipts()
            answer = await self._answer(task, deadline)
        except StoreUnavailable:
            return _AS_IT_WAS
        if isinstance(answer, Same):
            return _AS_IT_WAS
        try:
            if isinstance(answer, Gone):
                return await self._gone(task.id)
            changed = await self.importer.take_in([answer], receipts)
        except StoreUnavailable:
            # The Server's word could not be kept, and must not be ignored either.
            return _CHOOSE_AGAIN
        return Checked(changed=True, etag=answer.task.etag) if changed else _AS_IT_WAS

    async def _answer(self, task: Task, deadline: float) -> "Same | Gone | ServerTask":
        asking = Deferred.fromCoroutine(self._in_turn(task, deadline))
        self._asking.add(asking)
        try:
            return await asking
        except TimeoutError:
            return Same()  # its turn did not come in time
        except CancelledError:
            if asking in self._asking:
                raise  # whoever wanted to know has gone
            return Same()  # the breaker has opened meanwhile
        except ServerUnreachable:
            self._let_go()
        except CredentialsRefused:
            self._log.debug("Nobody may tell us whether task {task} has changed", task=task.id)
        except ServerTrouble as e:
            self._log.warn("Asked whether task {task} has changed: {trouble}", task=task.id, trouble=str(e))
        finally:
            self._asking.discard(asking)
        return Same()

    async def _in_turn(self, task: Task, deadline: float) -> "Same | Gone | ServerTask":
        turn = self._slots.acquire()
        if not turn.called:
            _ = turn.addTimeout(max(0.0, deadline - self.clock.seconds()), self.clock)
        await turn
        try:
            seconds = deadline - self.clock.seconds()
            if seconds <= 0 or self.breaker.is_open:
                return Same()
            return await self.client.task(task.id, task.etag, seconds)
        except ServerUnreachable as e:
            # Now, before the next has its turn and asks in vain as well.
            self.breaker.trip(str(e), lambda: self._answers(task))
            raise
        finally:
            self._give_up_turn()

    def _give_up_turn(self) -> None:
        if self._slots.waiting:
            # Not at once: those whose turn is worth nothing any more, hundreds perhaps, would end one within the other.
            self.clock.callLater(0, self._slots.release)
        else:
            self._slots.release()

    def _let_go(self) -> None:
        """Let nobody else wait for a Server that does not answer."""
        asking, self._asking = self._asking, set()
        for one in asking:
            one.cancel()

    async def _answers(self, task: Task) -> bool:
        """Whether the Server answers in time again, whatever it says about the task."""
        try:
            await self.client.task(task.id, task.etag, PROBE_TIME)
        except ServerUnreachable:
            return False
        except ServerTrouble:
            return True
        return True

    async def _gone(self, task_id: str) -> Checked:
        for _ in range(_TRIES):
            task = await self.store.tasks.get(task_id)
            if task is None or task.status in FINISHED:
                return _CHOOSE_AGAIN
            after = gone(task, now=self.clock.seconds())
            if await self.store.tasks.apply(Transition(before=task, after=after)):
                self._log.info("Task {task} is no longer on the Server, and is cancelled here", task=task_id)
                return _CHOOSE_AGAIN
        raise StoreUnavailable(f"task {task_id} changes too fast to be cancelled")
