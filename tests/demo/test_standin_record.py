"""What the stand-in remembers, for those who check the books."""

from flamenco_mgr.demo.standin.instants import from_rfc_1123, iso_8601, microseconds, rfc_1123
from flamenco_mgr.demo.standin.jobs import sleep_job
from flamenco_mgr.demo.standin.record import Cause, Outcome
from tests.demo.standin_case import NOBODY, OTHER_MANAGER, StandInTestCase


class RecordTests(StandInTestCase):
    def test_statuses(self) -> None:
        """The statuses that came for a task are there in order with their updates' ids, and what became of them."""
        [task] = self.claimed_job(1).tasks
        updates = [
            self.update(task, "active"),
            self.update(task, activity="busy"),
            self.update(task, "active"),
            self.update(task, "je-moeder"),
            self.update(task, "completed"),
        ]
        self.pushed(*updates)
        self.assertEqual(
            self.record.statuses(task),
            [(update["task_status"], update["_id"]) for update in updates if "task_status" in update],
        )
        self.assertEqual(
            [received.outcome for received in self.record.received[task]],
            [Outcome.CHANGED, Outcome.STATUSLESS, Outcome.SAME, Outcome.IGNORED, Outcome.CHANGED],
        )

    def test_passed_over(self) -> None:
        """Updates that are not applied are recorded as that."""
        [theirs] = self.books.add_job(sleep_job(1), manager=OTHER_MANAGER).tasks
        self.report("active", NOBODY, theirs)
        self.assertEqual(self.record.received[NOBODY][0].outcome, Outcome.UNKNOWN_TASK)
        self.assertEqual(self.record.received[theirs][0].outcome, Outcome.FOREIGN_TASK)

    def test_duplicates(self) -> None:
        """An update that comes twice is marked the second time."""
        [task] = self.claimed_job(1).tasks
        update = self.update(task, "active")
        self.pushed(update)
        self.pushed(update)
        self.assertEqual([received.again for received in self.record.received[task]], [False, True])
        self.assertEqual(self.record.duplicates, {update["_id"]: 2})

    def test_deleted_job(self) -> None:
        """An update that was applied before the Server failed over it is recorded."""
        job = self.claimed_job(1)
        self.books.delete_job(job.id)
        [task] = job.tasks
        self.push(self.update(task, "active"))
        self.assertEqual(self.record.statuses(task)[0][0], "active")

    def test_rounds(self) -> None:
        """Each requeue begins a round; what a Manager says does not, not even ``queued``."""
        job = self.claimed_job(2)
        task, other = job.tasks
        self.assertEqual(self.record.rounds(task), [[]])
        self.report("active", task)
        self.report("queued", task)
        self.report("completed", task)
        self.books.requeue_task(task)
        self.depsgraph()
        self.report("active", task)
        self.books.requeue_job(job.id)
        self.depsgraph()
        self.report("completed", task)
        self.assertEqual(self.record.rounds(task), [["active", "queued", "completed"], ["active"], ["completed"]])
        self.assertEqual(self.record.rounds(other), [[], []])

    def test_causes(self) -> None:
        """A change tells who made it, and when."""
        job = self.claimed_job(1)
        [task] = job.tasks
        [[_status, update_id]] = (self.report("active", task), self.record.statuses(task))[1]
        self.clock.advance(1)
        self.books.requeue_task(task)
        self.depsgraph()
        self.books.cancel_job(job.id)
        self.assertEqual(
            [(change.at, change.status, change.cause, change.update_id) for change in self.record.changes[task]],
            [
                (1573567029412, "active", Cause.UPDATE, update_id),
                (1573567030412, "queued", Cause.USER, ""),
                (1573567030412, "cancel-requested", Cause.JOB, ""),
            ],
        )

    def test_asking_leaves_no_trace(self) -> None:
        """Looking up a task that nothing happened to records nothing."""
        self.record.rounds(NOBODY)
        self.record.statuses(NOBODY)
        self.assertEqual((dict(self.record.changes), dict(self.record.received)), ({}, {}))


class InstantsTests(StandInTestCase):
    def test_formats(self) -> None:
        """The times of server-api.md 5.2 are understood, with any fraction and either form of offset."""
        base = 1573567401_000_000
        for text, expected in (
            ("2019-11-12T14:03:21.123Z", base + 123_000),
            ("2019-11-12T14:03:21.123456789Z", base + 123_456),
            ("2019-11-12T15:03:21+01:00", base),
            ("2019-11-12T15:03:21+0100", base),
            ("2019-11-12T09:33:21-04:30", base),
            ("2019-11-12 14:03:21", base),
            ("2019-11-12T14:03:21+00", base),
            ("2018-03-04T3:27:47+02:00", 1520126867_000_000),
            ("2019-11-12", 1573516800_000_000),
        ):
            self.assertEqual(microseconds(text), expected, text)

    def test_no_times(self) -> None:
        """What is no time raises ValueError."""
        for text in (
            "",
            "yesterday-ish",
            "2019-13-12T14:03:21Z",
            "2019-11-31",
            "2019-11-12T25:00:00Z",
            "2019-11-12T14:61:00Z",
            "0001-01-01T00:00:00+23:00",
            "٢٠١٩-11-12",
        ):
            self.assertRaises(ValueError, microseconds, text)

    def test_written(self) -> None:
        """A header has no fraction when that is zero, a document never (server-api.md 3.3)."""
        self.assertEqual(iso_8601(1573567029412), "2019-11-12T13:57:09.412000+00:00")
        self.assertEqual(iso_8601(1573567029000), "2019-11-12T13:57:09+00:00")
        self.assertEqual(rfc_1123(1573567029999), "Tue, 12 Nov 2019 13:57:09 GMT")
        self.assertEqual(from_rfc_1123("Tue, 12 Nov 2019 13:57:09 GMT"), 1573567029000)
