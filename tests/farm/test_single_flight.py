"""The same thing asked for twice at the same time."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.farm.single_flight import SingleFlight


class SingleFlightTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.flight: SingleFlight[str, int] = SingleFlight()
        self.begun: list[Deferred[int]] = []

    async def work(self) -> int:
        self.begun.append(Deferred())
        return await self.begun[-1]

    def run_it(self, key: str) -> "Deferred[int]":
        return Deferred.fromCoroutine(self.flight.run(key, self.work))

    def test_once(self) -> None:
        """Two that want the same at once get one result; another key is another matter."""
        first, second, other = self.run_it("a"), self.run_it("a"), self.run_it("b")
        self.assertEqual(len(self.begun), 2)
        self.begun[0].callback(1)
        self.begun[1].callback(2)
        self.assertEqual([self.successResultOf(result) for result in (first, second, other)], [1, 1, 2])

    def test_failure(self) -> None:
        """A failure is everybody's, and the next one tries anew."""
        first, second = self.run_it("a"), self.run_it("a")
        self.begun[0].errback(ZeroDivisionError())
        self.failureResultOf(first, ZeroDivisionError)
        self.failureResultOf(second, ZeroDivisionError)
        third = self.run_it("a")
        self.begun[1].callback(3)
        self.assertEqual(self.successResultOf(third), 3)
