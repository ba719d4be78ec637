"""Whether the demonstration finds what is wrong with failures, with sleep, and with logs that the Server wanted."""

from flamenco_mgr.demo.farm_books import Night, SentLog
from flamenco_mgr.demo.standin.record import Outcome
from flamenco_mgr.demo.worker.journal import Acknowledged, Ending, Journal, TaskRun
from tests.demo.farm_day import ANN, BOB, CEM, KIND, TASK
from tests.demo.test_demo_agreement import AgreementCase

FAILURES = "each task failed as often as it may, and nobody who failed got it again"
BANS = "who fails too often at a kind of task gets no more of it"
SLEEP = "no Worker got a task while it was to sleep"
SENT = "the Server has each log that it asked for, byte for byte"

OTHERS = ("5dcbc8346b1d520019e0aa03", "5dcbc8346b1d520019e0aa04", "5dcbc8346b1d520019e0aa05")
NIGHT = Night(worker=ANN, begins=100, ends=200)


class FailingTests(AgreementCase):
    def failed_on_all(self) -> None:
        """Have all three fail at the task, and the Server hear of it."""
        for number, worker in enumerate((ANN, BOB, CEM), 1):
            self.day.failed(worker, 10 * number, 10 * number + 5)
            self.day.told(10 * number + 6, "failed" if worker == CEM else "soft-failed")

    def test_failed_for_good(self) -> None:
        """A task at which three failed is failed, and need not be completed."""
        self.failed_on_all()
        self.assert_agree(failed_by={TASK: (CEM, ANN, BOB)})

    def test_done_by_another(self) -> None:
        """A task at which one failed is done by another."""
        self.day.failed(ANN, 10, 15)
        self.day.told(16, "soft-failed")
        self.day.done(BOB, 20, 25)
        self.assert_agree(failed_by={TASK: (ANN,)})

    def test_failed_too_early(self) -> None:
        """A task that failed for good when two had failed is found."""
        self.day.failed(ANN, 10, 15)
        self.day.told(16, "soft-failed")
        self.day.failed(BOB, 20, 25)
        self.day.told(26, "failed")
        self.assert_found(FAILURES, "failed, and ann, bob failed at it", failed_by={TASK: (ANN, BOB)})

    def test_done_after_all_failed(self) -> None:
        """A task that somebody got though three had failed is found."""
        self.failed_on_all()
        self.day.journals["dan"] = Journal()
        self.day.done("dan", 40, 50)
        self.assert_found(FAILURES, "completed, and ann, bob, cem failed at it", failed_by={TASK: (ANN, BOB, CEM)})

    def test_given_again(self) -> None:
        """A task that a worker got again after it had failed at it is found."""
        self.day.failed(ANN, 10, 15)
        self.day.told(16, "soft-failed")
        self.day.done(ANN, 20, 25)
        self.assert_found(FAILURES, "given to ann again, who had failed at it", failed_by={TASK: (ANN,)})

    def test_given_again_before_the_report(self) -> None:
        """A worker that asked before it had said that it failed may get the task again."""
        self.day.failed(ANN, 10, 15)
        self.day.told(16, "soft-failed")
        self.day.journals[ANN].runs.append(
            TaskRun(task_id=TASK, job="", asked=15.05, started=15.2, ended=15.3, how=Ending.STOPPED)
        )
        self.day.done(BOB, 20, 25)
        self.assert_agree(failed_by={TASK: (ANN,)})

    def test_given_again_after_a_requeue(self) -> None:
        """A task that a user requeued may be given to those that failed at it before."""
        self.failed_on_all()
        self.day.wished(50, "queued")
        self.day.done(ANN, 60, 70)
        self.assert_agree()

    def test_not_told(self) -> None:
        """A failure that the Server was not told the worker of is found."""
        self.day.failed(ANN, 10, 15)
        self.day.told(16, "soft-failed")
        self.day.done(BOB, 20, 25)
        self.assert_found(FAILURES, "ann failed at it, and the Server was told of nobody")


class BanningTests(AgreementCase):
    def setUp(self) -> None:
        super().setUp()
        self.day.done(BOB, 500, 510)
        for number, task in enumerate(OTHERS):
            self.fail_at(task, 10.0 * number)

    def fail_at(self, task: str, began: float) -> None:
        """Have a worker fail at a task of which the books know nothing else."""
        self.day.journals[ANN].runs.append(
            TaskRun(task_id=task, job="", started=began, ended=began + 5, how=Ending.FAILED)
        )
        self.day.journals[ANN].acknowledged.append(
            Acknowledged(at=began + 5, task_id=task, task_status="failed", answer=204)
        )
        self.day.record.note_update(
            at=round(1000 * began) + 5500,
            update_id=f"u{task}",
            task_id=task,
            status="soft-failed",
            outcome=Outcome.CHANGED,
        )

    def found(self, **changes: object) -> dict[str, tuple[str, ...]]:
        """Return what the checks find if all tasks are of one kind."""
        return self.day.found(kinds=dict.fromkeys((TASK, *OTHERS), KIND), **changes)

    def test_banned(self) -> None:
        """Who failed at three tasks of a kind is banned."""
        self.assertEqual(self.found(banned={(ANN, KIND)}), {})

    def test_not_banned(self) -> None:
        """Who failed at three and is not banned is found."""
        self.assertIn("ann failed at 3 tasks of type render or more, and is not banned", self.found()[BANS][0])

    def test_banned_for_nothing(self) -> None:
        """Who is banned and did not fail so often is found."""
        found = self.found(banned={(ANN, KIND), (BOB, KIND)})
        self.assertEqual(found, {BANS: ("bob is banned from tasks of type render, and did not fail at 3 of them",)})

    def test_given_to_one_who_is_banned(self) -> None:
        """A task that was given to a worker which is banned from it is found."""
        self.day.worked(ANN, 400, 410, Ending.STOPPED)
        found = self.found(banned={(ANN, KIND)})
        self.assertEqual(found, {BANS: (f"render ({TASK}): given to ann, who is banned from such tasks",)})


class SleepingTests(AgreementCase):
    def setUp(self) -> None:
        super().setUp()
        self.day.done(BOB, 10, 20)

    def sleep(self, asleep: float | None = 101, awake: float | None = 202) -> None:
        """Have a worker obey what its schedule wants at these instants."""
        for at, status in ((asleep, "asleep"), (awake, "awake")):
            if at is not None:
                self.day.requested(ANN, at, status)

    def test_slept(self) -> None:
        """Who falls asleep in its night and wakes up after it has done well; earlier sleep is nobody's business."""
        self.day.requested(ANN, 50, "asleep")
        self.day.requested(ANN, 60, "awake")
        self.sleep()
        self.assert_agree(nights=[NIGHT])

    def test_did_not_fall_asleep(self) -> None:
        """Who worked through its night is found."""
        self.sleep(asleep=None)
        self.assert_found(SLEEP, "ann: did not fall asleep in its night", nights=[NIGHT])

    def test_woken(self) -> None:
        """Who was woken in its night is found."""
        self.sleep(awake=150)
        self.assert_found(SLEEP, "ann: was woken in its night", nights=[NIGHT])

    def test_not_woken(self) -> None:
        """Who still sleeps when its night is over is found."""
        self.sleep(awake=None)
        self.assert_found(SLEEP, "ann: was not woken after its night", nights=[NIGHT])

    def test_given_a_task(self) -> None:
        """A task that was given to a worker in its night is found; what it began before is not."""
        self.sleep()
        self.day.worked(ANN, 5, 6, Ending.STOPPED)
        self.day.worked(ANN, 150, 160, Ending.STOPPED)
        found = self.day.found(nights=[NIGHT])
        self.assertEqual(found, {SLEEP: (f"render ({TASK}): given to ann in its night",)})


class SentLogTests(AgreementCase):
    def setUp(self) -> None:
        super().setUp()
        self.day.done(BOB, 10, 20)

    def test_same(self) -> None:
        """A log that came as it is on the Manager's disk is well."""
        self.assert_agree(sent_logs=[SentLog(task_id=TASK, got=b"frame 1\n", kept=b"frame 1\n")])

    def test_owed(self) -> None:
        """A log that the Server still waits for is found."""
        self.assert_found(SENT, f"render ({TASK}): the Server waits for its log", owed_logs=[TASK])

    def test_cut(self) -> None:
        """A log that came without its end is found, with the place where it ends."""
        log = SentLog(task_id=TASK, got=b"frame", kept=b"frame 1\n")
        words = "its log at the Server has 5 bytes, the Manager's 8; they differ from byte 5 on"
        self.assert_found(SENT, words, sent_logs=[log])

    def test_changed(self) -> None:
        """A log in which a byte is another is found."""
        log = SentLog(task_id=TASK, got=b"frame 2\n", kept=b"frame 1\n")
        self.assert_found(SENT, "they differ from byte 6 on", sent_logs=[log])
