"""A database of the original's becomes ours, whatever is in it, and whatever interrupts it."""

from datetime import timezone
from typing import Any

from bson.datetime_ms import DatetimeMS
from twisted.internet.task import Clock

from flamenco_mgr.deadline import within
from flamenco_mgr.domain.tasks import Task
from flamenco_mgr.store.interfaces import Import, StoreRefused, StoreUnavailable
from flamenco_mgr.store.mongo.schema import SCHEMA
from tests.mongo.pump import pump
from tests.mongo.server import stand_in
from tests.store import original_database
from tests.store.mongo_case import OnMongoDB
from tests.store.upgrading import JOB, THEN, WORKER, UpgradeCase, a_task, an_update, task_id


class OriginalTests(UpgradeCase):
    def setUp(self) -> None:
        super().setUp()
        original_database.fill(self.database)
        self.before = self.content()

    def test_nothing_changed(self) -> None:
        """Every document of the original's stays what it was: what is new is in ``mgr``, and in settings of our own."""
        self.run_upgrade()
        after = self.content(without=("mgr",))
        ours = [document for document in after["settings"] if isinstance(document["_id"], str)]
        self.assertEqual(ours, [{"_id": "schema", "version": SCHEMA}])
        after["settings"] = [document for document in after["settings"] if document not in ours]
        self.assertEqual(after, self.before)

    def test_twice(self) -> None:
        """Done again it changes nothing."""
        self.run_upgrade()
        once = self.content()
        self.result_of(self.new_upgrade().run())
        self.assertEqual(self.content(), once)

    def test_told(self) -> None:
        """The log says what was taken over, once; nothing of it is odd."""
        self.run_upgrade()
        self.run_upgrade()
        taken = [event["taken"] for event in self.logged if "taken" in event]
        self.assertEqual(taken, ["5 workers, 11 waiting updates, 16 tasks"])
        self.assertEqual(self.warnings(), [])


class RelationsTests(UpgradeCase):
    def test_ready(self) -> None:
        """Workers may have schedulable tasks whose parents are completed, without a status, or not here; no others."""
        self.fill(
            tasks=[
                a_task(1, "completed"),
                a_task(2, "active"),
                a_task(3, None),
                a_task(11, "queued"),
                a_task(12, "soft-failed", 1),
                a_task(13, "claimed-by-manager", 1, 3, 99),
                a_task(14, "queued", 1, 2),
                a_task(15, "paused", 1),
                a_task(16, "canceled"),
            ]
        )
        self.run_upgrade()
        self.assertEqual(self.ready(), {task_id(11), task_id(12), task_id(13)})

    def test_parents(self) -> None:
        """Each task knows of each parent once, whether it waits for it, and as of when that is known."""
        self.fill(tasks=[a_task(1, "completed"), a_task(2, "failed"), a_task(3, "queued", 1, 2, 99, 1)])
        self.run_upgrade()
        ours = self.task(3)["mgr"]
        self.assertEqual(ours["open"], [task_id(2)])
        self.assertEqual(ours["known"], {str(task_id(1)): 1, str(task_id(2)): 1, str(task_id(99)): 0})
        self.assertEqual({self.task(number)["mgr"]["turn"] for number in (1, 2, 3)}, {1})

    def test_busy(self) -> None:
        """A task that is active, or is to be cancelled, is its worker's; the latter is overdue at once."""
        self.fill(tasks=[a_task(1, "active", worker_id=WORKER), a_task(2, "cancel-requested", worker_id=str(WORKER))])
        self.run_upgrade()
        self.assertEqual([self.task(number)["mgr"]["busy"] for number in (1, 2)], [WORKER, WORKER])
        self.assertEqual(self.task(2)["mgr"]["stopping"], -1.0)

    def test_many(self) -> None:
        """Of many tasks, more than are read at once, each is taken over."""
        self.fill(tasks=[a_task(number, "queued", *([number - 1] if number % 2 else [])) for number in range(2, 452)])
        self.run_upgrade()
        self.assertEqual(self.ready(), {task_id(number) for number in range(2, 452, 2)})
        self.assertEqual(self.database.flamenco_tasks.count_documents({"mgr.rev": 0}), 450)


class QueueTests(UpgradeCase):
    def test_places(self) -> None:
        """Of each task's updates the first that came is first; of two that came at once the one with the lower id."""
        self.fill(
            tasks=[a_task(1)],
            updates=[an_update(3, 1, 2.0), an_update(1, 1, 3.0), an_update(4, 1, 1.0), an_update(2, 1, 2.0)],
        )
        self.run_upgrade()
        ordered = self.database.task_update_queue.find().sort("mgr.order")
        self.assertEqual([int(str(update["_id"]), 16) for update in ordered], [4, 2, 3, 1])

    def test_known_to_the_task(self) -> None:
        """A task knows what waits for the Server of it, what of that is final, and the latest place."""
        self.fill(
            tasks=[a_task(1, "completed")],
            updates=[an_update(1, 1, 1.0, activity="almost"), an_update(2, 1, 2.0, task_status="completed")],
        )
        self.run_upgrade()
        ours = self.task(1)["mgr"]
        self.assertEqual(ours["queued"], {f"{1:024x}": {"v": 1, "f": False}, f"{2:024x}": {"v": 1, "f": True}})
        latest = round((THEN.replace(tzinfo=timezone.utc).timestamp() + 2) * 1_000_000)
        self.assertEqual(ours["order"], latest)

    def test_task_not_here(self) -> None:
        """An update of a task that is not here, or that cannot be used, stands by itself."""
        self.fill(tasks=[a_task(1), a_task(2, job=None)], updates=[an_update(n, n, 1.0) for n in (1, 2, 3)])
        self.run_upgrade()
        loose = self.database.task_update_queue.find({"mgr.loose": True})
        self.assertEqual({update["task_id"] for update in loose}, {task_id(2), task_id(3)})

    def test_odd(self) -> None:
        """An update whose task's id is a text has its place among the others; one that makes no sense has none."""
        self.fill(
            tasks=[a_task(1)],
            updates=[
                an_update(1, 1, 2.0),
                an_update(2, 1, 1.0, task_id=str(task_id(1)), activity=5),
                an_update(3, 1, 1.0, task_status=5),
                an_update(4, 1, 1.0, task_id="nobody's"),
            ],
        )
        self.run_upgrade()
        placed = list(self.database.task_update_queue.find({"mgr.order": {"$exists": True}}).sort("mgr.order"))
        self.assertEqual([int(str(update["_id"]), 16) for update in placed], [2, 1])
        self.assertEqual(placed[0]["task_id"], task_id(1))
        self.assertEqual(placed[0]["mgr"]["aside"], {"activity": "5"})
        mended, odd = self.warnings()
        self.assertEqual(mended, "1 waiting update: fields that make no sense are put aside, in mgr.aside")
        self.assertEqual(
            odd,
            "2 waiting updates cannot be used, left alone: "
            f'{3:024x}: task_status is no text: 5; {4:024x}: task_id is no id: "nobody\'s"',
        )


class OddTests(UpgradeCase):
    def test_left_alone(self) -> None:
        """What cannot be used stays as it is, and no worker gets it; its children wait unless it is completed."""
        odd = [
            a_task(1, job=None),
            a_task(2, status=5),
            a_task(3, "completed", priority="high"),
            {"_id": "5e6a2b7d9d3b4a0017c00004", "status": "queued"},
            {"_id": 5},
            {"_id": True, "status": "queued"},
        ]
        children = [a_task(10 + parent, "queued", parent) for parent in (1, 2, 3, 4)]
        self.fill(tasks=[*odd, *children])
        self.run_upgrade()
        self.assertEqual(self.ready(), {task_id(13)})
        for document in odd:
            self.assertEqual(self.database.flamenco_tasks.find_one({"_id": document["_id"]}), document)
        (told,) = self.warnings()
        self.assertTrue(told.startswith("6 tasks cannot be used, left alone: "), told)

    def test_mended(self) -> None:
        """What can be understood is taken over in the right form; what was put aside is kept."""
        self.fill(
            tasks=[
                {"_id": task_id(1), "job": str(JOB), "status": "queued", "parents": [str(task_id(2))], "name": 5},
                a_task(2, "completed", last_updated="2026-11-24T13:19:09Z", last_worker_ping=DatetimeMS(1 << 60)),
            ]
        )
        self.run_upgrade()
        task = self.task(1)
        self.assertEqual(
            {name: task.get(name) for name in ("job", "parents", "priority", "job_priority", "task_type", "name")},
            {
                "job": JOB,
                "parents": [task_id(2)],
                "priority": 0,
                "job_priority": 0,
                "task_type": "unknown",
                "name": None,
            },
        )
        self.assertEqual(task["mgr"]["aside"], {"name": "5"})
        self.assertEqual(self.task(2)["last_updated"], THEN)
        self.assertIn("last_worker_ping", self.task(2)["mgr"]["aside"])
        self.assertEqual(self.ready(), {task_id(1)})

    def test_workers(self) -> None:
        """A worker that nobody can be stays as it is; every other one has a revision."""
        secret = b"$2a$04$CXfCkBgw.CBo8i0fCqV3N..AhfXXRF7TJjdVU0KW956sk6c.ixBVC"
        other = {"_id": WORKER, "nickname": "nobody"}
        self.fill(workers=[{"_id": JOB, "hashed_secret": secret.decode(), "sleep_schedule": {"a": 1}}, other])
        self.run_upgrade()
        found = self.database.flamenco_workers.find_one({"_id": JOB})
        assert found is not None
        self.assertEqual((found["hashed_secret"], found["mgr"]["rev"]), (secret, 0))
        self.assertEqual(found["sleep_schedule"], {"a": 1})
        self.assertEqual(self.database.flamenco_workers.find_one({"_id": WORKER}), other)


class AfterwardsTests(OnMongoDB, UpgradeCase):
    def setUp(self) -> None:
        super().setUp()
        self.mongo = self.server
        self.fill(tasks=[a_task(1, "queued", job=None), a_task(2, "completed", priority="high"), a_task(3, "active")])
        self.store = self.another_store(self.name)

    def take_in(self, number: int, **fields: Any) -> None:
        """Let the Server send a task."""
        task = Task(id=str(task_id(number)), job=str(JOB), task_type="sleep", **fields)
        self.result_of(self.store.tasks.take_in([Import(before=None, after=task, commands=())]))
        while self.result_of(self.store.tasks.release(100)):
            pass
        self.result_of(self.store.tasks.settling.settled())

    def test_new_child(self) -> None:
        """A task that comes later waits for a parent that could not be taken over, unless that is completed."""
        for number, parent in ((11, 1), (12, 2), (13, 3), (14, 99)):
            self.take_in(number, status="queued", parents=(str(task_id(parent)),))
        self.assertEqual(self.ready(), {task_id(12), task_id(14)})

    def test_comes_again(self) -> None:
        """When the Server sends a task that could not be taken over, it is usable, and its children hear of it."""
        self.take_in(11, status="queued", parents=(str(task_id(1)),))
        self.assertIsNone(self.result_of(self.store.tasks.get(str(task_id(1)))))
        self.take_in(1, status="completed")
        self.assertEqual(self.ready(), {task_id(11)})


class RefusalTests(UpgradeCase):
    def refused(self) -> str:
        return str(self.failureResultOf(pump(self.upgrade.check()), StoreRefused).value)

    def test_newer(self) -> None:
        """A database of a newer Manager's is refused by name, and left alone."""
        newer = SCHEMA + 1
        self.fill(settings=[{"_id": "schema", "version": newer}], tasks=[a_task(1)])
        self.assertIn(f"the database {self.name} was made by a newer Manager (form {newer}", self.refused())
        self.assertNotIn("mgr", self.task(1))

    def test_damaged(self) -> None:
        """A document of ours in settings that is not as we write it is refused by name, and left alone."""
        lease = {"_id": "lease", "holder": None, "name": "", "fence": 1, "renewals": 2.0, "wishes": {"push": 1}}
        self.fill(settings=[lease])
        self.result_of(self.upgrade.check())
        for damaged in (
            {"_id": "lease"},
            lease | {"holder": "x"},
            lease | {"fence": "1"},
            lease | {"renewals": float("nan")},
            lease | {"wishes": {"push": None}},
            {"_id": "schema", "version": float("inf")},
            {"_id": "schema", "version": True},
            {"_id": "receipts", "number": None},
            {"_id": "farm", "mark": 7},
            {"_id": "events", "last": 1},
            {"_id": "counts", "number": "1"},
        ):
            self.database.settings.replace_one({"_id": damaged["_id"]}, damaged, upsert=True)
            before = self.content()
            self.assertIn(f"the document {damaged['_id']!r} of settings in the database {self.name}", self.refused())
            self.assertEqual(repr(self.content()), repr(before))
            self.database.settings.delete_one({"_id": damaged["_id"]})

    def test_original_since(self) -> None:
        """A database that the original has used since is refused, until our notes are removed from it."""
        original_database.fill(self.database)
        self.run_upgrade()
        its_own = {"_id": {"$type": "objectId"}}
        self.database.settings.replace_one(its_own, {"depsgraph_last_modified": "2026-11-25T00:00:00+00:00"})
        self.assertIn("the original Manager has used", self.refused())
        for name in ("flamenco_tasks", "flamenco_workers", "task_update_queue"):
            self.database[name].update_many({}, {"$unset": {"mgr": ""}})
        self.database.settings.delete_many({"_id": {"$type": "string"}})
        self.run_upgrade()
        self.assertEqual(self.database.flamenco_tasks.count_documents({"mgr.rev": 0}), 16)

    def test_empty(self) -> None:
        """A new database is marked as ours, and then as before."""
        self.run_upgrade()
        self.assertEqual(self.content(), {"settings": [{"_id": "schema", "version": SCHEMA}]})
        self.run_upgrade()
        self.assertEqual([event for event in self.logged if "taken" in event], [])


class InterruptedTests(UpgradeCase):
    """These stop after each command, which the stand-in can."""

    def make_server(self) -> Any:
        return stand_in()

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(self.server.work)
        self.original()
        self.run_upgrade()
        self.whole = self.content()

    def original(self) -> None:
        self.client.drop_database(self.name)
        original_database.fill(self.database)
        self.fill(tasks=[a_task(1, job=None), a_task(2, None, name=5)], updates=[an_update(1, 7, 1.0, activity=5)])

    def stop_after_each(self, **how: Any) -> None:
        """Let all commands fail after the first, the second, …; a new process finishes the work."""
        for commands in range(1, 100):
            self.original()
            self.server.fail(database=self.name, times=None, skip=commands, **how)
            stopped = self.stopped()
            self.server.work()
            if not stopped:
                return
            self.result_of(self.new_upgrade().run())
            self.assertEqual(self.content(), self.whole, f"after {commands} commands")
        self.fail("it never ends")

    def stopped(self) -> bool:
        """Run the upgrade until it ends, or gives up soon."""

        async def briefly() -> bool:
            with within(Clock(), 0.3):
                try:
                    await self.new_upgrade().run()
                except StoreUnavailable:
                    return True
                return False

        return self.result_of(briefly())

    def test_not_done(self) -> None:
        """Interrupted before any of its commands, and begun again, it comes to the same."""
        self.stop_after_each(errorCode=13)

    def test_answer_lost(self) -> None:
        """Interrupted after a command was carried out, whose answer is lost, it comes to the same, too."""
        self.stop_after_each(closeAfter=True)

    def test_two_at_once(self) -> None:
        """Two processes that do it at once come to the same."""
        self.original()
        both = [pump(upgrade.run(), seconds=0.0) for upgrade in (self.new_upgrade(), self.new_upgrade())]
        for result in both:
            self.successResultOf(pump(result))
        self.assertEqual(self.content(), self.whole)


class FirstFormTests(InterruptedTests):
    """The same of a database whose documents have the first form."""

    def original(self) -> None:
        super().original()
        self.fill(tasks=[a_task(3, name="Frame 1-10 " * 50), a_task(4, name="")])
        self.result_of(self.new_upgrade().run())
        self.database.flamenco_tasks.update_many({}, {"$unset": {"mgr.name": ""}})
        self.database.settings.update_one({"_id": "schema"}, {"$set": {"version": 1}})

    def test_names(self) -> None:
        """Tasks are found by their names, which no document of the first form can be; the rest stays as it was."""
        self.original()
        before = self.content()
        self.run_upgrade()
        names = {task["_id"]: task["mgr"].pop("name", None) for task in self.whole["flamenco_tasks"] if "mgr" in task}
        self.assertEqual(names[task_id(3)], ("frame 1-10 " * 50)[:200])
        self.assertIsNone(names[task_id(4)])
        self.whole["settings"] = [one | {"version": 1} if "version" in one else one for one in self.whole["settings"]]
        self.assertEqual(self.whole, before)
