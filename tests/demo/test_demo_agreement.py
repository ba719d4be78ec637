"""Whether the demonstration finds what is wrong in the books: each disagreement is planted, and found by its check."""

from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.demo.worker.journal import Ending, Endpoint, Offence
from tests.demo.farm_day import ANN, BOB, TASK, FarmDay

AS_ASKED = "each task completed exactly as often as asked"
RUN_AS_ASKED = "no task run more often than asked"
ONE_HAND = "no task in two hands at once"
NOTHING_LOST = "no acknowledged update lost"
SAME = "Server and Manager say the same of each task"
NOTHING_LEFT = "nothing waits, nothing was set aside"
LOGS = "every log has its Worker's lines"
NO_OFFENCE = "no offence against a Worker"


class AgreementCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.day = FarmDay()

    def assert_found(self, proof: str, words: str, **changes: object) -> None:
        """Check that one check alone finds something, and says what."""
        found = self.day.found(**changes)
        self.assertEqual(list(found), [proof], found)
        self.assertIn(words, found[proof][0])

    def assert_agree(self, **changes: object) -> None:
        """Check that nothing is found."""
        self.assertEqual(self.day.found(**changes), {})


class AgreeingTests(AgreementCase):
    def test_done_once(self) -> None:
        """A task that was asked for once and done once leaves books that agree."""
        self.day.done(ANN, 10, 20)
        self.assert_agree()

    def test_done_as_often_as_requeued(self) -> None:
        """A requeue is a wish to have it done again."""
        self.day.done(ANN, 10, 20)
        self.day.wished(30, "queued")
        self.day.done(BOB, 40, 50)
        self.assert_agree()

    def test_canceled(self) -> None:
        """A task that a user canceled last need not be completed."""
        self.day.worked(ANN, 10, 15, Ending.STOPPED)
        self.day.acknowledged(ANN, 10.1, "active")
        self.day.told(10.2, "active")
        self.day.wished(12, "cancel-requested")
        self.day.told(16, "canceled")
        self.assert_agree()

    def test_requeued_while_it_runs(self) -> None:
        """A worker that lost its task to a requeue goes on until it asks, and its result need not count."""
        self.day.worked(ANN, 10, 20)
        self.day.told(10.2, "active")
        self.day.wished(12, "queued")
        self.day.done(BOB, 13, 25)
        self.day.acknowledged(ANN, 20.1, "completed", answer=409)
        self.assert_agree()

    def test_died_and_came_back(self) -> None:
        """A worker that dies does the task again when it is back."""
        self.day.worked(ANN, 10, 12, Ending.KILLED)
        self.day.acknowledged(ANN, 10.1, "active")
        self.day.done(ANN, 15, 20)
        self.assert_agree()

    def test_told_again(self) -> None:
        """Updates that a Manager sent again, as it died before it knew that the Server had them, count once."""
        self.day.done(ANN, 10, 20)
        self.day.told(30, "active", update_id="u10.2")
        self.day.told(30.1, "completed", update_id="u20.2")
        self.assert_agree()

    def test_given_again_before_the_report(self) -> None:
        """A worker whose report is still on its disk gets the same task again, and nobody is to blame."""
        self.day.worked(ANN, 10, 20)
        self.day.told(10.2, "active")
        self.day.worked(ANN, 22, 30)
        self.day.acknowledged(ANN, 22.5, "completed")
        self.day.told(23, "completed")
        self.day.acknowledged(ANN, 30.1, "completed")
        self.assert_agree()


class DisagreeingTests(AgreementCase):
    def test_not_completed(self) -> None:
        """A task that nobody did is found."""
        self.assert_found(AS_ASKED, f"render ({TASK}): not completed in round 1, the last: never begun")

    def test_requeue_forgotten(self) -> None:
        """A task that was not done again after a requeue is found."""
        self.day.done(ANN, 10, 20)
        self.day.wished(30, "queued")
        self.assert_found(AS_ASKED, "not completed in round 2, the last")

    def test_came_to_life(self) -> None:
        """A task that became active again after it was completed, with nobody asking, is found."""
        self.day.done(ANN, 10, 20)
        self.day.told(30, "active")
        self.assert_found(AS_ASKED, "went on after it was completed in round 1: active → completed → active")

    def test_completed_twice(self) -> None:
        """A task that the Server saw completed twice, and that two workers did, is found on both sides."""
        self.day.done(ANN, 10, 20)
        self.day.done(BOB, 30, 40)
        found = self.day.found()
        self.assertEqual(list(found), [AS_ASKED, RUN_AS_ASKED])
        self.assertIn("completed 2 times in round 1", found[AS_ASKED][0])

    def test_run_twice(self) -> None:
        """A task that a second worker ran to its end is found even if the Server never heard of it."""
        self.day.done(ANN, 10, 20)
        self.day.worked(BOB, 30, 40)
        self.assert_found(RUN_AS_ASKED, "run to its end by ann, bob, but asked for 1 time(s)")

    def test_run_twice_by_the_same(self) -> None:
        """A task that the same worker got again after its report was acknowledged is found."""
        self.day.done(ANN, 10, 20)
        self.day.worked(ANN, 30, 40)
        self.assert_found(RUN_AS_ASKED, "run to its end by ann, ann")

    def test_two_hands(self) -> None:
        """A task that a second worker got while the first had it is found."""
        self.day.worked(ANN, 10, 18, Ending.STOPPED)
        self.day.done(BOB, 15, 20)
        self.assert_found(ONE_HAND, "in the hands of ann when bob got it")

    def test_two_hands_long_after_a_requeue(self) -> None:
        """A requeue before the first of two workers got the task excuses nothing."""
        self.day.wished(5, "queued")
        self.day.worked(ANN, 10, None, None)
        self.day.done(BOB, 15, 20)
        self.assert_found(ONE_HAND, "in the hands of ann when bob got it")

    def test_lost_update(self) -> None:
        """An acknowledged result that never came to the Server is found, though another one did."""
        self.day.done(ANN, 10, 20)
        self.day.wished(30, "queued")
        self.day.worked(BOB, 40, 50)
        self.day.acknowledged(BOB, 50.1, "completed")
        self.day.status = "completed"
        found = self.day.found()
        self.assertEqual(list(found), [AS_ASKED, NOTHING_LOST])
        self.assertIn(
            "that it is completed, said by bob, was acknowledged and is not at the Server", found[NOTHING_LOST][0]
        )

    def test_lost_failure(self) -> None:
        """An acknowledged failure counts as much as a success."""
        self.day.worked(ANN, 10, 12, Ending.FAILED)
        self.day.acknowledged(ANN, 12.1, "failed")
        self.day.done(BOB, 15, 20)
        self.assert_found(NOTHING_LOST, "that it is failed, said by ann, was acknowledged", failed_by={TASK: (ANN,)})

    def test_refused_result(self) -> None:
        """A result that the Manager turned away, with nobody having requeued the task, is found."""
        self.day.worked(ANN, 10, 12, Ending.FAILED)
        self.day.acknowledged(ANN, 12.1, "failed", answer=409)
        self.day.done(BOB, 15, 20)
        self.assert_found(NOTHING_LOST, "that it is failed, said by ann, was refused (409)")

    def test_unsent(self) -> None:
        """Updates that are still on a worker's disk are found."""
        self.day.done(ANN, 10, 20)
        self.assert_found(NOTHING_LOST, "bob: 2 updates are still on its disk", unsent={ANN: 0, BOB: 2})

    def test_wrong_status(self) -> None:
        """A status that differs between Server and Manager is found."""
        self.day.done(ANN, 10, 20)
        words = "completed at the Server, active in the Manager's store"
        self.assert_found(SAME, words, manager={TASK: "active"})

    def test_missing_task(self) -> None:
        """A task that the Manager does not have is found."""
        self.day.done(ANN, 10, 20)
        self.assert_found(SAME, "completed at the Server, not there in the Manager's store", manager={})

    def test_stranger(self) -> None:
        """Tasks that only the Manager has are found."""
        self.day.done(ANN, 10, 20)
        self.assert_found(SAME, "1 tasks are in the Manager's store that the Server does not know", strangers=1)

    def test_waiting(self) -> None:
        """Updates that wait in the Manager's store are found."""
        self.day.done(ANN, 10, 20)
        self.assert_found(NOTHING_LEFT, "3 updates wait", waiting=3)

    def test_set_aside(self) -> None:
        """What the Manager parked is found, with the reason."""
        self.day.done(ANN, 10, 20)
        self.assert_found(NOTHING_LEFT, "it is poisonous", set_aside=("it is poisonous",))

    def test_missing_line(self) -> None:
        """A line that was acknowledged and is in no log is found."""
        self.day.done(ANN, 10, 20, log="frame 1\nframe 2")
        self.assert_found(LOGS, "its log lacks 1 of 2 lines, the first is 'frame 2'", logs={TASK: "frame 1\n"})

    def test_line_of_a_refused_update(self) -> None:
        """The lines of an update that was turned away need not be in the log."""
        self.day.done(ANN, 10, 20)
        self.day.acknowledged(BOB, 30, None, answer=409, log="I have it, too")
        self.assert_agree()

    def test_offence(self) -> None:
        """Whatever a real Worker could not bear is found."""
        self.day.done(ANN, 10, 20)
        self.day.journals[BOB].offences.append(Offence(at=1, endpoint=Endpoint.MAY_I_RUN, what="not JSON"))
        self.assert_found(NO_OFFENCE, "bob: may-i-run: not JSON")
