"""A Server that does not answer in time is left alone for a while (design.md 6)."""

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.server.breaker import CircuitBreaker


@define(eq=False)
class Probe:
    """Notes when it was asked; fails, or gives what it is told."""

    clock: Clock
    asked: list[float] = field(factory=list)
    error: Exception | None = None
    result: "Deferred[bool]" = field(factory=lambda: succeed(True))

    async def __call__(self) -> bool:
        self.asked.append(self.clock.seconds())
        if self.error is not None:
            raise self.error
        return await self.result


class CircuitBreakerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.probe = Probe(self.clock)
        self.breaker = CircuitBreaker(clock=self.clock)

    def test_closed(self) -> None:
        """At first asking makes sense."""
        self.assertFalse(self.breaker.is_open)

    def test_half_a_minute(self) -> None:
        """It is open for 30 seconds, and until the probe says that the Server is back."""
        self.probe.result = Deferred()
        self.breaker.trip("silence", self.probe)
        self.clock.advance(29.9)
        self.assertEqual((self.breaker.is_open, self.probe.asked), (True, []))
        self.clock.advance(0.1)
        self.assertEqual((self.breaker.is_open, self.probe.asked), (True, [30.0]))
        self.probe.result.callback(True)
        self.assertFalse(self.breaker.is_open)

    def test_tripped_twice(self) -> None:
        """Many who meet the silence at the same time are one."""
        for _ in range(5):
            self.breaker.trip("silence", self.probe)
        self.clock.advance(30.0)
        self.assertEqual(self.probe.asked, [30.0])

    def test_failing_probe(self) -> None:
        """A probe that fails in an unforeseen way is logged, and there is another one."""
        self.probe.error = ZeroDivisionError()
        self.breaker.trip("silence", self.probe)
        self.clock.advance(30.0)
        self.assertEqual((self.breaker.is_open, len(self.flushLoggedErrors(ZeroDivisionError))), (True, 1))
        self.probe.error = None
        self.clock.advance(30.0)
        self.assertEqual((self.breaker.is_open, self.probe.asked), (False, [30.0, 60.0]))

    def test_stopped(self) -> None:
        """After a stop there are no probes, and nothing trips it."""
        self.breaker.trip("silence", self.probe)
        self.breaker.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.breaker.trip("silence", self.probe)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stopped_while_probing(self) -> None:
        """A stop breaks a probe off."""
        self.probe.result = Deferred()
        self.breaker.trip("silence", self.probe)
        self.clock.advance(30.0)
        self.breaker.stopService()
        self.assertEqual((self.clock.getDelayedCalls(), self.flushLoggedErrors()), ([], []))
