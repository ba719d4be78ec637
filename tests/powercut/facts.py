"""What had been said when the power went, and whether a store still knows all of it."""

import json
import sqlite3
from collections.abc import Iterator
from typing import Any, Final

from attrs import define, field

ACKNOWLEDGED: Final = frozenset({"task", "tasks", "worker", "told"})
"""Facts that are said at the moment when the store acknowledges a change."""

_BECOMES: Final = {
    "active": ("active",),
    "completed": ("completed", "canceled"),
    "failed": ("soft-failed", "failed", "canceled"),
}
"""What becomes of a task when a Worker says this of it; one that is to be cancelled is canceled then."""

_BECAME: Final = "SELECT DISTINCT after FROM events WHERE task = ?"
_GIVEN: Final = "SELECT 1 FROM events WHERE task = ? AND worker = ? AND after = 'active' LIMIT 1"
_TASK: Final = "SELECT revision, status, worker_id FROM tasks WHERE id = ?"
_WORKER: Final = "SELECT revision, status FROM workers WHERE id = ?"
_WAITING: Final = "SELECT task_id, id FROM updates ORDER BY seq"


@define(eq=False)
class Facts:
    """What was said so far."""

    phase: str = field(init=False, default="")
    _tasks: dict[str, tuple[int, str, str | None]] = field(init=False, factory=dict)
    _taken_in: set[str] = field(init=False, factory=set)
    _removing: set[str] = field(init=False, factory=set)
    _workers: dict[str, tuple[int, str]] = field(init=False, factory=dict)
    _updates: dict[str, tuple[str, int]] = field(init=False, factory=dict)
    _telling: set[str] = field(init=False, factory=set)
    _told: dict[str, int] = field(init=False, factory=dict)
    _given: set[tuple[str, str]] = field(init=False, factory=set)
    _answered: set[tuple[str, str]] = field(init=False, factory=set)

    def hear(self, fact: dict[str, Any]) -> None:
        """Note a fact."""
        if "phase" in fact:
            self.phase = fact["phase"]
        elif "task" in fact:
            self._hear_of_task(fact)
        elif "worker" in fact:
            now = (fact["revision"], fact["status"])
            self._workers[fact["worker"]] = max(now, self._workers.get(fact["worker"], now))
        elif "registered" in fact:
            self._workers.setdefault(fact["registered"], (0, ""))
        elif "given" in fact:
            self._given.add((fact["given"], fact["to"]))
        elif "answered" in fact:
            self._answered.add((fact["answered"], fact["status"]))
        elif "told" in fact:
            self._told.update(dict(fact["told"]))
        else:
            self._taken_in.update(fact.get("tasks", ()))
            self._removing.update(fact.get("removing", ()))
            self._telling.update(fact.get("telling", ()))

    def _hear_of_task(self, fact: dict[str, Any]) -> None:
        task, revision = fact["task"], fact["revision"]
        known = self._tasks.get(task)
        if known is None or revision > known[0]:
            self._tasks[task] = (revision, fact["status"], fact["worker"])
        if fact["update"] is not None:
            self._updates[fact["update"]] = (task, revision)

    def missing(self, connection: sqlite3.Connection) -> Iterator[str]:
        """Yield what a store does not know of what was said, a sentence for each."""
        yield from self._tasks_missing(connection)
        yield from self._workers_missing(connection)
        yield from self._updates_missing(connection)
        for task, status in sorted(self._answered):
            if not {row[0] for row in connection.execute(_BECAME, (task,))}.intersection(_BECOMES[status]):
                yield f"a Worker was told that task {task} is {status}, and that is not in the history"
        for task, worker in sorted(self._given):
            if connection.execute(_GIVEN, (task, worker)).fetchone() is None:
                yield f"task {task} was given to worker {worker}, and that is not in the history"

    def _tasks_missing(self, connection: sqlite3.Connection) -> Iterator[str]:
        for task in sorted(self._taken_in - self._removing):
            found = connection.execute(_TASK, (task,)).fetchone()
            revision, *known = self._tasks.get(task, (0, None, None))
            if found is None:
                yield f"task {task} is missing"
            elif found[0] < revision:
                yield f"task {task} is at revision {found[0]}, and {revision} was acknowledged"
            elif revision and found[0] == revision and list(found[1:]) != known:
                yield f"task {task} is {found[1:]}, and {known} was acknowledged"

    def _workers_missing(self, connection: sqlite3.Connection) -> Iterator[str]:
        for worker, (revision, status) in sorted(self._workers.items()):
            found = connection.execute(_WORKER, (worker,)).fetchone()
            if found is None or found[0] < revision or (found[0] == revision > 0 and found[1] != status):
                yield f"worker {worker} is {found}, and {(revision, status)} was acknowledged"

    def _updates_missing(self, connection: sqlite3.Connection) -> Iterator[str]:
        waiting = connection.execute(_WAITING).fetchall()
        ids = {update for _, update in waiting} | {
            row[0] for row in connection.execute("SELECT id FROM parked_updates")
        }
        for update, (task, _) in sorted(self._updates.items()):
            if update not in ids and update not in self._telling:
                yield f"the update {update} of task {task} does not wait for the Server, who never heard of it"
        versions = dict(connection.execute("SELECT id, version FROM updates").fetchall())
        for update, version in sorted(self._told.items()):
            if versions.get(update, version + 1) <= version:
                yield f"the Server has the update {update}, and it waits again"
        latest: dict[str, int] = {}
        for task, update in waiting:
            revision = self._updates.get(update, (task, latest.get(task, 0)))[1]
            if revision < latest.get(task, 0):
                yield f"the updates of task {task} wait in another order than they came in"
            latest[task] = revision


def facts_in(text: bytes) -> dict[str, Any]:
    """Return the fact of a line; none if it is something else that was printed."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
