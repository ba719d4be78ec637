"""What is built from what, of the duties that find out who is gone and forget what is old."""

from collections.abc import Iterator
from pathlib import Path

from attrs import frozen
from twisted.application.service import IService

from flamenco_mgr.domain.cleanup import WorkerCleanupRules
from flamenco_mgr.domain.log_limits import LogLimits
from flamenco_mgr.domain.timeouts import TimeoutRules
from flamenco_mgr.farm.bookkeeping import FORGET_EVERY, FORGET_FIRST, RECOUNT_EVERY, Bookkeeper
from flamenco_mgr.farm.cleanup import CLEANUP_EVERY, CLEANUP_FIRST, TaskCleaner
from flamenco_mgr.farm.grace import Grace
from flamenco_mgr.farm.heartbeats import Heartbeats
from flamenco_mgr.farm.log_cleanup import LOGS_EVERY, LOGS_FIRST, LogCleaner
from flamenco_mgr.farm.returning import TaskReturner
from flamenco_mgr.farm.slices import Slices
from flamenco_mgr.farm.task_changes import TaskChanges
from flamenco_mgr.farm.timeouts import FailsSilent, TimeoutChecker
from flamenco_mgr.farm.worker_removal import REMOVAL_EVERY, REMOVAL_FIRST, WorkerCleaner, WorkerRemover
from flamenco_mgr.periodic import Periodic
from flamenco_mgr.settings import Settings
from flamenco_mgr.surroundings import Surroundings


@frozen(eq=False, kw_only=True)
class Upkeep:
    """What the duties have in common with the rest of the Manager."""

    settings: Settings
    around: Surroundings
    changes: TaskChanges
    heartbeats: Heartbeats
    returner: TaskReturner
    remover: WorkerRemover
    fails: FailsSilent

    def duties(self) -> Iterator[IService]:
        """Yield what runs where the lease is, as the settings want it."""
        settings, store, clock = self.settings, self.around.store, self.around.clock
        slices = Slices(lease=store.lease, clock=clock)
        yield self._timeouts(slices)
        yield from self._bookkeeping(slices)
        if settings.task_cleanup_max_age:
            cleaner = TaskCleaner(
                tasks=store.tasks,
                heartbeats=self.heartbeats,
                slices=slices,
                clock=clock,
                max_age=settings.task_cleanup_max_age,
            )
            yield Periodic(action=cleaner.clean_up, interval=CLEANUP_EVERY, first=CLEANUP_FIRST, clock=clock)
        rules = WorkerCleanupRules(
            max_age=settings.worker_cleanup_max_age, statuses=frozenset(settings.worker_cleanup_status)
        )
        if not rules.off:
            removal = WorkerCleaner(
                remover=self.remover,
                workers=store.workers,
                heartbeats=self.heartbeats,
                slices=slices,
                clock=clock,
                rules=rules,
            )
            yield Periodic(action=removal.clean_up, interval=REMOVAL_EVERY, first=REMOVAL_FIRST, clock=clock)
        limits = LogLimits(max_files=settings.task_log_max_files, max_age=settings.task_log_max_age)
        if not limits.off:
            logs = self._log_cleaner(limits, settings.task_logs_path, slices)
            yield Periodic(action=logs.clean_up, interval=LOGS_EVERY, first=LOGS_FIRST, clock=clock)

    def _timeouts(self, slices: Slices) -> TimeoutChecker:
        rules = TimeoutRules(
            task_interval=self.settings.active_task_timeout_interval,
            worker_interval=self.settings.active_worker_timeout_interval,
        )
        return TimeoutChecker(
            changes=self.changes,
            workers=self.around.store.workers,
            heartbeats=self.heartbeats,
            returner=self.returner,
            fails=self.fails,
            slices=slices,
            grace=Grace(clock=self.around.clock, steady=self.around.steady, tolerance=rules.worker_interval),
            rules=rules,
            clock=self.around.clock,
            new_id=self.around.new_id,
        )

    def _bookkeeping(self, slices: Slices) -> Iterator[IService]:
        store, clock = self.around.store, self.around.clock
        bookkeeper = Bookkeeper(
            overview=store.overview,
            history=store.history,
            slices=slices,
            clock=clock,
            max_age=self.settings.event_log_max_age,
        )
        yield Periodic(action=bookkeeper.recount, interval=RECOUNT_EVERY, clock=clock)
        if self.settings.event_log_max_age:
            yield Periodic(action=bookkeeper.forget, interval=FORGET_EVERY, first=FORGET_FIRST, clock=clock)

    def _log_cleaner(self, limits: LogLimits, directory: Path, slices: Slices) -> LogCleaner:
        return LogCleaner(
            directory=directory,
            limits=limits,
            logs=self.changes.logs,
            tasks=self.around.store.tasks,
            slices=slices,
            in_thread=self.around.in_thread,
            clock=self.around.clock,
        )
