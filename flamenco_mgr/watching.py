"""What is built from what, of all by which people, scripts and Prometheus watch the farm."""

from collections.abc import Callable, Iterator

from attrs import Factory, field, frozen
from twisted.application.service import IService

from flamenco_mgr import __version__
from flamenco_mgr.farm import disk_space, lag
from flamenco_mgr.farm.browsing import FarmBrowser
from flamenco_mgr.farm.condition import FarmCondition
from flamenco_mgr.farm.disk_space import DiskSpace
from flamenco_mgr.farm.lag import ReactorLag
from flamenco_mgr.farm.listing import WorkerListing
from flamenco_mgr.farm.operating import Operating
from flamenco_mgr.farm.parked_updates import ParkedUpdates
from flamenco_mgr.farm.task_changes import TaskChanges
from flamenco_mgr.farm.task_steering import TaskSteering
from flamenco_mgr.periodic import IKickable, Periodic
from flamenco_mgr.server.interfaces import IServerHealth
from flamenco_mgr.settings import Settings
from flamenco_mgr.surroundings import Surroundings
from flamenco_mgr.web.api.blacklist import Blacklist
from flamenco_mgr.web.api.events import Events
from flamenco_mgr.web.api.farm import FarmStatus
from flamenco_mgr.web.api.jobs import Jobs
from flamenco_mgr.web.api.tasks import Tasks
from flamenco_mgr.web.api.updates import Updates
from flamenco_mgr.web.api.workers import Workers
from flamenco_mgr.web.health import Health
from flamenco_mgr.web.metrics import Metrics
from flamenco_mgr.web.operator_pages import ManagerFacts
from flamenco_mgr.web.routes import Desk


@frozen(eq=False, kw_only=True)
class Watching:
    """What watching has in common with the rest of the Manager; ``claims`` counts the tasks that were given out."""

    settings: Settings
    around: Surroundings
    changes: TaskChanges
    pushes: IKickable
    server: IServerHealth
    listing: WorkerListing
    operating: Operating
    facts: ManagerFacts
    claims: Callable[[], int]
    _lag: ReactorLag = field(
        init=False, default=Factory(lambda self: ReactorLag(clock=self.around.clock), takes_self=True)
    )
    _disks: DiskSpace = field(init=False)

    @_disks.default
    def _of_our_directories(self) -> DiskSpace:
        settings = self.settings
        embedded = {} if settings.database_url else {"database": settings.database_path}
        return DiskSpace(
            directories={**embedded, "task_logs": settings.task_logs_path},
            in_thread=self.around.in_thread,
        )

    def duties(self) -> Iterator[IService]:
        """Yield what runs in each Manager."""
        yield Periodic(action=self._lag.look, interval=lag.LOOK_EVERY, clock=self.around.clock)
        yield Periodic(action=self._disks.look, interval=disk_space.LOOK_EVERY, clock=self.around.clock)

    def desks(self) -> Iterator[Desk]:
        """Yield what answers people, scripts and Prometheus."""
        store, clock = self.around.store, self.around.clock
        condition = FarmCondition(store=store, server=self.server, clock=clock)
        browser = FarmBrowser(store)
        steering = TaskSteering(changes=self.changes, workers=store.workers, clock=clock, new_id=self.around.new_id)
        parked = ParkedUpdates(
            changes=self.changes,
            updates=store.updates,
            pushes=self.pushes,
            clock=clock,
            new_id=self.around.new_id,
        )
        yield FarmStatus(condition, self.operating, self.facts)
        yield Jobs(browser)
        yield Tasks(browser, steering, clock)
        yield Workers(self.listing, self.operating)
        yield Blacklist(browser, self.operating, clock)
        yield Updates(browser, parked, clock)
        yield Events(browser)
        yield Health(condition)
        yield Metrics(
            condition=condition,
            lag=self._lag,
            disks=self._disks,
            commits=store.commits,
            claims=self.claims,
            version=__version__,
        )
