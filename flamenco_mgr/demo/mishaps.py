"""Whether the books agree on what went wrong, who had to sleep, and the logs that the Server wanted to see."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from math import inf
from typing import Final

from flamenco_mgr.demo.farm_books import Deed, FarmBooks, Kind
from flamenco_mgr.demo.plan import FAILURES_OF_A_TASK, FAILURES_OF_A_WORKER
from flamenco_mgr.demo.standin.statuses import TaskStatus
from flamenco_mgr.demo.worker.journal import Ending
from flamenco_mgr.demo.worker.obeying import WorkerState

_REFUSED: Final = 400

_SPREADING: Final = 1.0
"""Seconds in which one Manager may not know yet whom another has banned."""


def failed_as_often_as_it_should(books: FarmBooks) -> Iterator[str]:
    """Check that a task failed for good after so many Workers failed at it, which the Server knows by name."""
    all_deeds = books.deeds()
    for task_id, status in books.server.items():
        deeds = all_deeds.get(task_id, ())
        failures = _failures(books, deeds)
        workers = sorted({deed.worker for deed in failures})
        told = sorted(books.failed_by.get(task_id, ()))
        name, shown = books.name(task_id), ", ".join(workers) or "nobody"
        if (len(workers) >= FAILURES_OF_A_TASK) != (status == TaskStatus.FAILED):
            yield f"{name}: {status}, and {shown} failed at it"
        if told != workers:
            yield f"{name}: {shown} failed at it, and the Server was told of {', '.join(told) or 'nobody'}"
        for deed in deeds:
            if any(_knew(failure, deed) for failure in failures):
                yield f"{name}: given to {deed.worker} again, who had failed at it"


def banned_as_it_should(books: FarmBooks) -> Iterator[str]:
    """Check that who failed at so many tasks of a kind is banned, nobody else is, and they got no more of the kind."""
    ends: defaultdict[tuple[str, Kind], dict[str, float]] = defaultdict(dict)
    all_deeds = books.deeds()
    for task_id, deeds in all_deeds.items():
        for deed in _failures(books, deeds):
            if deed.report is not None:
                ends[deed.worker, books.kinds[task_id]].setdefault(task_id, deed.report.at)
    due = {who: sorted(times.values())[FAILURES_OF_A_WORKER - 1] for who, times in ends.items() if _is_enough(times)}
    for worker, (_, task_type) in due.keys() - books.banned:
        yield f"{worker} failed at {FAILURES_OF_A_WORKER} tasks of type {task_type} or more, and is not banned"
    for worker, (_, task_type) in books.banned - due.keys():
        yield f"{worker} is banned from tasks of type {task_type}, and did not fail at {FAILURES_OF_A_WORKER} of them"
    for task_id, deeds in all_deeds.items():
        for deed in deeds:
            if deed.run.asked > due.get((deed.worker, books.kinds[task_id]), inf) + _SPREADING:
                yield f"{books.name(task_id)}: given to {deed.worker}, who is banned from such tasks"


def slept_at_night(books: FarmBooks) -> Iterator[str]:
    """Check that Workers fell asleep in their nights, slept through them with nothing to do, and woke up afterwards."""
    for night in books.nights:
        journal = books.journals[night.worker]
        times: dict[str, float] = {}
        for obeyed in journal.obeyed:
            if obeyed.at >= night.begins:
                times.setdefault(obeyed.status, obeyed.at)
        asleep, awake = times.get(WorkerState.ASLEEP, inf), times.get(WorkerState.AWAKE, inf)
        if asleep > night.ends:
            yield f"{night.worker}: did not fall asleep in its night"
        if awake < night.ends:
            yield f"{night.worker}: was woken in its night"
        elif awake == inf:
            yield f"{night.worker}: was not woken after its night"
        for run in journal.runs:
            if asleep <= run.started <= night.ends:
                yield f"{books.name(run.task_id)}: given to {night.worker} in its night"


def logs_sent_whole(books: FarmBooks) -> Iterator[str]:
    """Check that the Server got each log that it asked for, and that it is what the Manager has on its disk."""
    for task_id in books.owed_logs:
        yield f"{books.name(task_id)}: the Server waits for its log"
    for log in books.sent_logs:
        if log.got != log.kept:
            pairs = enumerate(zip_longest(log.got, log.kept))
            place = next(place for place, (got, kept) in pairs if got != kept)
            yield (
                f"{books.name(log.task_id)}: its log at the Server has {len(log.got)} bytes, the Manager's "
                f"{len(log.kept)}; they differ from byte {place} on"
            )


def _failures(books: FarmBooks, deeds: Sequence[Deed]) -> Sequence[Deed]:
    """Return those of the deeds at a task that are failures which the Manager acknowledged, since its last requeue."""
    return [
        deed
        for deed in deeds
        if deed.run.how is Ending.FAILED
        and deed.report is not None
        and deed.report.answer < _REFUSED
        and not books.requeued(deed.run.task_id, after=deed.run.started, until=inf)
    ]


def _knew(failure: Deed, later: Deed) -> bool:
    """Whether the Manager knew of a failure when the same worker asked for a task and got this one."""
    return failure.report is not None and failure.worker == later.worker and failure.report.at < later.run.asked


def _is_enough(failures: Mapping[str, float]) -> bool:
    return len(failures) >= FAILURES_OF_A_WORKER
