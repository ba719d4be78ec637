"""When the Server is told the news (server-api.md 12.1)."""

from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from flamenco_mgr.demo.standin.behaviour import Pretend, Refuse, Silent, Slow
from flamenco_mgr.demo.standin.endpoints import Endpoint
from flamenco_mgr.domain.pushing import PushRules
from flamenco_mgr.periodic import IKickable
from tests.server.pushing import PushTestCase


class InstantsTests(PushTestCase):
    """server-api.md 12.1: the decisions instant by instant."""

    def test_interface(self) -> None:
        """The pusher can be kicked."""
        verifyObject(IKickable, self.pusher)

    def test_at_the_start(self) -> None:
        """Never pushed before: an empty push at once."""
        self.start()
        self.assertEqual(self.pushes(), [(0.0, 0)])

    def test_at_the_start_with_news(self) -> None:
        """Never pushed before: what waits is pushed at once."""
        self.enqueue_some(7)
        self.start()
        self.assertEqual((self.pushes(), self.waiting()), ([(0.0, 7)], 0))

    def test_regular(self) -> None:
        """One update waits until five seconds have passed since the last push, exactly."""
        self.start()
        self.enqueue_some(1)
        self.until(4.5)
        self.assertEqual(self.pushes(), [(0.0, 0)])
        self.until(5.0)
        self.assertEqual(self.pushes(), [(0.0, 0), (5.0, 1)])

    def test_empty(self) -> None:
        """Without news an empty push fetches cancels every ten seconds, counted from the last push."""
        self.start()
        self.until(5.0)
        self.enqueue_some(1)
        self.until(30.0)
        self.assertEqual(self.pushes(), [(0.0, 0), (6.0, 1), (16.0, 0), (26.0, 0)])

    def test_kick(self) -> None:
        """A kick pushes immediately, empty or not; the next empty push is ten seconds later."""
        self.start()
        self.until(3.0)
        self.pusher.kick()
        self.turns()
        self.assertEqual(self.pushes(), [(0.0, 0), (3.0, 0)])
        self.until(13.0)
        self.assertEqual(self.pushes()[2:], [(13.0, 0)])

    def test_kick_keeps_its_distance(self) -> None:
        """A kick does not push within a second of the previous attempt; kicks that wait are one."""
        self.start()
        self.until(0.5)
        for _ in range(5):
            self.pusher.kick()
        self.turns()
        self.assertEqual(self.pushes(), [(0.0, 0)])
        self.until(5.0)
        self.assertEqual(self.pushes(), [(0.0, 0), (1.5, 0)])

    def test_kicks_during_a_push(self) -> None:
        """Kicks during a push are one push after it; there is never more than one in flight."""
        self.start()
        self.until(2.0)
        self.server.behave(Slow(12.0), endpoint=Endpoint.PUSH, times=1)
        self.enqueue_some(1)
        self.pusher.kick()
        self.until(13.5)
        self.pusher.kick()
        self.pusher.kick()
        self.assertEqual(self.server.record.requests[Endpoint.PUSH], 2)
        self.until(16.0)
        self.assertEqual(self.server.record.requests[Endpoint.PUSH], 3)

    def test_slow_answer(self) -> None:
        """The last push is when its answer has been processed: nothing is pushed in between, nor soon after."""
        self.start()
        self.enqueue_some(1)
        self.server.behave(Slow(12.0), endpoint=Endpoint.PUSH, times=1)
        self.until(17.0)
        self.enqueue_some(1)
        self.until(21.5)
        self.assertEqual(self.server.record.requests[Endpoint.PUSH], 2)
        self.until(22.0)
        self.assertEqual(self.server.record.requests[Endpoint.PUSH], 3)

    def test_backoff(self) -> None:
        """A push that fails is tried again after 1, 2, 4, 8 … seconds; success sets that back."""
        self.start()
        self.enqueue_some(1)
        self.server.behave(Refuse(503), endpoint=Endpoint.PUSH)
        attempts = []
        for half_seconds in range(2 * 40):
            before = self.server.record.requests[Endpoint.PUSH]
            self.until(half_seconds / 2)
            if self.server.record.requests[Endpoint.PUSH] > before:
                attempts.append(half_seconds / 2)
        self.assertEqual(attempts, [5.0, 6.0, 8.0, 12.0, 20.0, 36.0])
        self.server.behave_well()
        self.until(70.0)
        self.assertEqual((self.pushes()[1], self.waiting()), ((68.0, 1), 0))
        self.server.behave(Refuse(503), endpoint=Endpoint.PUSH, times=1)
        self.enqueue_some(1)
        self.until(75.0)
        self.assertEqual(self.pushes()[-1], (74.0, 1))

    def test_undecodable(self) -> None:
        """200 with what is no JSON counts as a failure, and nothing is forgotten."""
        self.start()
        self.enqueue_some(1)
        self.server.behave(Pretend(b"<html>"), endpoint=Endpoint.PUSH, times=1)
        self.until(5.0)
        self.assertEqual(self.waiting(), 1)
        self.until(6.0)
        self.assertEqual(self.waiting(), 0)

    def test_kick_overrides_backoff(self) -> None:
        """A kick tries at once, however long the back-off still is."""
        self.start()
        self.enqueue_some(1)
        self.server.behave(Refuse(503), endpoint=Endpoint.PUSH, times=6)
        self.until(40.0)
        self.pusher.kick()
        self.turns()
        self.assertEqual(self.pushes()[1:], [(40.0, 1)])

    def test_credentials_refused(self) -> None:
        """server-api.md 2: refused credentials are tried again after a minute, not sooner by a kick; all is kept."""
        self.enqueue_some(3)
        for number, status in enumerate((401, 403, 404)):
            self.server.behave(Refuse(status), endpoint=Endpoint.PUSH, times=1)
            if number == 0:
                self.start()
            self.until(60.0 * number + 59.5)
            self.pusher.kick()
            self.turns()
            self.assertEqual((self.server.record.requests[Endpoint.PUSH], self.waiting()), (number + 1, 3))
            if number < 2:
                self.server.behave(Refuse(status), endpoint=Endpoint.PUSH, times=0)
        self.until(180.5)
        self.assertEqual((self.server.record.requests[Endpoint.PUSH], self.waiting()), (4, 0))

    def test_stop(self) -> None:
        """task-lifecycle.md 20, fact 22: stopping the pusher between pushes is immediate, and leaves no timer."""
        self.start()
        self.successResultOf(self.pusher.stopService())
        self.assertEqual(self.timers(), [])

    def test_stop_waits(self) -> None:
        """Stopping waits for the push in progress."""
        self.server.behave(Slow(3.0), endpoint=Endpoint.PUSH)
        self.start()
        stopped: Deferred[None] = self.pusher.stopService()
        self.assertNoResult(stopped)
        self.pump(3.0)
        self.successResultOf(stopped)


class ManyTests(PushTestCase):
    def test_urgent(self) -> None:
        """server-api.md 12.1: 7000 updates are pushed 3000 now, 3000 a second later, 1000 after five more."""
        self.start()
        self.enqueue_some(7000)
        self.until(10.0)
        told: dict[float, int] = {}
        for at, size in self.pushes()[1:]:
            told[at] = told.get(at, 0) + size
        self.assertEqual(told, {1.0: 3000, 2.0: 3000, 7.0: 1000})

    def test_batches(self) -> None:
        """server-api.md 5.2: no request has more than a thousand updates, nor much more than a megabyte."""
        self.enqueue_some(2500)
        self.start()
        self.assertEqual([size for _, size in self.pushes()], [1000, 1000, 500])
        self.enqueue_some(300, log_tail="x" * 10_000)
        self.until(5.0)
        sizes = [size for at, size in self.pushes() if at == 5.0]
        self.assertEqual(sum(sizes), 300)
        self.assertTrue(90 < sizes[0] < 110, sizes)


class NoLimitTests(PushTestCase):
    rules = PushRules(max_count=0)

    def test_all(self) -> None:
        """A count of 0 is no limit: every update is urgent."""
        self.start()
        self.enqueue_some(1)
        self.until(1.0)
        self.assertEqual(self.pushes(), [(0.0, 0), (1.0, 1)])


class ShortCancelIntervalTests(PushTestCase):
    rules = PushRules(max_interval=30.0, cancel_interval=0.3)

    def test_cancels(self) -> None:
        """server-api.md 16, fact 20: exactly one POST is made, and the task that the Server names is cancelled."""
        first, second = self.add_job(2)
        self.set_status(second, "cancel-requested")
        self.pusher.startService()
        self.pump(0.25, step=0.05)
        self.assertEqual((self.pushes(), self.cancels.asked), ([(0.0, 0)], [(second.id,)]))
        self.assertEqual(self.statuses(first), ["queued"])

    def test_what_counts(self) -> None:
        """server-api.md 12.1: with intervals of 30 s and 0.3 s an update is pushed after a second."""
        self.start()
        self.enqueue_some(1)
        self.until(1.0)
        self.assertEqual(self.pushes(), [(0.0, 0), (1.0, 1)])


class LastPushTests(PushTestCase):
    """server-api.md 17.15: what waits is told before the Manager stops."""

    def test_all(self) -> None:
        """Everything that waits is pushed once."""
        self.enqueue_some(2)
        self.result_of(self.pusher.last_push(5.0))
        self.assertEqual((self.pushes(), self.waiting()), ([(0.0, 2)], 0))

    def test_nothing(self) -> None:
        """With nothing to tell nobody is disturbed."""
        self.result_of(self.pusher.last_push(5.0))
        self.assertEqual(self.pushes(), [])

    def test_time_limit(self) -> None:
        """A silent Server does not keep the Manager from stopping, and nothing is lost."""
        self.enqueue_some(2)
        self.server.behave(Silent())
        last = self.begun(self.pusher.last_push(5.0))
        self.pump(4.9, step=0.7)
        self.assertNoResult(last)
        self.pump(0.2)
        self.successResultOf(last)
        self.assertEqual((self.waiting(), self.timers()), (2, []))

    def test_after_one_in_flight(self) -> None:
        """A push that is in flight ends first: there are never two."""
        self.enqueue_some(1)
        self.server.behave(Slow(3.0), endpoint=Endpoint.PUSH, times=1)
        self.start()
        stopped = self.pusher.stopService()
        self.enqueue_some(1)
        last = self.begun(self.pusher.last_push(5.0))
        self.pump(2.0)
        self.assertEqual(self.server.record.requests[Endpoint.PUSH], 1)
        self.pump(1.0)
        self.successResultOf(stopped)
        self.successResultOf(last)
        self.assertEqual((self.server.record.requests[Endpoint.PUSH], self.waiting()), (2, 0))

    def test_refused(self) -> None:
        """A Server that refuses does not keep the Manager from stopping either."""
        self.enqueue_some(1)
        self.server.behave(Refuse(403))
        self.result_of(self.pusher.last_push(5.0))
        self.assertEqual(self.waiting(), 1)
