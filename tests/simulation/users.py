"""What users do at the Server."""

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field

from flamenco_mgr.demo.standin.record import Cause
from flamenco_mgr.demo.standin.statuses import TaskStatus
from flamenco_mgr.domain.tasks import FINISHED
from tests.simulation.jobs import a_job

if TYPE_CHECKING:
    from tests.simulation.world import World

_HOPELESS_EVERY: Final = 60.0
_WORK_EVERY: Final = 10.0


@define(eq=False, repr=False)
class Users:
    """Send in jobs, and change their minds; ``requeued`` tells when a task was last wanted again."""

    world: "World"
    requeued: dict[str, float] = field(init=False, factory=dict)
    _changes_seen: Counter[str] = field(init=False, factory=Counter)

    def begin(self) -> None:
        """Do from now on what is done again and again."""
        self.world.people.callLater(_HOPELESS_EVERY, self._fail_hopeless_jobs)
        self.world.people.callLater(_WORK_EVERY, self._keep_busy)

    def add_job(self, size: int) -> None:
        """Send in a job."""
        world = self.world
        draft = a_job(world.people.chance, size, {kind for machine in world.machines for kind in machine.task_types})
        job = world.server.books.add_job(draft)
        for its_id in job.tasks:
            world.task(its_id)
        world.trace.note("user", f"sends {world.job(job.id)}, {size} tasks")

    def act(self, what: str, act: Callable[..., object], *arguments: Any) -> None:
        """Do something."""
        self.world.trace.note("user", what)
        act(*arguments)
        self._look_for_wishes()

    def _keep_busy(self) -> None:
        """Send in more while things go wrong, so that they go wrong in the middle of work."""
        if self.world.calm:
            return
        left = sum(task.status not in FINISHED for task in self.world.server.books.tasks())
        if left < len(self.world.machines):
            self.add_job(self.world.people.chance.randint(2, 8))
        self.world.people.callLater(_WORK_EVERY, self._keep_busy)

    def _fail_hopeless_jobs(self) -> None:
        self.world.server.books.fail_hopeless_jobs()
        self._look_for_wishes()
        self.world.people.callLater(_HOPELESS_EVERY, self._fail_hopeless_jobs)

    def _look_for_wishes(self) -> None:
        for task, changes in self.world.server.record.changes.items():
            for change in changes[self._changes_seen[task] :]:
                if change.cause is not Cause.UPDATE and change.status == TaskStatus.QUEUED:
                    self.requeued[task] = self.world.now()
            self._changes_seen[task] = len(changes)
