"""The acceptance list of task-lifecycle.md 20: facts 54 and 55."""

from tests.builders import TASK
from tests.upkeep import LeftAlone


class TimeoutFactTests(LeftAlone):
    def test_asleep(self) -> None:
        """
        Fact 54: a sleeping worker without a request that times out is in ``timeout``, and is to sleep again.

        Fact 55: the same with an active task, which is ``claimed-by-manager`` then.
        """
        w1, w2 = self.register("w1"), self.register("w2")
        self.heard(w1, status="asleep")
        self.heard(w2, status="asleep")
        self.given(w2)
        self.start()
        self.leave_alone(299)
        self.assertEqual([self.worker(one).status for one in (w1, w2)], ["asleep", "asleep"])
        self.leave_alone(1)
        for one in (w1, w2):
            self.assertEqual((self.worker(one).status, self.worker(one).status_requested), ("timeout", "asleep"))
        self.assertEqual((self.task(TASK).status, self.task(TASK).worker_id), ("claimed-by-manager", w2))
        self.assertIn("timed out", self.task(TASK).activity)
        self.assertIn("timed out", self.log_of(TASK))
