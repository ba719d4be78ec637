"""The event log of several Managers on one database, and the counts that one of them makes for all."""

from attrs import evolve

from flamenco_mgr.domain.events import Event
from flamenco_mgr.store.interfaces import EventsAsked, Place, RecordedEvent, TasksAsked
from flamenco_mgr.store.mongo import MongoStore, list_queries
from flamenco_mgr.store.mongo.documents import TASKS
from flamenco_mgr.store.mongo.recording import Recording
from tests.builders import JOB, TASK, WORKER, a_task, a_worker
from tests.store.contract.case import an_id
from tests.store.test_mongo_sharing import SharedCase


def an_event(text: str) -> Event:
    """Return something that an operator did."""
    return Event(at=5.0, kind="operator", text=text)


class SharedHistoryTests(SharedCase):
    def events(self, store: MongoStore, after: Place | None = None) -> tuple[tuple[RecordedEvent, ...], Place | None]:
        """Return what a store tells, and how far that is."""
        page = self.result_of(store.history.events(EventsAsked(), after, 1000, newest_first=False))
        return page.items, page.reached

    def texts(self, store: MongoStore) -> list[str]:
        return [one.event.text for one in self.events(store)[0]]

    def test_within_a_second(self) -> None:
        """What one Manager records another one tells when the holder of the lease has done its round."""
        self.result_of(self.other.lease.look())
        self.take_in(a_task())
        self.change(TASK, status="active", activity="Assigned")
        self.result_of(self.store.workers.add(a_worker()))
        event = an_event("asked to sleep")
        self.result_of(self.store.workers.change(a_worker(), evolve(a_worker(), status="asleep"), event))
        self.result_of(self.store.history.note(an_event("kicked")))
        self.result_of(self.store.checkpoint())
        self.assertEqual(self.texts(self.store), [])
        self.result_of(self.other.checkpoint())
        self.assertEqual(sorted(self.texts(self.store)), ["Assigned", "asked to sleep", "kicked"])
        self.assertEqual(
            self.result_of(self.store.workers.get(WORKER)), evolve(a_worker(), status="asleep", revision=1)
        )

    def test_holder_tells_at_once(self) -> None:
        """Who has the lease tells what was just recorded without waiting for its next round."""
        self.result_of(self.store.lease.look())
        self.result_of(self.store.history.note(an_event("kicked")))
        self.assertEqual(self.texts(self.store), ["kicked"])

    def test_follow_through_a_takeover(self) -> None:
        """
        Who follows the log misses nothing when places were decided on by a process that did not come to give them.

        The next one gives them first; when the first wakes up and goes on, it finds nothing left to do.
        """
        for number in range(3):
            self.result_of(self.store.history.note(an_event(f"early {number}")))
        asleep, awake = self.recording(self.store), self.recording(self.other)
        ids = [one["_id"] for one in self.result_of(self.store.history.log.find(list_queries.unplaced(10)))]
        self.result_of(self.decide(asleep, ids))
        self.result_of(self.other.history.note(an_event("late")))
        self.result_of(awake.collect())
        seen, reached = self.events(self.other)
        self.assertEqual([one.event.text for one in seen], ["early 0", "early 1", "early 2", "late"])
        self.result_of(asleep._give(3, ids))
        self.result_of(asleep.collect())
        self.result_of(self.store.history.note(an_event("later")))
        self.result_of(asleep.collect())
        self.assertEqual(self.events(self.other)[0][:4], seen)
        self.assertEqual([one.event.text for one in self.events(self.other, reached)[0]], ["later"])
        self.assertEqual([one.place for one in self.events(self.store)[0]], [1, 2, 3, 4, 5])

    def test_two_collectors(self) -> None:
        """Two processes that collect at once give each event one place."""
        self.take_in(*(a_task(id=an_id(number)) for number in range(120)))
        for number in range(120):
            self.change(an_id(number), status="active")
        both = self.pumped(self.recording(self.store).collect()), self.pumped(self.recording(self.other).collect())
        for one in both:
            self.successResultOf(one)
        self.result_of(self.recording(self.other).collect())
        found, _ = self.events(self.store)
        self.assertEqual(sorted(one.event.task or "" for one in found), [an_id(number) for number in range(120)])
        self.assertEqual([one.place for one in found], list(range(1, 121)))
        left = self.store.tasks.tasks.find(list_queries.with_events(10))
        self.assertEqual(self.result_of(left), [])

    def test_facts_removed(self) -> None:
        """When somebody has removed our facts from the settings, places are not used again."""
        self.result_of(self.store.history.note(an_event("first")))
        self.result_of(self.recording(self.store).collect())
        self.result_of(self.store.history.recording._settings.remove({"_id": "events"}))
        self.result_of(self.other.history.note(an_event("second")))
        self.result_of(self.recording(self.other).collect())
        self.assertEqual([one.place for one in self.events(self.store)[0]], [1, 2])

    def recording(self, store: MongoStore) -> Recording:
        return store.history.recording

    async def decide(self, recording: Recording, ids: list[object]) -> None:
        """Do the first of the two steps by which places are given."""
        await recording._settings.insert([{"_id": "events", "last": 3, "batch": ids}])


class CountsAgeTests(SharedCase):
    def age(self, store: MongoStore) -> float:
        return self.result_of(store.overview.counts()).age

    def test_age(self) -> None:
        """Numbers are as old as they have been known here, by the own clock; a new count makes them new."""
        self.take_in(a_task())
        self.other_clock.advance(1e9)  # the clocks of two machines may differ by any amount
        self.result_of(self.store.overview.recount())
        self.result_of(self.other.overview.watch())
        self.other_clock.advance(7.0)
        self.assertEqual(self.age(self.other), 7.0)
        self.assertEqual(self.age(self.store), 0.0)
        self.result_of(self.store.overview.recount())
        self.assertEqual(self.age(self.other), 0.0)

    def test_noticed_without_question(self) -> None:
        """A count is noticed by a Manager that nobody asks, so that it knows later how old the numbers are."""
        self.result_of(self.other.checkpoint())
        self.result_of(self.store.overview.recount())
        for _ in range(6):
            self.other_clock.advance(1.0)
            self.result_of(self.other.checkpoint())
        self.other_clock.advance(10.0)
        self.assertEqual(self.age(self.other), 11.0)

    def test_new_term(self) -> None:
        """Who has the lease anew goes by what is in the database, not by what it once wrote there."""
        counting = self.store.overview.counting
        self.take_in(a_task())
        self.result_of(counting.recount())
        self.change(TASK, status="active")
        self.result_of(self.other.overview.recount())
        self.change(TASK, status="claimed-by-manager")
        self.store.lease.fence += 1
        self.result_of(counting.recount())
        job = self.result_of(self.other.overview.job(JOB))
        self.assertEqual(job and job.by_status, {"claimed-by-manager": 1})

    def test_unknown_documents(self) -> None:
        """Documents of the original's that make no sense are neither counted nor listed."""
        self.take_in(a_task())
        documents: list[dict[str, object]] = [{"_id": "odd"}, {"_id": an_id(5), "job": "x", "status": 5}]
        self.result_of(self.store.tasks.tasks.insert(documents))
        self.result_of(self.store.overview.recount())
        self.assertEqual(self.result_of(self.store.overview.counts()).by_status, {"claimed-by-manager": 1})
        page = self.result_of(self.store.overview.tasks(TasksAsked(), None, 10))
        self.assertEqual([task.id for task in page.items], [TASK])
        self.assertEqual(self.store.tasks.tasks.name, TASKS)
