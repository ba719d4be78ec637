"""People are told about tasks whose parents are a riddle."""

from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar

from attrs import define, field
from twisted.logger import Logger

from flamenco_mgr.domain.rings import waiting_in_rings
from flamenco_mgr.store.interfaces import ITaskStore
from flamenco_mgr.threads import InThread

_SLICE = 500
_SHOWN = 5
_REMEMBERED = 50_000


@define(eq=False, kw_only=True)
class WaitingTasks:
    """Looks at the parents of what was downloaded; what has been told once is not told again with each download."""

    _log: ClassVar[Logger] = Logger()

    tasks: ITaskStore
    in_thread: InThread
    _told: set[str] = field(init=False, factory=set)

    async def look(self, parents: Mapping[str, Collection[str]]) -> None:
        """Tell about parents that are not here, and about tasks that wait for themselves."""
        if len(parents) <= _SLICE:
            elsewhere, stuck = _riddles(parents)
        else:
            elsewhere, stuck = await self.in_thread(lambda: _riddles(parents))
        missing = await self._missing([parent for parent in elsewhere if parent not in self._told])
        if missing:
            self._remember(missing)
            self._log.info(
                "{count} parents are not here, and count as completed: {some}", count=len(missing), some=_some(missing)
            )
        new = stuck.difference(self._told)
        if new:
            self._remember(new)
            self._log.warn(
                "{count} tasks wait for themselves through their parents and can never run: {some}",
                count=len(new),
                some=_some(new),
            )

    async def _missing(self, ids: Sequence[str]) -> set[str]:
        missing: set[str] = set()
        for start in range(0, len(ids), _SLICE):
            missing.update(await self.tasks.missing(ids[start : start + _SLICE]))
        return missing

    def _remember(self, told: Collection[str]) -> None:
        if len(self._told) > _REMEMBERED:
            self._told.clear()
        self._told.update(told)


def _riddles(parents: Mapping[str, Collection[str]]) -> tuple[set[str], frozenset[str]]:
    """Return the parents that are no task with parents, and the tasks that wait for themselves."""
    elsewhere = {parent for wanted in parents.values() for parent in wanted}.difference(parents)
    return elsewhere, waiting_in_rings(parents)


def _some(ids: Collection[str]) -> str:
    shown = sorted(ids)[:_SHOWN]
    return ", ".join(shown) + (", …" if len(ids) > len(shown) else "")
