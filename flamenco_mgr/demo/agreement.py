"""
Whether the books agree: what the Server was told, what the Manager has stored, and what the Workers did.

Each check is a function of `FarmBooks` that yields a line for every disagreement; `CHECKS` has them all by what they
prove. The farm has to be at rest.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Final

from flamenco_mgr.demo.farm_books import FarmBooks, Round
from flamenco_mgr.demo.mishaps import banned_as_it_should, failed_as_often_as_it_should, logs_sent_whole, slept_at_night
from flamenco_mgr.demo.standin.statuses import TaskStatus
from flamenco_mgr.demo.worker.journal import Ending

_REFUSED: Final = 400
"""The first status that tells a Worker that its update was not taken."""


def completed_as_asked(books: FarmBooks) -> Iterator[str]:
    """
    Check that each task was completed once after it was last asked for, and at most once each time before.

    One that failed need not be completed; whether it may fail is another check.
    """
    for task_id in books.server:
        for number, asked in enumerate(rounds := books.rounds(task_id), 1):
            times = asked.way.count(TaskStatus.COMPLETED)
            if times > 1:
                yield f"{books.name(task_id)}: completed {times} times in round {number}: {_shown(asked)}"
            elif times and asked.way[-1] != TaskStatus.COMPLETED:
                yield f"{books.name(task_id)}: went on after it was completed in round {number}: {_shown(asked)}"
        last = rounds[-1]
        canceled = TaskStatus.CANCEL_REQUESTED in last.way and last.way[-1] == TaskStatus.CANCELED
        failed = last.way[-1:] == (TaskStatus.FAILED,)
        if TaskStatus.COMPLETED not in (*last.way, *last.repeats) and not (canceled or failed):
            yield f"{books.name(task_id)}: not completed in round {len(rounds)}, the last: {_shown(last)}"


def run_as_asked(books: FarmBooks) -> Iterator[str]:
    """Check that Workers ran no task to its end more often than somebody asked for it."""
    for task_id, deeds in books.deeds().items():
        asked = len(books.rounds(task_id))
        ends = [deed.worker for deed in deeds if deed.run.how is Ending.COMPLETED and not deed.unaware]
        if len(ends) > asked:
            yield f"{books.name(task_id)}: run to its end by {', '.join(ends)}, but asked for {asked} time(s)"


def in_one_hand(books: FarmBooks) -> Iterator[str]:
    """
    Check that no task was in the hands of two Workers at once.

    A worker that lost its task because a user requeued it goes on until it asks whether it may.
    """
    for task_id, deeds in books.deeds().items():
        for one, other in combinations(deeds, 2):
            began, ended = other.run.started, one.run.ended
            overlap = ended is None or began < ended
            if overlap and not books.requeued(task_id, after=one.run.started, until=began):
                yield f"{books.name(task_id)}: in the hands of {one.worker} when {other.worker} got it"


def nothing_lost(books: FarmBooks) -> Iterator[str]:
    """Check that what the Manager acknowledged reached the Server, and that it turned no Worker's result away."""
    for worker, unsent in books.unsent.items():
        if unsent:
            yield f"{worker}: {unsent} updates are still on its disk"
    for task_id, deeds in books.deeds().items():
        for deed in deeds:
            report = deed.report
            if report is None or books.requeued(task_id, after=deed.run.started, until=report.at):
                continue
            what = f"{books.name(task_id)}: that it is {report.task_status}, said by {deed.worker},"
            if report.answer >= _REFUSED and not deed.unaware:
                yield f"{what} was refused ({report.answer})"
            elif report.answer < _REFUSED and not books.has_arrived(report, since=deed.run.started):
                yield f"{what} was acknowledged and is not at the Server"


def same_statuses(books: FarmBooks) -> Iterator[str]:
    """Check that the Server and the Manager's store say the same of every task."""
    for task_id in dict.fromkeys((*books.server, *books.manager)):
        server, manager = books.server.get(task_id, "not there"), books.manager.get(task_id, "not there")
        if server != manager:
            yield f"{books.name(task_id)}: {server} at the Server, {manager} in the Manager's store"
    if books.strangers:
        yield f"{books.strangers} tasks are in the Manager's store that the Server does not know"


def nothing_left(books: FarmBooks) -> Iterator[str]:
    """Check that the Manager has nothing more to tell, and set nothing aside."""
    if books.waiting:
        yield f"{books.waiting} updates wait in the Manager's store"
    yield from books.set_aside


def logs_complete(books: FarmBooks) -> Iterator[str]:
    """Check that every line that was acknowledged to a Worker is in the task's log."""
    sent: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for journal in books.journals.values():
        for update in journal.acknowledged:
            if update.answer < _REFUSED:
                sent[update.task_id].update(dict.fromkeys(json.loads(update.body).get("log", "").splitlines()))
    for task_id, lines in sent.items():
        missing = lines.keys() - set(books.logs.get(task_id, "").splitlines())
        if missing:
            first = next(line for line in lines if line in missing)
            yield f"{books.name(task_id)}: its log lacks {len(missing)} of {len(lines)} lines, the first is {first!r}"


def no_offences(books: FarmBooks) -> Iterator[str]:
    """Check that the Manager did nothing that a real Worker could not bear."""
    for worker, journal in books.journals.items():
        for offence in journal.offences:
            yield f"{worker}: {offence.endpoint}: {offence.what}"


Check = Callable[[FarmBooks], Iterator[str]]

CHECKS: Final[Mapping[str, Check]] = {
    "each task completed exactly as often as asked": completed_as_asked,
    "no task run more often than asked": run_as_asked,
    "no task in two hands at once": in_one_hand,
    "each task failed as often as it may, and nobody who failed got it again": failed_as_often_as_it_should,
    "who fails too often at a kind of task gets no more of it": banned_as_it_should,
    "no Worker got a task while it was to sleep": slept_at_night,
    "no acknowledged update lost": nothing_lost,
    "Server and Manager say the same of each task": same_statuses,
    "nothing waits, nothing was set aside": nothing_left,
    "every log has its Worker's lines": logs_complete,
    "the Server has each log that it asked for, byte for byte": logs_sent_whole,
    "no offence against a Worker": no_offences,
}


def disagreements(books: FarmBooks) -> Mapping[str, Sequence[str]]:
    """Return what each check has found; all is well if nothing."""
    return {proof: tuple(check(books)) for proof, check in CHECKS.items()}


def _shown(asked: Round) -> str:
    return " → ".join(asked.way) or "never begun"
