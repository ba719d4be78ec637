"""The contract of `IHistory`, and of what is recorded with other changes."""

from typing import Any

from attrs import evolve

from flamenco_mgr.domain.events import Event, EventKind, of_worker
from flamenco_mgr.domain.updates import Transition
from flamenco_mgr.store.interfaces import EventsAsked, Import, Page, Place, RecordedEvent, StoreUnavailable
from tests.builders import JOB, TASK, WORKER, a_task, a_worker, an_update
from tests.store.contract.case import StoreCase, an_id

OTHER_TASK = an_id(0xA2)


def an_event(**changes: Any) -> Event:
    """Return an event that goes with no other change."""
    values: dict[str, Any] = {"at": 1000.0, "kind": EventKind.OPERATOR.value, "text": "kicked"}
    return Event(**(values | changes))


class HistoryCase(StoreCase):
    def recorded(self, limit: int = 7, *, newest_first: bool = False, **asked: Any) -> list[RecordedEvent]:
        """Return all events that are asked for, a page at a time."""
        found: list[RecordedEvent] = []
        after: Place | None = None
        while True:
            question = self.store.history.events(EventsAsked(**asked), after, limit, newest_first=newest_first)
            page: Page[RecordedEvent] = self.result_of(question)
            self.assertLessEqual(len(page.items), limit)
            found += page.items
            if page.next is None:
                return found
            after = page.next

    def said(self, **asked: Any) -> list[Event]:
        """Return the events that are asked for, the oldest first."""
        return [one.event for one in self.recorded(**asked)]

    def note(self, *events: Event) -> None:
        for event in events:
            self.result_of(self.store.history.note(event))


class HistoryContract(HistoryCase):
    def test_nothing(self) -> None:
        """At the beginning nothing has happened."""
        page = self.result_of(self.store.history.events(EventsAsked(), None, 10, newest_first=False))
        self.assertEqual(page, Page())

    def test_every_field(self) -> None:
        """An event comes back as it went in, field by field; times to the millisecond."""
        whole = Event(
            at=1573567032.25,
            kind="task",
            before="queued",
            after="active",
            task=TASK,
            job=JOB,
            worker=WORKER,
            text="näme\n\U0001f422",
        )
        self.note(whole, an_event(text=""))
        self.assertEqual(self.said(), [whole, an_event(text="")])

    def test_of_a_task(self) -> None:
        """A change of status, and one of worker, is recorded with the change; another change is not."""
        self.take_in(a_task())
        self.change(TASK, status="active", worker_id=WORKER, activity="Assigned", last_updated=5.0)
        self.change(TASK, an_update(activity="Fra:1"), activity="Fra:1")
        self.change(TASK, worker_id=an_id(0xA1), last_updated=6.0)
        self.change(TASK, an_update(id=an_id(5), status="completed"), status="completed", last_updated=7.0)
        event = Event(at=5.0, kind="task", task=TASK, job=JOB, worker=WORKER, text="Assigned")
        self.assertEqual(
            self.said(task=TASK),
            [
                evolve(event, before="claimed-by-manager", after="active"),
                evolve(event, at=6.0, before="active", after="active", worker=an_id(0xA1), text="Fra:1"),
                evolve(event, at=7.0, before="active", after="completed", worker=an_id(0xA1), text="Fra:1"),
            ],
        )

    def test_not_changed(self) -> None:
        """What was decided too late is not recorded, and neither is an arrival."""
        self.take_in(a_task())
        stale = evolve(self.task(TASK), revision=7)
        late = Import(before=stale, after=evolve(stale, status="queued"), commands=())
        self.result_of(self.store.tasks.take_in([late]))
        self.assertEqual(self.said(), [])

    def test_of_the_server(self) -> None:
        """What the Server changes of a task is recorded, once."""
        self.take_in(a_task(), a_task(id=OTHER_TASK))
        before, other = self.task(TASK), self.task(OTHER_TASK)
        imports = [
            Import(before=before, after=evolve(before, status="canceled", last_updated=9.0), commands=()),
            Import(before=other, after=evolve(other, priority=3), commands=()),
        ]
        self.result_of(self.store.tasks.take_in(imports))
        self.result_of(self.store.tasks.take_in(imports))
        wanted = Event(at=9.0, kind="task", before="claimed-by-manager", after="canceled", task=TASK, job=JOB)
        self.assertEqual(self.said(), [wanted])

    def test_of_a_worker(self) -> None:
        """A change of a worker is recorded with what is said of it, and not if it is too late."""
        self.result_of(self.store.workers.add(a_worker()))
        before = self.result_of(self.store.workers.get(WORKER))
        assert before is not None
        after = evolve(before, status="asleep")
        event = of_worker(before, after, 3.0)
        self.assertTrue(self.result_of(self.store.workers.change(before, after, event)))
        self.assertFalse(self.result_of(self.store.workers.change(before, after, event)))
        wanted = Event(at=3.0, kind="worker", before="awake", after="asleep", worker=WORKER)
        self.assertEqual(self.said(worker=WORKER), [wanted])

    def test_said(self) -> None:
        """What an operator has to do with a change is recorded with it, behind what the change itself is; not late."""
        self.take_in(a_task())
        before = self.task(TASK)
        said = an_event(task=TASK, text="requeued")
        transition = Transition(before=before, after=evolve(before, status="queued", last_updated=5.0), said=said)
        self.assertTrue(self.result_of(self.store.tasks.apply(transition)))
        self.assertFalse(self.result_of(self.store.tasks.apply(evolve(transition, said=an_event(text="too late")))))
        change = Event(at=5.0, kind="task", before="claimed-by-manager", after="queued", task=TASK, job=JOB)
        self.assertEqual(self.said(), [change, said])

    def test_said_alone(self) -> None:
        """It is recorded with a change that is no event itself, too: with words, and with nothing else at all."""
        self.take_in(a_task())
        for said, update in ((an_event(text="words"), an_update(activity="Fra:1")), (an_event(text="nothing"), None)):
            task = self.task(TASK)
            transition = Transition(before=task, after=task, update=update, said=said)
            self.assertTrue(transition.changes_anything)
            self.assertTrue(self.result_of(self.store.tasks.apply(transition)))
        self.assertEqual([event.text for event in self.said()], ["words", "nothing"])
        self.assertEqual(len(self.queue()), 1)

    def test_of_updates(self) -> None:
        """What an operator does to updates is recorded with it, once, and only if it is done."""
        update = an_update(task_id=OTHER_TASK)
        for _ in range(2):
            self.result_of(self.store.updates.add(update, an_event(text="added")))
        (queued,) = self.queue()
        dropping = (update.id, an_event(text="dropped"))
        self.assertFalse(self.result_of(self.store.updates.drop_parked(*dropping)))
        self.result_of(self.store.updates.park(queued, "no", 5.0))
        self.assertTrue(self.result_of(self.store.updates.drop_parked(*dropping)))
        self.assertFalse(self.result_of(self.store.updates.drop_parked(*dropping)))
        self.assertEqual([event.text for event in self.said()], ["added", "dropped"])

    def test_of_an_unchanged_worker(self) -> None:
        """What happens to a worker and changes nothing of it is recorded all the same."""
        self.result_of(self.store.workers.add(a_worker()))
        worker = self.result_of(self.store.workers.get(WORKER))
        assert worker is not None
        self.assertTrue(self.result_of(self.store.workers.change(worker, worker, an_event(worker=WORKER))))
        self.assertEqual(self.said(), [an_event(worker=WORKER)])

    def test_several_of_one(self) -> None:
        """Many changes of one task and of one worker, one right after another, are in their order, once each."""
        self.take_in(a_task())
        self.result_of(self.store.workers.add(a_worker()))
        statuses = ["active", "soft-failed", "active", "failed", "queued", "active", "completed"]
        for status in statuses:
            self.change(TASK, status=status)
            worker = self.result_of(self.store.workers.get(WORKER))
            assert worker is not None
            event = an_event(worker=WORKER, text=status)
            self.result_of(self.store.workers.change(worker, evolve(worker, status=status), event))
        self.assertEqual([event.after for event in self.said(task=TASK)], statuses)
        self.assertEqual([event.text for event in self.said(worker=WORKER)], statuses)

    def test_asked(self) -> None:
        """Events of a task, a job, a worker, a kind, and of all that together are found, in both orders."""
        tasks, jobs, workers = (None, TASK, OTHER_TASK), (None, JOB), (None, WORKER, an_id(0xA1))
        events = [
            an_event(
                at=float(number),
                kind=("task", "worker", "operator", "farm")[number % 4],
                task=tasks[number % 3],
                job=jobs[number % 2],
                worker=workers[number // 2 % 3],
            )
            for number in range(48)
        ]
        self.note(*events)
        questions: list[dict[str, Any]] = [
            {},
            {"task": TASK},
            {"job": JOB},
            {"worker": WORKER},
            {"kind": "task"},
            {"kind": "operator"},
            {"task": TASK, "worker": WORKER},
            {"job": JOB, "worker": WORKER},
            {"job": JOB, "kind": "worker"},
            {"task": OTHER_TASK, "job": JOB, "worker": WORKER, "kind": "farm"},
            {"kind": "no such"},
        ]
        for asked in questions:
            wanted = [one for one in events if all(getattr(one, name) == value for name, value in asked.items())]
            for limit in (1, 5, 1000):
                found = [one.event for one in self.recorded(limit, **asked)]
                self.assertEqual(found, wanted, (limit, asked))
                found = [one.event for one in self.recorded(limit, newest_first=True, **asked)]
                self.assertEqual(found, wanted[::-1], (limit, asked))

    def test_follow(self) -> None:
        """Whoever keeps how far a page came goes on there, and misses nothing; places grow."""
        self.note(*(an_event(text=str(number)) for number in range(5)))
        found: list[RecordedEvent] = []
        after: Place | None = None
        for number in range(5, 9):
            question = self.store.history.events(EventsAsked(), after, 3, newest_first=False)
            page = self.result_of(question)
            found += page.items
            after = page.next or page.reached
            self.note(an_event(text=str(number)))
        found += self.result_of(self.store.history.events(EventsAsked(), after, 9, newest_first=False)).items
        self.assertEqual([one.event.text for one in found], [str(number) for number in range(9)])
        self.assertEqual(sorted({one.place for one in found}), [one.place for one in found])

    def test_reached_without_news(self) -> None:
        """As long as nothing happens, one stays where one is."""
        self.note(an_event())
        page = self.result_of(self.store.history.events(EventsAsked(), None, 3, newest_first=False))
        again = self.result_of(self.store.history.events(EventsAsked(), page.reached, 3, newest_first=False))
        self.assertEqual((again.items, again.next, again.reached), ((), None, page.reached))

    def test_places_of_elsewhere(self) -> None:
        """A place of another list of events is refused, and so is one that was made up."""
        self.note(*(an_event(task=TASK) for _ in range(3)))
        place = self.result_of(self.store.history.events(EventsAsked(), None, 1, newest_first=False)).next
        assert place is not None
        self.failure_of(self.store.history.events(EventsAsked(), place, 1, newest_first=True), ValueError)
        self.failure_of(self.store.history.events(EventsAsked(task=TASK), place, 1, newest_first=False), ValueError)
        for wrong in ("x", "-1", "9" * 30, "", "1.5", "²"):
            made_up = (*place[:-1], wrong)
            self.failure_of(self.store.history.events(EventsAsked(), made_up, 1, newest_first=False), ValueError)

    def test_forget(self) -> None:
        """Events from before an instant are forgotten, the oldest first, at most so many; places are not used again."""
        self.note(*(an_event(at=float(number)) for number in range(6)))
        last = self.recorded()[-1].place
        self.assertEqual(self.result_of(self.store.history.forget(4.0, 3)), 3)
        self.assertEqual([event.at for event in self.said()], [3.0, 4.0, 5.0])
        self.assertEqual(self.result_of(self.store.history.forget(4.0, 10)), 1)
        self.assertEqual([event.at for event in self.said()], [4.0, 5.0])
        self.assertEqual(self.result_of(self.store.history.forget(9.0, 10)), 2)
        self.assertEqual(self.result_of(self.store.history.forget(9.0, 10)), 0)
        self.note(an_event())
        self.assertGreater(self.recorded()[0].place, last)

    def test_closed(self) -> None:
        """A store that is closed neither records nor tells."""
        self.result_of(self.store.close())
        self.failure_of(self.store.history.note(an_event()), StoreUnavailable)
        question = self.store.history.events(EventsAsked(), None, 1, newest_first=True)
        self.failure_of(question, StoreUnavailable)
