"""What the Server is told."""

from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.events import Event
from flamenco_mgr.domain.tasks import FailedBy, Progress
from flamenco_mgr.domain.updates import LONGEST_TAIL, QueuedUpdate, TaskUpdate, Transition, forwarded, log_tail, merged
from tests.builders import a_task, an_update


class LogTailTests(SynchronousTestCase):
    def test_empty(self) -> None:
        """task-lifecycle.md 20, fact 30: an empty text, or one of white space, has an empty tail."""
        self.assertEqual([log_tail(""), log_tail(" \n\n ")], ["", ""])

    def test_short(self) -> None:
        """Fact 30: two lines, with or without a final newline, are both lines with one final newline."""
        self.assertEqual(log_tail("one line\ntwo lines"), "one line\ntwo lines\n")
        self.assertEqual(log_tail("one line\ntwo lines\n"), "one line\ntwo lines\n")

    def test_long(self) -> None:
        """Fact 30: of fifteen lines the last ten remain."""
        lines = [f"line {number}" for number in range(15)]
        self.assertEqual(log_tail("\n".join(lines)), "\n".join(lines[5:]) + "\n")

    def test_endless_line(self) -> None:
        """Of a text without line ends the end remains: the Server gets no megabytes with a status."""
        self.assertEqual(log_tail("x" * 20_000_000 + "end"), ("x" * 20_000_000 + "end")[-LONGEST_TAIL:] + "\n")

    def test_ten(self) -> None:
        """Exactly ten lines remain whole."""
        text = "\n".join(str(number) for number in range(10))
        self.assertEqual(log_tail(text), text + "\n")

    def test_longest(self) -> None:
        """A tail has at most 32768 characters and its newline."""
        self.assertEqual(LONGEST_TAIL, 32_768)


class TransitionTests(SynchronousTestCase):
    def test_changes(self) -> None:
        """A task that changes is to be stored, and so is an update or an event of one that does not."""
        task, said = a_task(), Event(at=1.0, kind="operator")
        changes = [
            Transition(before=task, after=a_task(activity="x")),
            Transition(before=task, after=task, update=an_update()),
            Transition(before=task, after=task, said=said),
            Transition(before=task, after=a_task(activity="x"), update=an_update(), said=said),
        ]
        self.assertEqual([one.changes_anything for one in changes], [True] * 4)
        for same in (task, a_task()):
            self.assertIs(Transition(before=task, after=same).changes_anything, False)

    def test_events(self) -> None:
        """What happened to the task comes before what is said of who wanted it; what is nothing is left out."""
        task, said = a_task(), Event(at=1.0, kind="operator")
        changed = Transition(before=task, after=a_task(status="active"), said=said).events
        self.assertEqual(([event.kind for event in changed], changed[1]), (["task", "operator"], said))
        self.assertEqual(Transition(before=task, after=task, said=said).events, (said,))
        self.assertEqual(Transition(before=task, after=task).events, ())

    def test_conditions(self) -> None:
        """A change depends on the task's last ping only where that is said; an update waits once and unrefused."""
        self.assertIs(Transition(before=a_task(), after=a_task()).unless_pinged, False)
        queued = QueuedUpdate(sequence=1, version=1, update=an_update())
        self.assertEqual((queued.unhandled, queued.final_waits), (0, False))


class MergedTests(SynchronousTestCase):
    """server-api.md 17.10: consecutive updates of a task that carry no status are merged."""

    def test_newest_words_win(self) -> None:
        """The later activity, tail, timing, progress and time replace the earlier ones."""
        waiting = an_update(status=None, activity="frame 1", log_tail="a\n", progress=Progress(task_percentage=1))
        later = an_update(
            id="5" * 24,
            status=None,
            activity="frame 2",
            log_tail="b\n",
            timing={"total": 2.0},
            progress=Progress(task_percentage=2),
            received_at=99.0,
        )
        both = merged(waiting, later)
        assert both is not None
        self.assertEqual((both.id, both.activity, both.log_tail), (waiting.id, "frame 2", "b\n"))
        self.assertEqual((both.timing, both.progress, both.received_at), ({"total": 2.0}, later.progress, 99.0))

    def test_silence_keeps_earlier_words(self) -> None:
        """Where the later update says nothing the earlier words stay."""
        waiting = an_update(status=None, activity="frame 1", log_tail="a\n", timing={"total": 1.0})
        both = merged(waiting, an_update(status=None, activity="", log_tail="", timing={}))
        assert both is not None
        self.assertEqual((both.activity, both.log_tail, both.timing), ("frame 1", "a\n", {"total": 1.0}))

    def test_who_said_it(self) -> None:
        """The later worker is told, and the earlier one where the later update names none."""
        for earlier, later, told in (("a", "b", "b"), ("a", "", "a"), ("", "b", "b")):
            both = merged(an_update(worker=earlier), an_update(worker=later))
            assert both is not None
            self.assertEqual(both.worker, told)

    def test_statuses_are_told_one_by_one(self) -> None:
        """An update with a status is merged with nothing, on either side."""
        self.assertIsNone(merged(an_update(status="active"), an_update(status=None)))
        self.assertIsNone(merged(an_update(status=None), an_update(status="completed")))

    def test_failures_are_told_one_by_one(self) -> None:
        """An update that changes who failed at the task is merged with nothing."""
        failed = an_update(status=None, failed_by=(FailedBy(id="a" * 24),))
        self.assertIsNone(merged(failed, an_update(status=None)))
        self.assertIsNone(merged(an_update(status=None), failed))


class ForwardedTests(SynchronousTestCase):
    """server-api.md 17.18: nothing raises a task from the dead."""

    def forwarded(self, update: TaskUpdate, local_status: str | None, *, final_waits: bool = False) -> TaskUpdate:
        return forwarded(
            QueuedUpdate(sequence=1, version=1, update=update, local_status=local_status, final_waits=final_waits)
        )

    def test_late_status_is_left_out(self) -> None:
        """``active`` of a task that the Server has finished is not sent; the rest of the update is."""
        sent = self.forwarded(an_update(status="active", activity="words"), "canceled")
        self.assertEqual((sent.status, sent.activity), (None, "words"))

    def test_own_end_follows(self) -> None:
        """The way to the end is told whole when the end itself is in the queue."""
        self.assertEqual(self.forwarded(an_update(status="active"), "completed", final_waits=True).status, "active")

    def test_final_status_is_always_told(self) -> None:
        """A final status is sent whatever the task is now."""
        self.assertEqual(self.forwarded(an_update(status="completed"), "canceled").status, "completed")

    def test_living_task(self) -> None:
        """A task that is not over, or not here, keeps all its statuses."""
        for status in ("active", "claimed-by-manager", None):
            self.assertEqual(self.forwarded(an_update(status="active"), status).status, "active")
