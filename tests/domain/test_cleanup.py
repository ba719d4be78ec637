"""What is old enough to be forgotten."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.cleanup import WorkerCleanupRules, is_over, is_to_be_removed
from flamenco_mgr.domain.tasks import FINISHED, TaskStatus
from tests.builders import a_task, a_worker

NOW = 1_600_000_000.0


class TaskTests(SynchronousTestCase):
    def is_over(self, **changes: Any) -> bool:
        return is_over(a_task(**({"status": "completed"} | changes)), NOW)

    def test_finished(self) -> None:
        """Only tasks that are finished are over, whatever their age (task-lifecycle.md 21.31)."""
        for status in [*(str(one.value) for one in TaskStatus), "odd"]:
            self.assertEqual(self.is_over(status=status), status in FINISHED, status)

    def test_age(self) -> None:
        """The last ping counts and the last change, exactly that old is old; without either it is old."""
        for ping, updated, over in (
            (None, None, True),
            (None, NOW, True),
            (None, NOW + 1, False),
            (NOW, NOW, True),
            (NOW + 1, NOW, False),
            (NOW, NOW + 1, False),
            (NOW, None, True),
            (NOW - 5, NOW - 1, True),
        ):
            self.assertEqual(self.is_over(last_worker_ping=ping, last_updated=updated), over, (ping, updated))


class WorkerTests(SynchronousTestCase):
    def removed(self, max_age: float = 30.0, statuses: tuple[str, ...] = ("offline",), **changes: Any) -> bool:
        rules = WorkerCleanupRules(max_age=max_age, statuses=frozenset(statuses))
        worker = a_worker(**({"status": "offline", "last_activity": NOW - 31} | changes))
        return is_to_be_removed(worker, rules, NOW)

    def test_age(self) -> None:
        """A worker that was heard of lately stays, and so does each whose status is not in the list."""
        self.assertTrue(self.removed())
        self.assertFalse(self.removed(last_activity=NOW - 30))
        self.assertFalse(self.removed(last_activity=NOW - 29))
        self.assertFalse(self.removed(status="awake"))
        self.assertFalse(self.removed(status="timeout"))
        self.assertTrue(self.removed(status="timeout", statuses=("offline", "timeout")))

    def test_off(self) -> None:
        """Without an age, or without statuses, none is removed."""
        self.assertFalse(self.removed(max_age=0.0))
        self.assertFalse(self.removed(statuses=()))

    def test_registered_only(self) -> None:
        """One that only registered is as good as offline, from its registration on."""
        young, old = f"{int(NOW) - 30:08x}{1:016x}", f"{int(NOW) - 31:08x}{1:016x}"
        self.assertTrue(self.removed(id=old, status="", last_activity=None))
        self.assertFalse(self.removed(id=young, status="", last_activity=None))
        self.assertFalse(self.removed(id=old, status="", last_activity=None, statuses=("timeout",)))
        self.assertFalse(self.removed(id="odd", status="", last_activity=None))
