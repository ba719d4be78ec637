"""What became of tasks in a transaction, noted in memory and written down together."""

import sqlite3

from attrs import define, field

from flamenco_mgr.domain.events import Event, of_task
from flamenco_mgr.domain.tasks import Task
from flamenco_mgr.store.sqlite import counts, events


@define(eq=False)
class Ledger:
    """
    The counts and events of changes of tasks, until the transaction that they are of ends, or somebody looks at them.

    Tasks that change together are mostly of a few jobs, whose counts are then written once, not once for each task.
    """

    _moves: list[tuple[counts.Kind, counts.Kind] | None] = field(init=False, factory=list)
    _events: list[Event | None] = field(init=False, factory=list)

    def __len__(self) -> int:
        """Return how many changes are noted."""
        return len(self._moves)

    def note(self, before: Task, after: Task) -> None:
        """Note a change of a task."""
        was, is_now = counts.kind(before), counts.kind(after)
        event = of_task(before, after)
        if was != is_now or event is not None:
            self._moves.append((was, is_now) if was != is_now else None)
            self._events.append(event)

    def say(self, event: Event) -> None:
        """Note an event behind the changes that it goes with."""
        self._moves.append(None)
        self._events.append(event)

    def cut(self, length: int) -> None:
        """Forget all but the first so many: what was noted since then is undone."""
        del self._moves[length:], self._events[length:]

    def write(self, connection: sqlite3.Connection) -> None:
        """Write down what is noted, and begin a new page."""
        counts.moved(connection, [move for move in self._moves if move is not None])
        events.record_all(connection, [event for event in self._events if event is not None])
        self.cut(0)
