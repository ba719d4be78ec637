"""What operators do in tests."""

from typing import Any

from flamenco_mgr.domain.events import Event
from flamenco_mgr.store.interfaces import EventsAsked
from tests.harness import Answer, FarmTestCase


class OperatorCase(FarmTestCase):
    def act(self, worker: str, action: str, **fields: str) -> Answer:
        """Do something with a worker."""
        return self.request("POST", f"/worker-action/{worker}", data={"action": action, **fields})

    def report(self, query: str = "") -> Any:
        answer = self.request("GET", f"/as-json{query}")
        self.assertEqual((answer.code, answer.content_type), (200, "application/json"), answer.body)
        return answer.json

    def events(self, worker: str) -> list[Event]:
        """Return what is recorded of a worker, the newest first, when all of it has found its place."""
        self.result_of(self.store.lease.look())
        self.result_of(self.store.checkpoint())
        asked = EventsAsked(worker=worker)
        page = self.result_of(self.store.history.events(asked, None, 100, newest_first=True))
        return [recorded.event for recorded in page.items]
