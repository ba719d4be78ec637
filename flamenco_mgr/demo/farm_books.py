"""What the three sides of the farm have on record, put side by side."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from attrs import field, frozen

from flamenco_mgr.demo.standin.record import Cause, Outcome, Record
from flamenco_mgr.demo.standin.statuses import FINAL, TaskStatus
from flamenco_mgr.demo.worker.journal import Acknowledged, Ending, Journal, TaskRun

_MILLISECOND: Final = 0.001
"""The Server's instants are that much coarser than the Workers'."""

_OF_ITSELF: Final = {Ending.COMPLETED, Ending.FAILED}
"""How a run ends that is then reported."""

_TOLD_AS: Final[Mapping[str | None, AbstractSet[str | None]]] = {
    TaskStatus.FAILED: {TaskStatus.FAILED, TaskStatus.SOFT_FAILED}
}
"""What else the Server may be told when a worker says something: others may do what one has failed at."""

Kind = tuple[str, str]
"""A job's id and a task type."""


@frozen(kw_only=True)
class FarmBooks:
    """
    What the three sides have on record.

    ``names``, ``server`` (statuses at the Server), ``manager`` (statuses in the Manager's store) and ``logs`` (all that
    was ever logged) are by task id; ``record`` is the Server's history, ``journals`` and ``unsent`` (how many updates
    are still on a worker's disk) are by worker. The Manager has ``strangers`` besides: tasks that the Server does not
    know. ``kinds`` are the tasks' jobs and types, ``failed_by`` says which Workers failed at them as the Server knows,
    ``banned`` who is not given which kind any more as the Manager knows. ``nights`` are in the order in which operators
    thought of them; ``sent_logs`` are those that the Server asked for and got, ``owed_logs`` the tasks of the others.
    ``waiting`` updates are in its queue; ``set_aside`` says which ones it parked, and which tasks it could not
    understand.
    """

    names: Mapping[str, str]
    server: Mapping[str, str]
    record: Record
    manager: Mapping[str, str]
    strangers: int
    kinds: Mapping[str, Kind]
    failed_by: Mapping[str, Sequence[str]]
    banned: AbstractSet[tuple[str, Kind]]
    nights: Sequence["Night"]
    sent_logs: Sequence["SentLog"]
    owed_logs: Sequence[str]
    waiting: int
    set_aside: Sequence[str]
    journals: Mapping[str, Journal]
    unsent: Mapping[str, int]
    logs: Mapping[str, str] = field(repr=False)

    def name(self, task_id: str) -> str:
        """Return how people call a task."""
        return f"{self.names.get(task_id, 'task')} ({task_id})"

    def requeued(self, task_id: str, *, after: float, until: float) -> bool:
        """Whether a user had the task queued again in that time, seconds since 1970."""
        return any(
            change.status == TaskStatus.QUEUED
            and change.cause is not Cause.UPDATE
            and after - _MILLISECOND <= change.at / 1000 <= until + _MILLISECOND
            for change in self.record.changes.get(task_id, ())
        )

    def rounds(self, task_id: str) -> Sequence["Round"]:
        """Return what the task went through, from its creation on and from each requeue on."""
        taken = iter([one.again for one in self.record.received.get(task_id, ()) if one.outcome is Outcome.CHANGED])
        rounds: list[tuple[list[str], list[str]]] = [([], [])]
        for change in self.record.changes.get(task_id, ()):
            if change.status == TaskStatus.QUEUED and change.cause is not Cause.UPDATE:
                rounds.append(([], []))
            else:
                repeated = change.cause is Cause.UPDATE and next(taken, False)
                rounds[-1][repeated].append(change.status)
        return tuple(Round(way=tuple(way), repeats=tuple(repeats)) for way, repeats in rounds)

    def has_arrived(self, report: Acknowledged, *, since: float) -> bool:
        """Whether the Server was told what a worker reported, not before ``since`` (seconds since 1970)."""
        return any(
            received.status in _TOLD_AS.get(report.task_status, {report.task_status})
            and received.at / 1000 >= since - _MILLISECOND
            for received in self.record.received.get(report.task_id, ())
        )

    def deeds(self) -> Mapping[str, Sequence["Deed"]]:
        """Return all that workers did, by task, in the order of the beginnings."""
        found: defaultdict[str, list[Deed]] = defaultdict(list)
        for worker, journal in self.journals.items():
            for deed in _deeds(worker, journal):
                found[deed.run.task_id].append(deed)
        return {task_id: sorted(deeds, key=lambda deed: deed.run.started) for task_id, deeds in found.items()}


@frozen(kw_only=True)
class Night:
    """A worker was to sleep by its schedule, from when it was given it (seconds since 1970) to when it got another."""

    worker: str
    begins: float
    ends: float


@frozen(kw_only=True)
class SentLog:
    """A task's log as the Server got it, and as the Manager has it on its disk."""

    task_id: str
    got: bytes = field(repr=False)
    kept: bytes = field(repr=False)


@frozen(kw_only=True)
class Round:
    """
    The statuses of a task after it was asked for once.

    ``repeats`` are apart: they came with updates that the Server had had before. A Manager that dies between the
    Server's receipt and its own note of it cannot but send the same updates again, and the Server takes them again
    (server-api.md 11.2).
    """

    way: tuple[str, ...]
    repeats: tuple[str, ...]


@frozen(kw_only=True)
class Deed:
    """
    A worker's work on a task, and the acknowledged report of its end, if there is one.

    ``unaware``: it was asked for while the report of the same worker's last work on the task was still on the worker's
    disk, so that the Manager could not know better than to give it the same task again (worker-api.md 7).
    """

    worker: str
    run: TaskRun
    report: Acknowledged | None
    unaware: bool


def _deeds(worker: str, journal: Journal) -> Iterator[Deed]:
    """
    Pair a worker's runs with the reports of their ends.

    The worker's queue keeps their order over all its processes, so a task's nth report is of the nth run that ended.
    """
    reports: defaultdict[str, list[Acknowledged]] = defaultdict(list)
    for update in journal.acknowledged:
        if update.task_status in FINAL:
            reports[update.task_id].append(update)
    reported: dict[str, Deed] = {}
    for run in journal.runs:
        report = None
        if run.how in _OF_ITSELF and reports[run.task_id]:
            report = reports[run.task_id].pop(0)
        last = reported.get(run.task_id)
        unaware = last is not None and (last.report is None or last.report.at > run.asked)
        deed = Deed(worker=worker, run=run, report=report, unaware=unaware)
        if run.how in _OF_ITSELF:
            reported[run.task_id] = deed
        yield deed
