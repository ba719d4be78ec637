"""What must not grow without bounds, and what is counted."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from attrs import define

from flamenco_mgr.domain.tasks import Task
from flamenco_mgr.store.sqlite import SQLiteStore
from tests.simulation.reading import result_of

if TYPE_CHECKING:
    from tests.simulation.manager import ManagerProcess
    from tests.simulation.world import World

_MOST_WAITING: Final = 5000
_MOST_CALLS: Final = 60


@define(eq=False, repr=False)
class Growth:
    """Looks at what is stored, and at what waits."""

    world: "World"

    def complaints(self, manager: "ManagerProcess", store: SQLiteStore, tasks: Sequence[Task]) -> Iterator[str]:
        """Yield what there is too much of, and what is counted wrongly."""
        waiting = result_of(store.updates.waiting())
        if waiting > _MOST_WAITING:
            yield f"{waiting} updates wait"
        calls = self.world.timeline.waiting(manager.reactor)
        connections = len(self.world.network.connections)
        if calls > _MOST_CALLS + 6 * connections:
            yield f"{calls} delayed calls wait, with {connections} connections"
        there = Counter(task.status for task in tasks)
        counted = dict(result_of(store.overview.counts()).by_status)
        if counted != there:
            yield f"the overview counts {counted}, but there are {dict(there)}"
