"""What a Manager makes of documents in ``settings`` that only Managers write, when somebody else has written there."""

from typing import Any

from flamenco_mgr.domain.blacklist import BlacklistLine
from flamenco_mgr.store.interfaces import StoreUnavailable
from flamenco_mgr.store.mongo import MongoStore
from flamenco_mgr.store.mongo.collection import Collection
from flamenco_mgr.store.mongo.marks import SETTINGS
from tests.builders import JOB, WORKER, an_update
from tests.store.contract.case import StoreCase, an_id
from tests.store.mongo_case import OnMongoDB

_WRONG: tuple[Any, ...] = (None, "7", True, 1.5, [], {"x": 1})

NO_NUMBERS: tuple[dict[str, Any], ...] = ({}, *({"value": value} for value in _WRONG))


class ForeignSettingsTests(OnMongoDB, StoreCase):
    store: MongoStore

    def write(self, which: str, name: str, found: dict[str, Any]) -> None:
        """Have a document that says something of that name, or nothing."""
        settings = Collection(self.store._link, SETTINGS)
        document = {"_id": which, **({name: found["value"]} if found else {})}
        self.result_of(settings.replace({"_id": which}, document, upsert=True))

    def test_receipts(self) -> None:
        """Receipts that cannot be counted are one clear refusal, and are counted again when the number is right."""
        self.result_of(self.store.updates.add(an_update(task_id=an_id(1))))
        for found in NO_NUMBERS:
            self.write("receipts", "number", found)
            for failing in (self.store.updates.receipts(), self.store.updates.handled(self.queue())):
                why = str(self.failure_of(failing, StoreUnavailable))
                self.assertIn("number of the document receipts in settings is ", why)
                self.assertNotIn("\n", why)
        self.assertEqual(len(self.queue()), 1)
        self.write("receipts", "number", {"value": 41.0})
        self.result_of(self.store.updates.handled(self.queue()))
        self.assertEqual(self.queue(), ())
        self.assertEqual(self.result_of(self.store.updates.receipts()), 42)

    def test_blacklist(self) -> None:
        """A blacklist whose changes cannot be followed is one clear refusal, and is known again when they can be."""
        line = BlacklistLine(worker_id=WORKER, job=JOB, task_type="sleep", created=5.0)
        self.result_of(self.store.blacklist.add(line))
        for found in NO_NUMBERS:
            self.write("blacklist", "changes", found)
            why = str(self.failure_of(self.store.blacklist.bans.compare(), StoreUnavailable))
            self.assertIn("changes of the document blacklist in settings is ", why)
        self.write("blacklist", "changes", {"value": 9})
        self.result_of(self.store.blacklist.bans.compare())
        self.assertEqual(self.result_of(self.store.blacklist.lines(0.0)), (line,))
