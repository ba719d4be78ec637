"""Whether a farm in which all was put right still gets on, or stands still for good."""

from typing import TYPE_CHECKING, Any

from attrs import define, field

if TYPE_CHECKING:
    from tests.simulation.world import World


@define(eq=False, repr=False)
class Standstill:
    """Notes when something last changed, of what shows that work is done."""

    world: "World"
    _known: Any = field(init=False, default=None)
    _since: float = field(init=False, default=0.0)

    def lasts(self) -> float:
        """Return for how many seconds nothing has changed; not before everything was put right."""
        now, seen = self.world.now(), self._seen()
        if not self.world.calm or seen != self._known:
            self._known, self._since = seen, now
        return now - self._since

    def _seen(self) -> object:
        world = self.world
        return (
            {task.id: task.status for task in world.server.books.tasks()},
            {task: len(received) for task, received in world.server.record.received.items()},
            {task: len(ways) for task, ways in world.checks.history.ways.items()},
            [(len(machine.disks[-1].updates), machine.worker.running) for machine in world.machines],
            len(world.server.books.wanted_logs),
        )
