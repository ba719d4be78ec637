"""A day on a farm whose books agree, until something is changed in them."""

import json
from typing import Any

from attrs import define, evolve, field

from flamenco_mgr.demo.agreement import disagreements
from flamenco_mgr.demo.farm_books import FarmBooks
from flamenco_mgr.demo.standin.record import Cause, Change, Outcome, Record
from flamenco_mgr.demo.worker.journal import Acknowledged, Ending, Journal, Obeyed, TaskRun

TASK = "5dcbc8346b1d520019e0aa02"
KIND = ("5dcbc8346b1d520019e0aa01", "render")
ANN, BOB, CEM = "ann", "bob", "cem"


@define(eq=False)
class FarmDay:
    """Writes into the books of all three sides what happens to one task."""

    record: Record = field(init=False, factory=Record)
    journals: dict[str, Journal] = field(init=False, factory=lambda: {name: Journal() for name in (ANN, BOB, CEM)})
    logged: list[str] = field(init=False, factory=list)
    status: str = field(init=False, default="queued")

    def worked(self, worker: str, began: float, ended: float | None, how: Ending | None = Ending.COMPLETED) -> None:
        """Have a worker work on the task."""
        self.journals[worker].runs.append(TaskRun(task_id=TASK, job="", started=began, ended=ended, how=how))

    def acknowledged(self, worker: str, at: float, status: str | None, *, answer: int = 204, log: str = "") -> None:
        """Have the Manager answer a worker's update."""
        body = json.dumps({"log": log} if log else {}).encode()
        self.journals[worker].acknowledged.append(
            Acknowledged(at=at, task_id=TASK, task_status=status, answer=answer, body=body)
        )
        if log and answer < 400:
            self.logged.append(f"{log}\n")

    def told(self, at: float, status: str, *, update_id: str = "") -> None:
        """Have the Manager tell the Server; the update is named after the time if it has no name."""
        milliseconds = round(at * 1000)
        taken, update_id = status != self.status, update_id or f"u{at}"
        outcome = Outcome.CHANGED if taken else Outcome.SAME
        self.record.note_update(at=milliseconds, update_id=update_id, task_id=TASK, status=status, outcome=outcome)
        if taken:
            self.status = status
            self.record.changes[TASK].append(
                Change(at=milliseconds, status=status, cause=Cause.UPDATE, update_id=update_id)
            )

    def wished(self, at: float, status: str) -> None:
        """Have a user set the task's status."""
        self.status = status
        self.record.changes[TASK].append(Change(at=round(at * 1000), status=status, cause=Cause.USER))

    def failed(self, worker: str, began: float, ended: float) -> None:
        """Have a worker fail at the task, and the Manager hear of it."""
        self.worked(worker, began, ended, Ending.FAILED)
        self.acknowledged(worker, ended + 0.1, "failed")

    def requested(self, worker: str, at: float, status: str) -> None:
        """Have a worker take a status that the Manager requests."""
        self.journals[worker].obeyed.append(Obeyed(at=at, status=status))

    def done(self, worker: str, began: float, ended: float, log: str = "frame 1") -> None:
        """Have a worker do the task, and everybody hear of it."""
        self.worked(worker, began, ended)
        self.acknowledged(worker, began + 0.1, "active")
        self.told(began + 0.2, "active")
        self.acknowledged(worker, ended + 0.1, "completed", log=log)
        self.told(ended + 0.2, "completed")

    def books(self, **changes: Any) -> FarmBooks:
        """Return what is on record in the evening."""
        books = FarmBooks(
            names={TASK: "render"},
            server={TASK: self.status},
            record=self.record,
            manager={TASK: self.status},
            strangers=0,
            kinds={TASK: KIND},
            failed_by={},
            banned=frozenset(),
            nights=(),
            sent_logs=(),
            owed_logs=(),
            waiting=0,
            set_aside=(),
            journals=self.journals,
            unsent=dict.fromkeys(self.journals, 0),
            logs={TASK: "".join(self.logged)},
        )
        return evolve(books, **changes)

    def found(self, **changes: Any) -> dict[str, tuple[str, ...]]:
        """Return what the checks find, without those that find nothing."""
        return {proof: tuple(lines) for proof, lines in disagreements(self.books(**changes)).items() if lines}
