"""What is built from what, of all by which operators and schedules steer the farm."""

from collections.abc import Iterator

from attrs import frozen
from twisted.application.service import IService

from flamenco_mgr import __version__
from flamenco_mgr.domain.variables import Variables
from flamenco_mgr.farm.listing import WorkerListing
from flamenco_mgr.farm.operating import Operating
from flamenco_mgr.farm.report import FarmReporter
from flamenco_mgr.farm.sleeper import LOOK_EVERY, LOOK_FIRST, Sleeper
from flamenco_mgr.farm.slices import Slices
from flamenco_mgr.farm.test_tasks import TestTaskMaker
from flamenco_mgr.farm.worker_removal import WorkerRemover
from flamenco_mgr.periodic import IKickable, Periodic
from flamenco_mgr.scenes import test_scene
from flamenco_mgr.settings import Settings
from flamenco_mgr.surroundings import Surroundings
from flamenco_mgr.web.operator_pages import ManagerFacts, OperatorPages


@frozen(eq=False, kw_only=True)
class Steering:
    """What steering has in common with the rest of the Manager."""

    settings: Settings
    around: Surroundings
    variables: Variables
    remover: WorkerRemover
    downloads: IKickable

    def duties(self) -> Iterator[IService]:
        """Yield what runs where the lease is."""
        sleeper = Sleeper(
            workers=self.around.store.workers,
            slices=Slices(lease=self.around.store.lease, clock=self.around.clock),
            clock=self.around.clock,
            offset=self.around.offset,
        )
        yield Periodic(action=sleeper.look, interval=LOOK_EVERY, first=LOOK_FIRST, clock=self.around.clock)

    def operating(self) -> Operating:
        """Return what carries out operators' acts."""
        return Operating(
            workers=self.around.store.workers,
            blacklist=self.around.store.blacklist,
            history=self.around.store.history,
            remover=self.remover,
            test_tasks=self._test_tasks(),
            downloads=self.downloads,
            clock=self.around.clock,
            offset=self.around.offset,
        )

    def _test_tasks(self) -> TestTaskMaker:
        folders = self.settings.test_tasks.test_blender_render
        return TestTaskMaker(
            tasks=self.around.store.tasks,
            variables=self.variables,
            platform=self.around.platform,
            manager=self.settings.manager_id,
            job_storage=folders.job_storage,
            render_output=folders.render_output,
            scene=test_scene,
            in_thread=self.around.in_thread,
            clock=self.around.clock,
            new_id=self.around.new_id,
        )

    def listing(self) -> WorkerListing:
        """Return what lists workers for people."""
        store = self.around.store
        return WorkerListing(
            workers=store.workers, tasks=store.tasks, blacklist=store.blacklist, clock=self.around.clock
        )

    def pages(self, operating: Operating, listing: WorkerListing) -> OperatorPages:
        """Return what answers operators."""
        settings = self.settings
        return OperatorPages(
            operating=operating,
            reporter=FarmReporter(
                store=self.around.store, listing=listing, clock=self.around.clock, offset=self.around.offset
            ),
            clock=self.around.clock,
            facts=ManagerFacts(
                version=__version__,
                name=settings.manager_name,
                mode=settings.mode,
                server_url=settings.flamenco if settings.manager_id else "",
            ),
        )
