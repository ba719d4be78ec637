"""People are told when the Server goes away and comes back, not at each try."""

from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.server.reachability import Reachability, ServerStatus
from flamenco_mgr.server.trouble import CredentialsRefused


class ReachabilityTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000.0)
        self.reachability = Reachability(clock=self.clock)

    def test_at_first(self) -> None:
        """Before anything was asked nothing is known."""
        self.assertEqual(self.reachability.status, ServerStatus())

    def test_away(self) -> None:
        """The status says since when the Server is away, and why it was the last time."""
        self.reachability.unreachable("connection refused")
        self.clock.advance(60.0)
        self.reachability.unreachable("no answer within 60 seconds")
        self.assertEqual(
            self.reachability.status,
            ServerStatus(reachable=False, since=1000.0, reason="no answer within 60 seconds"),
        )

    def test_back(self) -> None:
        """An answer, whatever it says, means that the Server is there."""
        self.reachability.unreachable("connection refused")
        self.clock.advance(60.0)
        self.reachability.answered()
        self.clock.advance(60.0)
        self.reachability.answered()
        self.assertEqual(self.reachability.status, ServerStatus(reachable=True, since=1060.0))

    def test_told_on_change(self) -> None:
        """A line when it goes, a line when it comes back, none in between."""
        with capturedLogs() as events:
            for _ in range(50):
                self.reachability.unreachable("connection refused")
            for _ in range(50):
                self.reachability.answered()
        self.assertEqual([event["log_level"] for event in events], [LogLevel.warn, LogLevel.info])

    def test_refused(self) -> None:
        """server-api.md 2: refused credentials are told once, and show until the same thing is allowed again."""
        refusal = CredentialsRefused(403, "who are you?")
        with capturedLogs() as events:
            self.reachability.answered()
            for _ in range(50):
                self.reachability.refused("updates", refusal)
            self.reachability.accepted("tasks")
            self.assertEqual(self.reachability.status.refusal, "the Server answered 403: who are you?")
            self.reachability.accepted("updates")
        self.assertEqual(self.reachability.status.refusal, "")
        self.assertEqual([event["log_level"] for event in events], [LogLevel.info, LogLevel.error, LogLevel.info])
