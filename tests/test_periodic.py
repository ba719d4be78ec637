"""The one loop."""

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.periodic import Periodic


@define(eq=False)
class Action:
    """Notes when it ran; its result can be held back."""

    clock: Clock
    ran: list[float] = field(factory=list)
    result: "Deferred[None] | None" = None
    error: Exception | None = None

    async def __call__(self) -> None:
        self.ran.append(self.clock.seconds())
        if self.error is not None:
            raise self.error
        await (self.result or succeed(None))


class PeriodicTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.action = Action(self.clock)
        self.periodic = Periodic(action=self.action, interval=10.0, clock=self.clock, first=3.0, name="test")

    def test_instants(self) -> None:
        """The first turn is after ``first`` seconds, then one every ``interval`` from beginning to beginning."""
        self.periodic.startService()
        self.clock.pump([1.0] * 24)
        self.assertEqual(self.action.ran, [3.0, 13.0, 23.0])

    def test_failure(self) -> None:
        """A failure is logged, and the loop goes on."""
        self.action.error = ZeroDivisionError()
        self.periodic.startService()
        self.clock.pump([1.0] * 14)
        self.assertEqual(self.action.ran, [3.0, 13.0])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)

    def test_no_overlap(self) -> None:
        """A turn that takes longer than the interval is followed by the next one, never joined by it."""
        self.action.result = Deferred()
        self.periodic.startService()
        self.clock.pump([1.0] * 30)
        self.assertEqual(self.action.ran, [3.0])
        result, self.action.result = self.action.result, None
        result.callback(None)
        self.clock.advance(0)
        self.assertEqual(self.action.ran, [3.0, 30.0])

    def test_kick(self) -> None:
        """A kick brings the next turn forward; the interval counts from it."""
        self.periodic.startService()
        self.clock.advance(1.0)
        self.periodic.kick()
        self.periodic.kick()
        self.clock.pump([0.0] + [1.0] * 10)
        self.assertEqual(self.action.ran, [1.0, 11.0])

    def test_kicks_during_a_turn(self) -> None:
        """Kicks during a turn are one further turn."""
        self.action.result = Deferred()
        self.periodic.startService()
        self.clock.advance(3.0)
        self.periodic.kick()
        self.periodic.kick()
        result, self.action.result = self.action.result, None
        result.callback(None)
        self.clock.pump([0.0, 1.0, 1.0])
        self.assertEqual(self.action.ran, [3.0, 3.0])

    def test_stop_waits(self) -> None:
        """``stopService`` waits for the turn in progress, and leaves no timer behind."""
        self.action.result = Deferred()
        self.periodic.startService()
        self.clock.advance(3.0)
        stopped = self.periodic.stopService()
        self.assertNoResult(stopped)
        self.action.result.callback(None)
        self.successResultOf(stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stop_between_turns(self) -> None:
        """A stop between two turns is immediate, and kicks afterwards do nothing."""
        self.periodic.startService()
        self.successResultOf(self.periodic.stopService())
        self.periodic.kick()
        self.clock.advance(100.0)
        self.assertEqual((self.action.ran, self.clock.getDelayedCalls()), ([], []))
