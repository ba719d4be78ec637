"""Duties run where the lease is, and what is wanted of them goes there."""

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from flamenco_mgr.farm.leased import WhereLeased
from flamenco_mgr.farm.wishes import WishedNotice, WishedTurn, Wishes
from flamenco_mgr.periodic import IKickable
from flamenco_mgr.server.interfaces import INotifier
from flamenco_mgr.store.interfaces import LOOK_EVERY, ILease, Wish
from tests.leases import ScriptedLease


@define(eq=False)
class Duty(Service):
    """A duty whose stop takes as long as it is told."""

    starts: int = 0
    ended: "Deferred[None]" = field(factory=lambda: succeed(None))

    def startService(self) -> None:
        super().startService()
        self.starts += 1

    def stopService(self) -> "Deferred[None]":
        super().stopService()
        return self.ended


class LeasedCase(SynchronousTestCase):
    """A duty that is done by one Manager, and a lease that this one may have."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.lease = ScriptedLease()
        self.duty = Duty()
        self.done: list[Wish] = []
        self.wishes = Wishes(
            lease=self.lease,
            fulfil={wish: lambda wish=wish: self.done.append(wish) for wish in Wish},  # type: ignore[misc]
        )
        self.leased = WhereLeased(lease=self.lease, duties=[self.duty], wishes=self.wishes, clock=self.clock)
        self.addCleanup(self.stop)

    def start(self) -> None:
        """Start, and let the first look be over."""
        self.leased.startService()
        self.clock.advance(0)
        self.lease.told.clear()
        self.done.clear()

    def stop(self) -> None:
        if self.leased.running:
            self.successResultOf(self.leased.stopService())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def look(self) -> None:
        """Let the next look be over."""
        self.clock.advance(LOOK_EVERY)


class WhereLeasedTests(LeasedCase):
    def test_fake(self) -> None:
        """The tests' lease provides the interface."""
        verifyObject(ILease, self.lease)

    def test_not_held(self) -> None:
        """Without the lease no duty runs."""
        self.start()
        self.look()
        self.assertFalse(self.duty.running)

    def test_held_from_the_beginning(self) -> None:
        """With a lease that is held from the beginning, as an embedded store's is, the duties start at once."""
        self.lease.held = True
        self.leased.startService()
        self.assertTrue(self.duty.running)

    def test_obtained_and_lost(self) -> None:
        """The duties start when the lease is obtained, and stop when it is lost, as often as that happens."""
        self.start()
        for number in (1, 2):
            self.lease.obtain()
            self.look()
            self.assertEqual((self.duty.running, self.duty.starts), (True, number))
            self.lease.held = False
            self.look()
            self.assertFalse(self.duty.running)

    def test_new_term(self) -> None:
        """If the lease was lost and obtained again between two looks, the duties stop before they start again."""
        self.start()
        self.lease.obtain()
        self.look()
        self.duty.ended = Deferred()
        self.lease.obtain()
        self.look()
        self.look()
        self.assertEqual((self.duty.running, self.duty.starts), (False, 1))
        self.duty.ended.callback(None)
        self.look()
        self.assertEqual((self.duty.running, self.duty.starts), (True, 2))

    def test_store_unavailable(self) -> None:
        """A store that cannot say who has the lease ends nothing by itself, and the looks go on."""
        self.start()
        self.lease.obtain()
        self.look()
        self.lease.unavailable = True
        self.look()
        self.assertTrue(self.duty.running)
        self.lease.held = False  # three seconds later
        self.look()
        self.assertFalse(self.duty.running)

    def test_bad_stop(self) -> None:
        """A duty that cannot be stopped in order is logged, and does not keep the others from the next term."""
        self.start()
        self.lease.obtain()
        self.look()
        self.duty.ended = Deferred()
        self.lease.held = False
        self.look()
        self.duty.ended.errback(ZeroDivisionError())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.lease.obtain()
        self.look()
        self.assertTrue(self.duty.running)

    def test_stop(self) -> None:
        """``stopService`` waits for the duties; the lease stays, for the last words."""
        self.start()
        self.lease.obtain()
        self.look()
        self.duty.ended = Deferred()
        stopped = self.leased.stopService()
        self.assertNoResult(stopped)
        self.duty.ended.callback(None)
        self.successResultOf(stopped)
        self.assertTrue(self.lease.held)


class WishesTests(LeasedCase):
    def test_interfaces(self) -> None:
        """What the farm is given provides what it asks for."""
        verifyObject(IKickable, WishedTurn(wishes=self.wishes, wish=Wish.PUSH))
        verifyObject(INotifier, WishedNotice(wishes=self.wishes))

    def test_here(self) -> None:
        """Where the lease is a wish is fulfilled at once."""
        self.lease.held = True
        self.start()
        WishedTurn(wishes=self.wishes, wish=Wish.PUSH).kick()
        WishedNotice(wishes=self.wishes).task_types_changed()
        self.assertEqual(self.done, [Wish.PUSH, Wish.TASK_TYPES])
        self.look()
        self.assertEqual(self.lease.told, [])

    def test_elsewhere(self) -> None:
        """Elsewhere the holder is told within half a second, once, however often something was wished."""
        self.start()
        for _ in range(3):
            self.wishes.want(Wish.DOWNLOAD)
        self.wishes.want(Wish.PUSH)
        self.look()
        self.look()
        self.assertEqual(self.lease.told, [{Wish.DOWNLOAD, Wish.PUSH}])
        self.assertEqual(self.done, [])

    def test_of_others(self) -> None:
        """What others wish is fulfilled by the holder."""
        self.lease.held = True
        self.start()
        self.lease.others_wish.add(Wish.DOWNLOAD)
        self.look()
        self.assertEqual(self.done, [Wish.DOWNLOAD])

    def test_kept(self) -> None:
        """What could not be told, as the store could not answer, is told later."""
        self.start()
        self.wishes.want(Wish.TASK_TYPES)
        self.lease.unavailable = True
        self.look()
        self.lease.unavailable = False
        self.look()
        self.assertEqual(self.lease.told, [{Wish.TASK_TYPES}])

    def test_obtained_with_wishes(self) -> None:
        """Who obtains the lease begins all duties anew, and so has fulfilled what it had wished of another."""
        self.start()
        self.wishes.want(Wish.DOWNLOAD)
        self.lease.obtain()
        self.look()
        self.look()
        self.assertEqual((self.lease.told, self.done), ([], []))

    def test_started(self) -> None:
        """
        A Manager that starts without the lease wishes that the Server hears of the task types.

        It may have died before, just when they had changed.
        """
        self.leased.startService()
        self.clock.advance(0)
        self.assertEqual(self.lease.told, [{Wish.TASK_TYPES}])
