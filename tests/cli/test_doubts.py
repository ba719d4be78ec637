"""What in a status an operator is told to look at."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.cli.doubts import doubts
from tests.cli.farm_status import a_status


class DoubtsTests(SynchronousTestCase):
    def assert_doubts(self, *expected: str, **changed: Any) -> None:
        """Check what is said of a farm that is well but for what is changed."""
        self.assertEqual(list(doubts(a_status(**changed))), list(expected))

    def test_none(self) -> None:
        """A farm in which all is well, or of which nothing is known, gives no warning."""
        self.assert_doubts()
        self.assert_doubts(server={"reachable": None, "clock_offset": None})

    def test_not_linked(self) -> None:
        """A Manager without a Server is not warned of it."""
        self.assert_doubts(server={"linked": False, "reachable": None, "is_asked": None})

    def test_server(self) -> None:
        """A Server that is away, refuses us, is slow, or has another time."""
        self.assert_doubts("The Server cannot be reached", server={"reachable": False})
        refused = "The Server refuses our credentials (manager_id, manager_secret): 403 Forbidden"
        self.assert_doubts(refused, server={"refusal": "403 Forbidden"})
        unasked = (
            "Tasks are handed out without asking the Server whether they have changed, as it did not answer in time"
        )
        self.assert_doubts(unasked, server={"is_asked": False})
        self.assert_doubts("The Server's clock is 1 h ahead of this machine's", server={"clock_offset": 3600.0})
        self.assert_doubts("The Server's clock is 1 min 1 s behind this machine's", server={"clock_offset": -61.0})

    def test_duties(self) -> None:
        """Nobody has the lease."""
        duties = {"here": False, "holder": "", "managers": []}
        text = "No Manager does the duties of one for all: tasks are neither fetched nor is the Server told"
        self.assert_doubts(text, duties=duties)

    def test_workers(self) -> None:
        """Workers that are sick, timed out, or in error."""
        self.assert_doubts(
            "1 Worker is kept from working after failing at too many jobs",
            "2 Workers have timed out",
            "1 Worker is in error",
            workers={"sick": 1, "by_status": {"timeout": 2, "error": 1}},
        )

    def test_updates(self) -> None:
        """Updates that the Server has not heard for minutes, or refuses."""
        self.assert_doubts(updates={"oldest_age": 300.0})
        self.assert_doubts(
            "The Server has not heard for 5 min 1 s what waits for it",
            "2 updates are parked, as the Server refuses them: flamenco-manager updates parked",
            updates={"oldest_age": 301.0, "parked": 2},
        )
