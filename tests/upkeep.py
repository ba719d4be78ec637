"""A Manager that is left alone for a while."""

from typing import Any

from treq.testing import StubTreq

from flamenco_mgr.domain.tasks import Task
from tests.builders import a_task
from tests.harness import FarmTestCase


class LeftAlone(FarmTestCase):
    """A Manager whose duties run, and tasks and workers that nothing is heard of."""

    def leave_alone(self, seconds: float) -> None:
        """Let so many seconds pass, in steps of one."""
        for _ in range(round(seconds)):
            self.clock.advance(1.0)
            for _ in range(3):
                self._turn()

    def given(self, worker_id: str, **changes: Any) -> Task:
        """Put an active task into the store that a worker has been given just now."""
        now = self.clock.seconds()
        values = {"status": "active", "worker_id": worker_id, "last_worker_ping": now, "last_updated": now}
        task = a_task(**(values | changes))
        self.add(task)
        return task

    def heard(self, worker: str, **changes: Any) -> None:
        """Let a worker be heard of now, and be in some status: awake, if none is given."""
        self.change_worker(worker, **({"status": "awake", "last_activity": self.clock.seconds()} | changes))

    def with_parts(self, **parts: Any) -> None:
        """Build the Manager anew, on a store of which some parts are the test's."""
        store: Any = Parts(self.store, **parts)
        self.store = store
        self.farm = self.wired()
        self.http = StubTreq(self.farm.workers_api)


class Parts:
    """Something of which some attributes are the test's; all others are its own."""

    def __init__(self, own: Any, **parts: Any) -> None:
        self.own, self.parts = own, parts

    def __getattr__(self, name: str) -> Any:
        return self.parts[name] if name in self.parts else getattr(self.own, name)
