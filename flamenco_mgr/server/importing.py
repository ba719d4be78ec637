"""The Server's copies of tasks become ours."""

from collections.abc import Collection, Sequence

from attrs import frozen
from twisted.internet.interfaces import IReactorTime

from flamenco_mgr.domain.merging import merged, taken_in
from flamenco_mgr.domain.tasks import SCHEDULABLE, ServerTask
from flamenco_mgr.store.interfaces import Import, ITaskStore, Standing, StoreUnavailable

_TRIES = 20


@frozen(eq=False, kw_only=True)
class TaskImporter:
    """Gathers how tasks stand here, decides what becomes of them (`domain.merging`), and acts if that still holds."""

    tasks: ITaskStore
    clock: IReactorTime

    async def take_in(
        self, copies: Sequence[ServerTask], receipts_at_start: int, aside: Collection[str] = (), *, hold: bool = False
    ) -> frozenset[str]:
        """
        Merge copies of tasks into the store, and return the ids of those that are different now.

        ``receipts_at_start`` is the number of the Server's latest receipt when it was asked for the copies: what it
        has taken since may be missing in them (server-api.md 17.3). Of two copies of one task the later counts. A copy
        that says nothing new is not written, unless its id is in ``aside``: then that it makes sense is the news.
        ``hold``: more copies follow, so what workers could not have before they get after the last of them only.
        """
        left = {copy.task.id: copy for copy in copies}
        changed: set[str] = set()
        for _ in range(_TRIES):
            standings = await self.tasks.standing(tuple(left))
            imports = []
            for task_id, copy in left.items():
                decided = await self._decide(copy, standings[task_id], receipts_at_start, aside, hold=hold)
                if decided is not None:
                    imports.append(decided)
            moved_on = await self.tasks.take_in(imports) if imports else frozenset()
            changed.update(decided.after.id for decided in imports if decided.after.id not in moved_on)
            if not moved_on:
                return frozenset(changed)
            left = {task_id: left[task_id] for task_id in moved_on}
        raise StoreUnavailable(f"{len(left)} tasks change too fast to be merged with the Server's")

    async def _decide(
        self, copy: ServerTask, standing: Standing, receipts_at_start: int, aside: Collection[str], *, hold: bool
    ) -> Import | None:
        now = self.clock.seconds()
        local = standing.task
        if local is None:
            return Import(before=None, after=taken_in(copy.task, now=now), commands=copy.commands)
        newer = standing.waiting or standing.acked > receipts_at_start
        after = merged(local, copy.task, local_is_newer=newer, now=now)
        if after == local and local.id not in aside and await self._same_commands(copy):
            return None
        waits_anew = after.status in SCHEDULABLE and (local.status not in SCHEDULABLE or local.parents != after.parents)
        return Import(before=local, after=after, commands=copy.commands, held=hold and waits_anew)

    async def _same_commands(self, copy: ServerTask) -> bool:
        # The same etag means the same commands; a copy without one has to be looked at.
        return bool(copy.task.etag) or await self.tasks.commands(copy.task.id) == copy.commands
