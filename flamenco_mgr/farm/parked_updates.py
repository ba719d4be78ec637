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
from flamenco_mgr.store.interfaces import IHistory, IUpdateQueue, ParkedUpdate


@frozen(eq=False, kw_only=True)
class ParkedUpdates:
    """
    Has parked updates told again, or drops them.

    What is told again is queued anew as the newest word of its task, on the condition that the task has not changed;
    only then is the parked one forgotten. If that is interrupted in between, and repeated, the Server hears it twice,
    which is as good as once (server-api.md 17.8). Acts take turns, so that what two operators want at the same time is
    done once, and the other one hears that nothing is parked any more.
    """

    _log: ClassVar[Logger] = Logger()

    changes: TaskChanges
    updates: IUpdateQueue
    history: IHistory
    pushes: IKickable
    clock: IReactorTime
    new_id: Callable[[], str]
    _turn: DeferredLock = field(init=False, factory=DeferredLock)

    async def retry(self, update_id: str) -> None:
        """Queue a parked update again; raises `NotHere`, or `NotPossible` if the Server must not hear it any more."""
        async with self._turn:
            await self._retry(update_id)

    async def drop(self, update_id: str) -> None:
        """Forget a parked update for good; raises `NotHere`."""
        async with self._turn:
            parked = await self._parked(update_id)
            if not await self.updates.drop_parked(update_id):
                raise NotHere(f"no update {update_id} is parked")
            await self._note(parked.update, "parked update was dropped")

    async def _retry(self, update_id: str) -> None:
        parked = await self._parked(update_id)
        update, now, new_id = parked.update, self.clock.seconds(), self.new_id()
        known = [False]
        refusals = [""]

        def decide(task: Task) -> Transition | None:
            known[0], refusals[0] = True, steering.why_not_told(update, task)
            return steering.told_again(update, task, now=now, update_id=new_id)

        await self.changes.decide(update.task_id, decide)
        if refusals[0]:
            raise NotPossible(refusals[0])
        if not known[0]:
            await self.updates.add(evolve(update, id=new_id, received_at=now))
        await self.updates.drop_parked(update_id)
        await self._note(update, "parked update is to be told again")
        self.pushes.kick()

    async def _parked(self, update_id: str) -> ParkedUpdate:
        parked = await self.updates.parked_one(update_id)
        if parked is None:
            raise NotHere(f"no update {update_id} is parked")
        return parked

    async def _note(self, update: TaskUpdate, what: str) -> None:
        self._log.info("Task {task}: a {what} ({status})", task=update.task_id, what=what, status=update.status or "-")
        await self.history.note(
            Event(
                at=self.clock.seconds(),
                kind=EventKind.OPERATOR.value,
                after=update.status or "",
                task=update.task_id,
                text=what,
            )
        )
