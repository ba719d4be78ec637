"""What is built from what, of all by which operators and schedules steer the farm."""

from collections.abc import Callable, Iterator

from attrs import frozen
from twisted.application.service import IService
from twisted.internet.interfaces import IReactorTime

from flamenco_mgr import __version__
from flamenco_mgr.domain.local_time import Offset
from flamenco_mgr.domain.variables import Variables
from flamenco_mgr.farm.listing import WorkerListing
from flamenco_mgr.farm.operating import Operating
from flamenco_mgr.farm.report import FarmReporter
from flamenco_mgr.farm.sleeper import LOOK_EVERY, LOOK_FIRST, Sleeper
from flamenco_mgr.farm.slices import Slices
from flamenco_mgr.farm.test_tasks import TestTaskMaker
from flamenco_mgr.farm.worker_removal import WorkerRemover
from flamenco_mgr.periodic import Periodic
from flamenco_mgr.scenes import test_scene
from flamenco_mgr.server.interfaces import IKickable
from flamenco_mgr.settings import Settings
from flamenco_mgr.store.interfaces import IStore
from flamenco_mgr.threads import InThread
from flamenco_mgr.web.operator_pages import ManagerFacts, OperatorPages


@frozen(eq=False, kw_only=True)
class Steering:
    """What steering has in common with the rest of the Manager; ``offset`` is the time zone of its machine."""

    settings: Settings
    store: IStore
    clock: IReactorTime
    offset: Offset
    in_thread: InThread
    new_id: Callable[[], str]
    variables: Variables
    platform: str
    remover: WorkerRemover
    downloads: IKickable

    def duties(self) -> Iterator[IService]:
        """Yield what runs where the lease is."""
        sleeper = Sleeper(
            workers=self.store.workers,
            slices=Slices(lease=self.store.lease, clock=self.clock),
            clock=self.clock,
            offset=self.offset,
        )
        yield Periodic(action=sleeper.look, interval=LOOK_EVERY, first=LOOK_FIRST, clock=self.clock)

    def operating(self) -> Operating:
        """Return what carries out operators' acts."""
        return Operating(
            workers=self.store.workers,
            blacklist=self.store.blacklist,
            history=self.store.history,
            remover=self.remover,
            test_tasks=self._test_tasks(),
            downloads=self.downloads,
            clock=self.clock,
            offset=self.offset,
        )

    def _test_tasks(self) -> TestTaskMaker:
        folders = self.settings.test_tasks.test_blender_render
        return TestTaskMaker(
            tasks=self.store.tasks,
            variables=self.variables,
            platform=self.platform,
            manager=self.settings.manager_id,
            job_storage=folders.job_storage,
            render_output=folders.render_output,
            scene=test_scene,
            in_thread=self.in_thread,
            clock=self.clock,
            new_id=self.new_id,
        )

    def listing(self) -> WorkerListing:
        """Return what lists workers for people."""
        store = self.store
        return WorkerListing(workers=store.workers, tasks=store.tasks, blacklist=store.blacklist, clock=self.clock)

    def pages(self, operating: Operating, listing: WorkerListing) -> OperatorPages:
        """Return what answers operators."""
        settings = self.settings
        return OperatorPages(
            operating=operating,
            reporter=FarmReporter(store=self.store, listing=listing, clock=self.clock, offset=self.offset),
            clock=self.clock,
            facts=ManagerFacts(
                version=__version__,
                name=settings.manager_name,
                mode=settings.mode,
                server_url=settings.flamenco if settings.manager_id else "",
            ),
        )
