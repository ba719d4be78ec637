"""A first look at a source: whoever fills a store has to know of all tasks before it writes the first."""

from attrs import define, field, frozen

from flamenco_mgr.domain.tasks import TaskStatus
from flamenco_mgr.storekeeping.digests import Summing, Sums
from flamenco_mgr.storekeeping.progress import IProgress
from flamenco_mgr.storekeeping.records import AsideTask, Source, StoredTask, WaitingUpdate


@define(eq=False)
class Looked:
    """
    What there is altogether.

    ``here`` are the ids of all tasks, ``completed`` those of them that are, ``aside`` of those that were set aside.
    ``latest`` is the last place in the queue of each task of which updates wait.
    """

    sums: Sums = field(factory=lambda: Sums(counts={}, digests={}))
    here: set[str] = field(factory=set)
    completed: set[str] = field(factory=set)
    aside: set[str] = field(factory=set)
    latest: dict[str, int] = field(factory=dict)

    def waits_for(self, parent: str) -> bool:
        """Whether children of this task wait for it."""
        return parent in self.aside or (parent in self.here and parent not in self.completed)

    def knows(self, parent: str) -> bool:
        """Whether this task is here, or was set aside."""
        return parent in self.here or parent in self.aside


@frozen(kw_only=True)
class Look:
    """Looks at sources, for people who wait."""

    progress: IProgress

    def at(self, source: Source, what: str) -> Looked:
        """Read a source to its end; ``what`` says so."""
        looked, summing = Looked(), Summing()
        self.progress.begin(what, sum(source.expected().values()))
        for record in source.records():
            summing.add(record)
            if isinstance(record, StoredTask):
                looked.here.add(record.task.id)
                if record.task.status == TaskStatus.COMPLETED:
                    looked.completed.add(record.task.id)
            elif isinstance(record, AsideTask):
                looked.aside.add(record.task_id)
            elif isinstance(record, WaitingUpdate):
                looked.latest[record.update.task_id] = record.place
            self.progress.advance()
        looked.sums = summing.sums
        return looked
