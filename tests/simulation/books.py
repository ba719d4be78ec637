"""Whether the books of all sides agree when everything has come to its end."""

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TYPE_CHECKING, Final

from attrs import evolve

from flamenco_mgr.demo.agreement import completed_as_asked, logs_complete, nothing_left, same_statuses
from flamenco_mgr.demo.farm_books import Deed, FarmBooks
from flamenco_mgr.demo.standin.record import Cause, Received, Record
from flamenco_mgr.demo.standin.statuses import TaskStatus
from flamenco_mgr.demo.worker.journal import Acknowledged, Ending, Journal
from flamenco_mgr.domain.log_files import log_path
from flamenco_mgr.store.sqlite import SQLiteStore
from tests.simulation.reading import all_tasks, result_of
from tests.week.ledger import statuses_told

if TYPE_CHECKING:
    from tests.simulation.world import World

_REFUSED: Final = 400
_TOO_LATE: Final = "no answer within"

_MEANWHILE: Final = 10.0
"""Seconds by which the trouble may come later, or end sooner, than the request whose answer is lost by it arrives."""


def disagreements(world: "World", store: SQLiteStore) -> Iterator[str]:
    """Yield what is wrong."""
    books = _books(world, store)
    late = {id(books.journals[journal].acknowledged[place]) for journal, place in world.checks.late}
    known = _without(books, _cancelled_unheard(books))
    for check in (same_statuses, completed_as_asked):
        for complaint in check(known):
            yield _named(world, complaint)
    for check in (nothing_left, logs_complete):
        for complaint in check(books):
            yield _named(world, complaint)
    for complaint in (*_acknowledged(books, late), *_ended_twice(books, late), *_offences(books), *_told(world, books)):
        yield _named(world, complaint)


def _cancelled_unheard(books: FarmBooks) -> set[str]:
    """
    Return the cancelled tasks that the Manager cannot know as such.

    Of one that is cancelled while it is queued no Manager hears; one that it never got it only confirms by its id.
    """
    last = {task_id: changes[-1] for task_id, changes in books.record.changes.items() if changes}
    return {
        task_id
        for task_id, change in last.items()
        if change.status == TaskStatus.CANCELED and (change.cause is not Cause.UPDATE or task_id not in books.manager)
    }


def _without(books: FarmBooks, tasks: AbstractSet[str]) -> FarmBooks:
    """Leave tasks out of what is compared."""
    return evolve(
        books,
        server={task_id: status for task_id, status in books.server.items() if task_id not in tasks},
        manager={task_id: status for task_id, status in books.manager.items() if task_id not in tasks},
    )


def _named(world: "World", complaint: str) -> str:
    for its_id, name in world.trace.names.items():
        complaint = complaint.replace(its_id, name)
    return complaint


def _books(world: "World", store: SQLiteStore) -> FarmBooks:
    server = world.server.books.tasks()
    here = {task.id: task for task in all_tasks(store)}
    journals, unsent = {}, {}
    for machine in world.machines:
        for number, journal in enumerate(machine.journals):
            name = f"{machine.name}/{number}"
            journals[name] = _by_true_time(journal, machine.reactor.true_time)
            unsent[name] = len(machine.disks[number].updates) if journal is machine.journals[-1] else 0
    kept = {task.id: world.directory / "logs" / log_path(task.job, task.id) for task in server}
    return FarmBooks(
        names={task.id: world.task(task.id) for task in server},
        server={task.id: task.status for task in server},
        record=_in_true_time(world.server.record, world.plan.server_ahead),
        manager={task_id: task.status for task_id, task in here.items()},
        strangers=len(here.keys() - {task.id for task in server}),
        kinds={task.id: (task.job, str(task.document["task_type"])) for task in server},
        failed_by={},
        banned=frozenset(),
        nights=(),
        sent_logs=[],
        owed_logs=[task_id for _, task_id in world.server.books.wanted_logs],
        waiting=result_of(store.updates.waiting()),
        set_aside=(
            *(f"an update of {one.update.task_id} is parked" for one in result_of(store.updates.parked())),
            *(f"{one.task_id} was set aside" for one in result_of(store.tasks.aside())),
        ),
        journals=journals,
        unsent=unsent,
        logs={task_id: _logged(path) for task_id, path in kept.items()},
    )


def _logged(path: Path) -> str:
    files = [file for file in path.parent.glob(f"{path.name}*") if ".gz" not in file.suffixes]
    return "".join(file.read_text(encoding="utf-8") for file in sorted(files))


def _acknowledged(books: FarmBooks, late: AbstractSet[int]) -> Iterator[str]:
    """What the Manager acknowledged has reached the Server."""
    for task_id, deeds in books.deeds().items():
        for deed in deeds:
            report = deed.report
            # What a Worker runs again while its first report is on its way comes too late to count.
            if report is None or report.answer >= _REFUSED or deed.unaware or id(report) in late:
                continue
            if books.requeued(task_id, after=deed.run.started, until=report.at):
                continue
            if not (books.has_arrived(report, since=deed.run.started) or _confirmed_cancel(books, deed, report)):
                yield f"{task_id}: that it is {report.task_status}, said by {deed.worker}, was acknowledged and lost"


def _confirmed_cancel(books: FarmBooks, deed: Deed, report: Acknowledged) -> bool:
    """Whether a report was told as what a user had wanted: the end of a task to be cancelled (task-lifecycle.md 7)."""
    wanted = any(
        change.status == TaskStatus.CANCEL_REQUESTED and change.at / 1000 <= report.at
        for change in books.record.changes.get(report.task_id, ())
    )
    return wanted and any(
        received.status == TaskStatus.CANCELED and received.at / 1000 >= deed.run.started
        for received in books.record.received.get(report.task_id, ())
    )


def _ended_twice(books: FarmBooks, late: AbstractSet[int]) -> Iterator[str]:
    """No task was run to its end, with the Manager's consent, more often than it was asked for."""
    for task_id, deeds in books.deeds().items():
        ends = [
            deed.worker
            for deed in deeds
            if deed.run.how is Ending.COMPLETED
            and not deed.unaware
            and deed.report is not None
            and deed.report.answer < _REFUSED
            and id(deed.report) not in late
        ]
        if len(ends) > len(books.rounds(task_id)):
            yield f"{task_id}: completed by {', '.join(ends)}, but asked for {len(books.rounds(task_id))} time(s)"


def _offences(books: FarmBooks) -> Iterator[str]:
    for worker, journal in books.journals.items():
        for offence in journal.offences:
            if not offence.what.startswith(_TOO_LATE):
                yield f"{worker}: {offence.endpoint}: {offence.what}"


def _told(world: "World", books: FarmBooks) -> Iterator[str]:
    """The Server was told what happened, in order, and nothing of it twice under another name."""
    for task_id in books.server:
        received = books.record.received.get(task_id, ())
        first: dict[str, Received] = {}
        for one in received:
            first.setdefault(one.update_id, one)
        if list(first) != sorted(first, key=lambda its_id: its_id[8:]):
            yield f"{task_id}: its updates reached the Server in another order"
        updates = [{"task_status": one.status} for one in first.values()]
        if task_id in books.manager:
            yield from statuses_told(task_id, updates, world.checks.history.ways[task_id])
        elif any(one.status not in (None, TaskStatus.CANCELED) for one in first.values()):
            yield f"{task_id}: the Server was told more of it than that it is cancelled, but the Manager never had it"
        yield from _told_again(world, task_id, received)


def _told_again(world: "World", task_id: str, received: Sequence[Received]) -> Iterator[str]:
    """Nothing is told again unless an answer may have been lost."""
    lost: set[str] = set()
    for one in received:
        if one.again and one.update_id not in lost:
            yield f"{task_id}: the Server was told again that it is {one.status}, and nothing had gone wrong"
        if world.disturbances.were_there(one.at / 1000, _MEANWHILE):
            lost.add(one.update_id)


def _by_true_time(journal: Journal, true: Callable[[float], float]) -> Journal:
    """Put right what a Worker has written down whose clock goes at another pace."""
    right = Journal()
    right.acknowledged += [evolve(one, at=true(one.at)) for one in journal.acknowledged]
    right.offences += journal.offences
    for run in journal.runs:
        ended = None if run.ended is None else true(run.ended)
        right.runs.append(evolve(run, asked=true(run.asked), started=true(run.started), ended=ended))
    return right


def _in_true_time(record: Record, ahead: float) -> Record:
    """Put right what a Server has written down whose clock is ahead by so many seconds."""
    late, right = round(ahead * 1000), Record()
    for task_id, received in record.received.items():
        right.received[task_id] = [evolve(one, at=one.at - late) for one in received]
    for task_id, changes in record.changes.items():
        right.changes[task_id] = [evolve(one, at=one.at - late) for one in changes]
    return right
