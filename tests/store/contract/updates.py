"""The contract of `IUpdateQueue` and `IDownloadMark`."""

from attrs import evolve

from flamenco_mgr.domain.tasks import FailedBy, Progress
from flamenco_mgr.domain.updates import TaskUpdate
from flamenco_mgr.store.interfaces import TAKEN_FOR, Backlog, Page, ParkedUpdate, Place
from tests.builders import TASK, UPDATE, a_task, an_update
from tests.store.contract.case import StoreCase, an_id

EVERY_FIELD = {
    "status": "failed",
    "activity": "Fra:1 ä",
    "log_tail": "line\nline\n",
    "worker": "-",
    "failed_by": (FailedBy(id=an_id(5), identifier="x"),),
    "timing": {"render": 1.5},
    "progress": Progress(task_percentage=1, command_index=2, command_percentage=3),
}


class UpdateContract(StoreCase):
    def say(self, number: int, **words: object) -> None:
        """Queue an update for the task, which may be merged."""
        task = self.task(TASK)
        self.change(TASK, an_update(id=an_id(number), **words), activity=f"{task.activity}.")

    def waiting(self) -> int:
        return self.result_of(self.store.updates.waiting())

    def test_every_field(self) -> None:
        """An update comes back as it went in; no list of failed workers is not the empty one."""
        for number, update in enumerate(
            (an_update(**EVERY_FIELD), an_update(id=an_id(1)), an_update(id=an_id(2), failed_by=()))
        ):
            self.result_of(self.store.updates.add(update))
            self.assertEqual(self.queue()[number].update, update)

    def test_order(self) -> None:
        """Updates wait in the order in which they were queued, whatever their ids; sequences grow."""
        ids = [an_id(number) for number in (5, 3, 9, 1)]
        for update_id in ids:
            self.result_of(self.store.updates.add(an_update(id=update_id, task_id=update_id)))
        queue = self.queue()
        self.assertEqual([queued.update.id for queued in queue], ids)
        self.assertEqual(sorted({queued.sequence for queued in queue}), [queued.sequence for queued in queue])
        self.assertEqual(self.waiting(), 4)

    def test_sequence_is_not_used_twice(self) -> None:
        """An update that comes after all others were handled comes after them in sequence, too."""
        self.result_of(self.store.updates.add(an_update()))
        (first,) = self.queue()
        self.result_of(self.store.updates.handled([first]))
        self.result_of(self.store.updates.add(an_update()))
        (second,) = self.queue()
        self.assertGreater(second.sequence, first.sequence)

    def test_add_twice(self) -> None:
        """The same id twice is once."""
        self.result_of(self.store.updates.add(an_update(status="canceled")))
        self.result_of(self.store.updates.add(an_update(status="canceled")))
        self.assertEqual((len(self.queue()), self.waiting()), (1, 1))

    def test_merged(self) -> None:
        """Words without a status are merged into the last update that waits for the task; its version grows."""
        self.take_in(a_task())
        self.say(1, activity="one", log_tail="l1\n", received_at=1.0)
        self.say(2, activity="two", received_at=2.0)
        (queued,) = self.queue()
        self.assertEqual((queued.version, self.waiting()), (2, 1))
        self.assertEqual(queued.update, an_update(id=an_id(1), activity="two", log_tail="l1\n", received_at=2.0))

    def test_not_merged(self) -> None:
        """A status, or a change of who failed, is an update of its own, and what follows it is another."""
        self.take_in(a_task())
        self.say(1, activity="one")
        self.say(2, status="active")
        self.say(3, activity="three")
        self.say(4, activity="four", failed_by=())
        self.say(5, activity="five")
        self.assertEqual([queued.update.id for queued in self.queue()], [an_id(number) for number in range(1, 6)])

    def test_merged_by_task(self) -> None:
        """An update is merged with its own task's last one, though others were queued in between."""
        self.take_in(a_task(), a_task(id=an_id(7)))
        self.say(1, activity="one")
        self.change(an_id(7), an_update(id=an_id(2), task_id=an_id(7), activity="other"), activity="x")
        self.say(3, activity="three")
        self.assertEqual([queued.update.activity for queued in self.queue()], ["three", "other"])

    def test_oldest_by_count(self) -> None:
        """At most so many are returned, the oldest; 0 is no limit."""
        for number in range(450):
            self.result_of(self.store.updates.add(an_update(id=an_id(number), task_id=an_id(number))))
        for limit, expected in ((1, 1), (200, 200), (201, 201), (450, 450), (999, 450), (0, 450)):
            found = self.result_of(self.store.updates.oldest(limit, 1 << 30))
            self.assertEqual([queued.update.id for queued in found], [an_id(number) for number in range(expected)])

    def test_oldest_by_bytes(self) -> None:
        """At most about so many bytes are returned, but one update at least if any waits."""
        for number in range(10):
            self.result_of(self.store.updates.add(an_update(id=an_id(number), log_tail="x" * 10_000)))
        self.assertEqual(len(self.result_of(self.store.updates.oldest(0, 35_000))), 3)
        self.assertEqual(len(self.result_of(self.store.updates.oldest(0, 1))), 1)

    def test_task_beside_update(self) -> None:
        """An update tells the task's status here, and whether a final one waits; None for a task not here."""
        self.take_in(a_task())
        self.say(1, status="active")
        self.result_of(self.store.updates.add(an_update(id=an_id(2), task_id=an_id(8))))
        facts = [(queued.local_status, queued.final_waits) for queued in self.queue()]
        self.assertEqual(facts, [("claimed-by-manager", False), (None, False)])
        self.change(TASK, an_update(id=an_id(3), status="completed"), status="completed")
        facts = [(queued.local_status, queued.final_waits) for queued in self.queue()]
        self.assertEqual(facts, [("completed", True), (None, False), ("completed", True)])

    def test_handled(self) -> None:
        """Handled updates are gone; one that grew since it was read stays, with its later words."""
        self.take_in(a_task())
        self.result_of(self.store.updates.add(an_update(id=an_id(9), task_id=an_id(9))))
        self.say(1, activity="one")
        read = self.queue()
        self.say(2, activity="two")
        self.result_of(self.store.updates.handled(read))
        self.result_of(self.store.updates.handled(read))
        (left,) = self.queue()
        self.assertEqual((left.update.activity, self.waiting()), ("two", 1))

    def test_receipts(self) -> None:
        """Each receipt has a number, which the tasks concerned carry from then on, and no others."""
        self.take_in(a_task(), a_task(id=an_id(1)))
        before = self.result_of(self.store.updates.receipts())
        self.say(1, activity="one")
        self.result_of(self.store.updates.handled(self.queue()))
        after = self.result_of(self.store.updates.receipts())
        self.assertGreater(after, before)
        standing = self.result_of(self.store.tasks.standing([TASK, an_id(1)]))
        self.assertEqual([standing[task].acked for task in (TASK, an_id(1))], [after, 0])
        self.result_of(self.store.updates.handled([]))
        self.assertEqual(self.result_of(self.store.updates.receipts()), after)

    def test_many_handled(self) -> None:
        """Any number of updates can be handled at once; their tasks' receipts are later than any before."""
        self.take_in(*(a_task(id=an_id(number)) for number in range(450)))
        for number in range(450):
            self.result_of(self.store.updates.add(an_update(id=an_id(number), task_id=an_id(number))))
        before = self.result_of(self.store.updates.receipts())
        self.result_of(self.store.updates.handled(self.queue()))
        standing = self.result_of(self.store.tasks.standing([an_id(number) for number in range(450)]))
        self.assertTrue(all(one.acked > before and not one.waiting for one in standing.values()))
        self.assertEqual((self.queue(), self.waiting()), ((), 0))

    def test_unhandled(self) -> None:
        """It is counted how often the Server answered without taking an update."""
        self.result_of(self.store.updates.add(an_update()))
        self.result_of(self.store.updates.add(an_update(id=an_id(1))))
        for _ in range(2):
            self.result_of(self.store.updates.unhandled(self.queue()[:1]))
        self.assertEqual([queued.unhandled for queued in self.queue()], [2, 0])

    def test_park(self) -> None:
        """A parked update is out of the way, kept with the Server's words, and parking it again changes nothing."""
        self.result_of(self.store.updates.add(an_update(**EVERY_FIELD)))
        self.result_of(self.store.updates.add(an_update(id=an_id(1))))
        (first, second) = self.queue()
        for queued, reason, now in ((first, "no", 5.0), (first, "again", 6.0), (second, "nor this", 7.0)):
            self.result_of(self.store.updates.park(queued, reason, now))
        expected = (
            ParkedUpdate(update=first.update, reason="no", since=5.0),
            ParkedUpdate(update=second.update, reason="nor this", since=7.0),
        )
        self.assertEqual(self.result_of(self.store.updates.parked()), expected)
        self.assertEqual((self.queue(), self.waiting()), ((), 0))

    def test_park_grown(self) -> None:
        """Words that were merged into an update while the Server refused it are parked with it, not lost."""
        self.take_in(a_task())
        self.say(1, activity="one")
        (read,) = self.queue()
        self.say(2, activity="two")
        self.result_of(self.store.updates.park(read, "no", 5.0))
        (parked,) = self.result_of(self.store.updates.parked())
        self.assertEqual(parked.update, evolve(read.update, activity="two"))

    def pages(self, task_id: str | None = None, limit: int = 3) -> list[str]:
        """Return the ids of the updates that wait, read page by page."""
        found: list[str] = []
        after: Place | None = None
        while True:
            page = self.result_of(self.store.updates.waiting_page(task_id, after, limit))
            self.assertLessEqual(len(page.items), limit)
            found += [queued.update.id for queued in page.items]
            after = page.next
            if after is None:
                return found

    def test_waiting_pages(self) -> None:
        """The pages of what waits are, together, all of it in order: of every task, or of one."""
        self.assertEqual(self.pages(), [])
        self.take_in(a_task(), a_task(id=an_id(99)))
        for number in range(4):
            self.say(number, status="active")
            self.result_of(self.store.updates.add(an_update(id=an_id(50 + number), task_id=an_id(98))))
        everything = [queued.update.id for queued in self.queue()]
        self.assertEqual(len(everything), 8)
        for limit in (1, 3, 7, 8, 500):
            self.assertEqual(self.pages(limit=limit), everything)
            self.assertEqual(self.pages(TASK, limit), [an_id(number) for number in range(4)])
        self.assertEqual(self.pages(an_id(99)), [])
        (first,) = self.result_of(self.store.updates.waiting_page(None, None, 1)).items
        self.assertEqual(first, self.queue()[0])

    def test_pages_of_parked(self) -> None:
        """The pages of what is parked are, together, all of it; one can be asked for, and dropped once."""
        for number in range(5):
            self.result_of(self.store.updates.add(an_update(id=an_id(number), task_id=an_id(number))))
        for queued in self.queue():
            self.result_of(self.store.updates.park(queued, "no", 5.0))
        parked = self.result_of(self.store.updates.parked())
        found: list[ParkedUpdate] = []
        page: Page[ParkedUpdate] = Page(next=None)
        while not found or page.next is not None:
            page = self.result_of(self.store.updates.parked_page(page.next, 2))
            found += page.items
        self.assertEqual(tuple(found), parked)
        self.assertEqual(self.result_of(self.store.updates.parked_one(an_id(3))), parked[3])
        dropped = [self.result_of(self.store.updates.drop_parked(an_id(number))) for number in (3, 3, 9)]
        self.assertEqual(dropped, [True, False, False])
        self.assertIsNone(self.result_of(self.store.updates.parked_one(an_id(3))))
        self.assertEqual(len(self.result_of(self.store.updates.parked())), 4)

    def test_take_parked(self) -> None:
        """Of those who take a parked update one has it, and may take it again, until it is given up by the time."""

        def take(taker: str, now: float, update_id: str = an_id(1)) -> bool:
            return self.result_of(self.store.updates.take_parked(update_id, taker, now))

        self.assertFalse(take("one", 5.0))
        for number in (1, 2):
            self.result_of(self.store.updates.add(an_update(id=an_id(number), task_id=an_id(number))))
        for queued in self.queue():
            self.result_of(self.store.updates.park(queued, "no", 5.0))
        parked = self.result_of(self.store.updates.parked())
        asked = [("one", 5.0), ("two", 5.0), ("one", 6.0), ("two", 6.0 + TAKEN_FOR - 0.5), ("two", 6.0 + TAKEN_FOR)]
        self.assertEqual([take(*one) for one in asked], [True, False, True, False, True])
        self.assertFalse(take("one", 7.0 + TAKEN_FOR))
        self.assertTrue(take("one", 7.0, an_id(2)))
        self.assertEqual(self.result_of(self.store.updates.parked()), parked)
        self.assertTrue(self.result_of(self.store.updates.drop_parked(an_id(1))))
        self.assertFalse(take("two", 8.0 + TAKEN_FOR))

    def test_places_of_other_lists(self) -> None:
        """A place of another list, or of none, is refused."""
        for number in range(3):
            self.result_of(self.store.updates.add(an_update(id=an_id(number), task_id=an_id(number))))
        place = self.result_of(self.store.updates.waiting_page(None, None, 1)).next
        for wrong in ((), ("x",), ("1", "2"), ("1" * 40, "x"), place):
            assert wrong is not None
            self.failure_of(self.store.updates.parked_page(wrong, 1), ValueError)
            self.failure_of(self.store.updates.waiting_page(TASK, wrong, 1), ValueError)

    def test_backlog(self) -> None:
        """It is told how many updates wait, since when the first one has, and how many are parked."""
        self.assertEqual(self.result_of(self.store.updates.backlog()), Backlog())
        for number in range(3):
            self.result_of(self.store.updates.add(an_update(id=an_id(number), received_at=7.0 + number)))
        self.assertEqual(self.result_of(self.store.updates.backlog()), Backlog(waiting=3, oldest=7.0))
        self.result_of(self.store.updates.park(self.queue()[0], "no", 5.0))
        self.assertEqual(self.result_of(self.store.updates.backlog()), Backlog(waiting=2, oldest=8.0, parked=1))

    def test_purge(self) -> None:
        """Purging hands every update that waits to the export, in order, then says so, and removes them."""
        updates = [an_update(id=an_id(number), status="canceled") for number in (2, 1)]
        for update in updates:
            self.result_of(self.store.updates.add(update))
        exported: list[TaskUpdate | None] = []
        self.assertEqual(self.result_of(self.store.updates.purge(exported.append)), 2)
        self.assertEqual((exported, self.queue(), self.waiting()), ([*updates, None], (), 0))
        self.result_of(self.store.updates.add(an_update()))
        self.assertEqual(self.result_of(self.store.updates.purge(None)), 1)

    def test_purge_fails(self) -> None:
        """An export that fails says so, and everything still waits."""
        self.result_of(self.store.updates.add(an_update()))

        def full(_: TaskUpdate | None) -> None:
            raise OSError("No space left on device")

        self.failure_of(self.store.updates.purge(full), OSError)
        self.assertEqual(([queued.update.id for queued in self.queue()], self.waiting()), ([UPDATE], 1))


class MarkContract(StoreCase):
    def test_mark(self) -> None:
        """The mark is None at first, then the text that was set, and None again when it is taken away."""
        marks: list[str | None] = ["2019-11-12T13:57:12.345+01:00", "x", None]
        self.assertIsNone(self.result_of(self.store.mark.get()))
        for mark in marks:
            self.result_of(self.store.mark.set(mark))
            self.assertEqual(self.result_of(self.store.mark.get()), mark)
