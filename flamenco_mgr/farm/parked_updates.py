"""An operator decides about updates that the Server refuses."""

from collections.abc import Callable
from typing import ClassVar

from attrs import evolve, field, frozen
from twisted.internet.defer import DeferredLock
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from flamenco_mgr.domain import steering
from flamenco_mgr.domain.events import Event, EventKind
from flamenco_mgr.domain.tasks import Task
from flamenco_mgr.domain.updates import TaskUpdate, Transition
from flamenco_mgr.farm.refusals import NotHere, NotPossible
from flamenco_mgr.farm.task_changes import TaskChanges
from flamenco_mgr.periodic import IKickable
from flamenco_mgr.store.interfaces import IUpdateQueue, ParkedUpdate

_DROPPED = "parked update was dropped"
_TOLD_AGAIN = "parked update is to be told again"


@frozen(eq=False, kw_only=True)
class ParkedUpdates:
    """
    Has parked updates told again, or drops them.

    What is told again is queued anew as the newest word of its task, on the condition that the task has not changed;
    only then is the parked one forgotten. If that is interrupted in between, and repeated, the Server hears it twice,
    which is as good as once (server-api.md 17.8). What two operators want at the same time is done once: acts take
    turns, and who comes too late hears that nothing is parked any more; in another Manager, that it is being decided.
    """

    _log: ClassVar[Logger] = Logger()

    changes: TaskChanges
    updates: IUpdateQueue
    pushes: IKickable
    clock: IReactorTime
    new_id: Callable[[], str]
    _taker: str = field(init=False)
    _turn: DeferredLock = field(init=False, factory=DeferredLock)

    @_taker.default
    def _named_at_random(self) -> str:
        return self.new_id()

    async def retry(self, update_id: str) -> None:
        """Queue a parked update again; raises `NotHere`, or `NotPossible` if the Server must not hear it any more."""
        async with self._turn:
            await self._retry(update_id)

    async def drop(self, update_id: str) -> None:
        """Forget a parked update for good; raises `NotHere`."""
        async with self._turn:
            parked = await self._parked(update_id)
            await self._take(update_id)
            await self.updates.drop_parked(update_id, self._event(parked.update, _DROPPED))
            self._tell(parked.update, _DROPPED)

    async def _retry(self, update_id: str) -> None:
        parked = await self._parked(update_id)
        update, now, new_id = parked.update, self.clock.seconds(), self.new_id()
        refusal = steering.why_not_told(update, await self.changes.tasks.get(update.task_id))
        if refusal:  # before it is taken: whoever drops it then, by another Manager, need not wait
            raise NotPossible(refusal)
        await self._take(update_id)
        known = [False]
        refusals = [""]
        event = self._event(update, _TOLD_AGAIN)

        def decide(task: Task) -> Transition | None:
            known[0], refusals[0] = True, steering.why_not_told(update, task)
            transition = steering.told_again(update, task, now=now, update_id=new_id)
            return None if transition is None else evolve(transition, said=event)

        await self.changes.decide(update.task_id, decide)
        if refusals[0]:
            raise NotPossible(refusals[0])
        if not known[0]:
            await self.updates.add(evolve(update, id=new_id, received_at=now), event)
        await self.updates.drop_parked(update_id)
        self._tell(update, _TOLD_AGAIN)
        self.pushes.kick()

    async def _parked(self, update_id: str) -> ParkedUpdate:
        parked = await self.updates.parked_one(update_id)
        if parked is None:
            raise NotHere(f"no update {update_id} is parked")
        return parked

    async def _take(self, update_id: str) -> None:
        if not await self.updates.take_parked(update_id, self._taker, self.clock.seconds()):
            await self._parked(update_id)
            raise NotPossible(f"another Manager is deciding about update {update_id}; try again in half a minute")

    def _event(self, update: TaskUpdate, what: str) -> Event:
        return Event(
            at=self.clock.seconds(),
            kind=EventKind.OPERATOR.value,
            after=update.status or "",
            task=update.task_id,
            text=what,
        )

    def _tell(self, update: TaskUpdate, what: str) -> None:
        self._log.info("Task {task}: a {what} ({status})", task=update.task_id, what=what, status=update.status or "-")
