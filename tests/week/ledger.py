"""What workers reported, what the Manager wrote down, and what the Server was told, side by side."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from attrs import define, field, frozen

from flamenco_mgr.domain.events import Event
from flamenco_mgr.domain.tasks import FINISHED, TaskStatus

_MARK: Final = re.compile(r"mark:(\d+)\b")
_BY_WORKERS: Final = (TaskStatus.COMPLETED, TaskStatus.SOFT_FAILED, TaskStatus.FAILED)


@frozen(kw_only=True)
class Report:
    """An update of a worker's; its ``mark`` stands in its log, and nowhere else."""

    mark: int
    task: str
    status: str | None = None
    words: str = ""


@frozen(kw_only=True)
class _Taken:
    at: float
    place: int
    sent_before: bool


@define(eq=False)
class Ledger:
    """Notes the reports that the Manager has acknowledged."""

    _taken: dict[int, _Taken] = field(init=False, factory=dict)
    _of: defaultdict[str, list[Report]] = field(init=False, factory=lambda: defaultdict(list))

    def acknowledged(self, report: Report, now: float, *, sent_before: bool) -> None:
        """Note a report that got a 2xx; ``sent_before``: an earlier copy of it may have been taken as well."""
        self._taken[report.mark] = _Taken(at=now, place=len(self._taken), sent_before=sent_before)
        self._of[report.task].append(report)

    def disagreements(self, told: Sequence[Mapping[str, Any]], events: Sequence[Event]) -> Iterator[str]:
        """Yield what is wrong, now that the Server has been told everything."""
        by_task: defaultdict[str, dict[str, Mapping[str, Any]]] = defaultdict(dict)
        for update in told:
            # A batch whose answer was lost is told again; the newest words count, at the place of the first.
            by_task[update["task_id"]][update["_id"]] = update
        history: defaultdict[str, list[str]] = defaultdict(list)
        for event in events:
            if event.task is not None and event.before != event.after:
                history[event.task].append(event.after)
        for task in {*self._of, *history}:
            updates = list(by_task[task].values())
            yield from self._marks(task, updates)
            yield from statuses_told(task, updates, history[task])

    def _marks(self, task: str, updates: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        found: Counter[int] = Counter()
        last = -1
        for update in updates:
            for mark in map(int, _MARK.findall(update.get("log_tail", ""))):
                found[mark] += 1
                taken = self._taken.get(mark)
                if taken is None or found[mark] > 1:
                    continue
                if taken.place < last:
                    yield f"task {task}: the Server heard report {mark} too late, after a later one"
                last = taken.place
        latest = max((_instant(update) for update in updates), default=0.0)
        for report in self._of[task]:
            taken = self._taken[report.mark]
            if found[report.mark] > 1 and not taken.sent_before:
                yield f"task {task}: the Server heard report {report.mark} {found[report.mark]} times"
            if not found[report.mark] and latest < taken.at:
                yield f"task {task}: the Server never heard report {report.mark} ({report.status}), nor a later one"


def statuses_told(task: str, updates: Sequence[Mapping[str, Any]], history: Sequence[str]) -> Iterator[str]:
    """Yield what is wrong with the statuses that the Server was told, as a task had those in its history."""
    told = [update["task_status"] for update in updates if update.get("task_status")]
    left = iter(history)
    before = ""
    for status in told:
        # What a user wants cancelled that is over already is told once more as what it is.
        again = status == before and status in FINISHED
        if not again and status not in left:
            yield f"task {task}: the Server was told {told}, but this is what happened: {list(history)}"
            return
        before = status
    for status in _BY_WORKERS:
        if told.count(status) < history.count(status):
            yield f"task {task}: the Server was told {told}, not every {status} of {list(history)}"


def _instant(update: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(update["received_on_manager"].replace("Z", "+00:00")).timestamp()
