"""Of the Managers on one database one has the lease, whatever stops, wakes or gets lost (design.md 3.6)."""

from collections.abc import Awaitable
from typing import Any, TypeVar

from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from flamenco_mgr.store.interfaces import LOOK_EVERY, IFarmMark, ILease, LeaseLost, StoreUnavailable, Wish
from flamenco_mgr.store.mongo.collection import Collection
from flamenco_mgr.store.mongo.farm_mark import MongoFarmMark
from flamenco_mgr.store.mongo.lease import CERTAIN_FOR, HELD_FOR, RENEW_AFTER, STILL_FOR, MongoLease
from flamenco_mgr.store.mongo.link import MongoLink
from flamenco_mgr.store.mongo.marks import MongoDownloadMark
from flamenco_mgr.store.mongo.uri import MongoAddress
from tests.mongo.pump import pump
from tests.mongo.server import a_database, server, stand_in

T = TypeVar("T")


class LeaseCase(SynchronousTestCase):
    """A database for Managers, and a clock that goes at the same rate for all of them."""

    def setUp(self) -> None:
        self.mongo = server()
        self.database = a_database()
        self.clock = Clock()
        address = MongoAddress.from_text(self.mongo.url(self.database))
        self.link = MongoLink.connect(address, self.clock, reactor)
        self.settings = Collection(self.link, "settings")
        self.addCleanup(self.tear_down)

    def tear_down(self) -> None:
        self.result_of(self.link.close())
        self.mongo.drop(self.database)

    def a_lease(self, name: str, ahead: float = 0.0) -> MongoLease:
        """Return the lease as a Manager sees it whose clock is so much ahead."""
        return MongoLease(settings=self.settings, name=name, steady=lambda: self.clock.seconds() + ahead)

    def result_of(self, awaitable: Awaitable[T]) -> T:
        return self.successResultOf(pump(awaitable))

    def look(self, *leases: MongoLease) -> None:
        """Let each of them look once."""
        for lease in leases:
            self.result_of(lease.look())

    def pass_time(self, seconds: float, *looking: MongoLease) -> None:
        """Let time pass, in which these look as often as they do."""
        for _ in range(round(seconds / LOOK_EVERY)):
            self.clock.advance(LOOK_EVERY)
            self.look(*looking)

    def lost(self, lease: MongoLease) -> None:
        """See that a Manager finds out that it has lost the lease."""
        self.failureResultOf(pump(lease.confirm()), LeaseLost)
        self.assertFalse(lease.held)


class TermTests(LeaseCase):
    def test_interface(self) -> None:
        """The lease provides its interface."""
        verifyObject(ILease, self.a_lease("a"))

    def test_first(self) -> None:
        """The first Manager has the lease with its first look; before it has nothing."""
        a = self.a_lease("a")
        self.lost(a)
        self.look(a)
        self.assertEqual((a.held, a.fence, a.holder), (True, 1, "a"))
        self.result_of(a.confirm())

    def test_removed(self) -> None:
        """When somebody has removed the lease, the next term is later than the last one that has changed the mark."""
        a, b = self.a_lease("a"), self.a_lease("b")
        mark = MongoDownloadMark(self.settings, lambda: 7)
        self.result_of(mark.set("then"))
        self.look(a)
        self.assertEqual(a.fence, 8)
        self.result_of(self.settings.remove({"_id": "lease"}))
        self.look(b)
        self.assertGreaterEqual(b.fence, 8)
        self.result_of(MongoDownloadMark(self.settings, lambda: b.fence).set("now"))

    def test_kept(self) -> None:
        """As long as its holder renews it nobody else gets it."""
        a, b = self.a_lease("a"), self.a_lease("b")
        self.look(a, b)
        self.pass_time(20, a, b)
        self.assertEqual((a.held, b.held, b.holder), (True, False, "a"))
        self.lost(b)

    def test_taken_over(self) -> None:
        """A holder that renews no more is followed after four seconds and before five, with a greater number."""
        a, b = self.a_lease("a"), self.a_lease("b")
        self.look(a)
        self.pass_time(3 * LOOK_EVERY, b)
        self.pass_time(STILL_FOR - 3 * LOOK_EVERY, b)
        self.assertFalse(b.held)
        self.pass_time(1 - LOOK_EVERY, b)
        self.assertEqual((b.held, b.fence), (True, 2))

    def test_never_two(self) -> None:
        """Before somebody else can have the lease, its holder believes no longer that it is its own."""
        a, b = self.a_lease("a"), self.a_lease("b")
        self.look(a, b)
        self.clock.advance(HELD_FOR)
        self.assertFalse(a.held)
        self.look(b)
        self.assertFalse(b.held)
        self.assertLess(HELD_FOR, STILL_FOR)

    def test_clocks(self) -> None:
        """It does not matter that the clocks of two machines are hours apart, in either direction."""
        for ahead in (3600.0, -7200.0):
            a, b = self.a_lease("a"), self.a_lease("b", ahead)
            self.look(a, b)
            self.pass_time(20, a, b)
            self.assertEqual((a.held, b.held), (True, False))
            self.pass_time(5, b)
            self.assertTrue(b.held)
            self.result_of(b.release())

    def test_released(self) -> None:
        """A lease that was given back is had by the next that looks, and not again by who gave it back."""
        a, b = self.a_lease("a"), self.a_lease("b")
        self.look(a, b)
        self.result_of(a.release())
        self.look(a, b)
        self.assertEqual((a.held, b.held, b.fence), (False, True, 2))
        self.lost(a)
        self.result_of(a.release())  # is not its own to give back
        self.result_of(b.confirm())

    def test_paused(self) -> None:
        """A holder that was stopped finds out by its next step, if another has followed it; it follows in turn."""
        a, b = self.a_lease("a"), self.a_lease("b")
        self.look(a, b)
        self.pass_time(5, b)
        self.lost(a)
        self.look(a)
        self.assertEqual((a.holder, a.held), ("b", False))
        self.pass_time(5, a)
        self.assertEqual((a.held, a.fence), (True, 3))
        self.lost(b)

    def test_paused_and_nobody_there(self) -> None:
        """A holder that was stopped for long goes on in its old term if nobody has followed it."""
        a = self.a_lease("a")
        self.look(a)
        self.clock.advance(1000)
        self.assertFalse(a.held)
        self.result_of(a.confirm())
        self.assertEqual((a.held, a.fence), (True, 1))

    def test_woken_by_a_look(self) -> None:
        """A look finds out, too."""
        a, b = self.a_lease("a"), self.a_lease("b")
        self.look(a, b)
        self.pass_time(5, b)
        self.look(a)
        self.assertFalse(a.held)

    def test_at_the_same_time(self) -> None:
        """Of many that follow at the same time, one does."""
        several = [self.a_lease(str(number)) for number in range(8)]
        looks = [pump(lease.look(), seconds=0) for lease in several]
        for look in looks:
            self.result_of(_gone(look))
        self.assertEqual(sum(lease.held for lease in several), 1)

    @examples(max_examples=25, deadline=None)
    @given(st.lists(st.tuples(st.sets(st.integers(0, 2)), st.sampled_from([0.25, 0.5, 1.0, 2.0, 3.5])), max_size=25))
    def test_any_pauses(self, turns: list[tuple[set[int], float]]) -> None:
        """Whoever of three sleeps and looks when: never do two believe that it is theirs, and terms only grow."""
        leases = [self.a_lease(str(number), number * 1e6) for number in range(3)]
        terms: list[int] = []
        for awake, seconds in turns:
            self.clock.advance(seconds)
            for number in sorted(awake):
                self.look(leases[number])
                holders = [lease for lease in leases if lease.held]
                self.assertLessEqual(len(holders), 1)
                terms += [lease.fence for lease in holders]
        self.assertEqual(terms, sorted(terms))
        self.result_of(self.settings.remove({"_id": "lease"}))


class WishTests(LeaseCase):
    def test_wishes(self) -> None:
        """What a Manager wishes its holder hears once, within a second."""
        a, b = self.a_lease("a"), self.a_lease("b")
        self.look(a, b)
        self.result_of(b.wish({Wish.DOWNLOAD, Wish.TASK_TYPES}))
        self.clock.advance(RENEW_AFTER)
        self.assertEqual(self.result_of(a.look()), {Wish.DOWNLOAD, Wish.TASK_TYPES})
        self.clock.advance(RENEW_AFTER)
        self.assertEqual(self.result_of(a.look()), frozenset())

    def test_of_an_earlier_term(self) -> None:
        """What was wished before a term began is done by its beginning, and not heard again."""
        a, b = self.a_lease("a"), self.a_lease("b")
        self.look(a, b)
        self.result_of(b.wish({Wish.PUSH}))
        self.result_of(a.release())
        self.look(b)
        self.clock.advance(RENEW_AFTER)
        self.assertEqual(self.result_of(b.look()), frozenset())

    def test_nobody(self) -> None:
        """A wish before there was any holder is none."""
        a = self.a_lease("a")
        self.result_of(a.wish({Wish.PUSH}))
        self.look(a)
        self.assertTrue(a.held)


class FaultTests(LeaseCase):
    """What the stand-in can let go wrong."""

    def setUp(self) -> None:
        self.stand_in = stand_in()
        super().setUp()
        self.addCleanup(self.stand_in.work)

    def lose_answers(self, *commands: str, times: int | None = 1) -> None:
        """Let commands be carried out, and their answers be lost."""
        self.stand_in.fail(*commands, database=self.database, times=times, closeAfter=True)

    def sent(self) -> list[dict[str, Any]]:
        """Return the commands since the last time."""
        return self.stand_in.log(self.database)

    def test_cost(self) -> None:
        """To confirm costs no command within two seconds of a renewal, and to look none between two renewals."""
        a = self.a_lease("a")
        self.look(a)
        self.sent()
        self.clock.advance(RENEW_AFTER - 0.01)
        self.look(a)
        self.clock.advance(CERTAIN_FOR - RENEW_AFTER)
        self.result_of(a.confirm())
        self.assertEqual(self.sent(), [])

    def test_conditions(self) -> None:
        """A renewal states whose term it is, and which; a new term states all that was seen of the old one."""
        a, b = self.a_lease("a"), self.a_lease("b")
        self.look(a, b)
        self.sent()
        self.clock.advance(1)
        self.look(a)
        self.look(b)
        self.pass_time(5, b)
        updates = [command["updates"][0]["q"] for command in self.sent() if "update" in command]
        self.assertEqual(set(updates[0]), {"_id", "holder", "fence"})
        self.assertEqual(set(updates[1]), {"_id", "holder", "fence", "renewals"})

    def test_answer_lost(self) -> None:
        """A new term, or a renewal, whose answer is lost was one: at the latest the next look finds out."""
        a, b = self.a_lease("a"), self.a_lease("b")
        self.look(a, b)
        self.clock.advance(1)
        self.lose_answers("update")
        self.look(a)
        self.assertTrue(a.held)
        self.look(b)
        self.pass_time(STILL_FOR - LOOK_EVERY, b)
        self.lose_answers("update")
        self.clock.advance(LOOK_EVERY)
        self.look(b)
        self.look(b)
        self.assertEqual((b.held, b.fence), (True, 2))
        self.lost(a)

    def test_not_acknowledged(self) -> None:
        """A term does not begin, nor go on, with a write that most of a replica set have not got."""
        a = self.a_lease("a")
        self.stand_in.fail(
            "update", database=self.database, times=None, writeConcernError={"code": 64, "errmsg": "waiting"}
        )
        for _ in range(2):
            self.failureResultOf(pump(a.look()), StoreUnavailable)
            self.assertFalse(a.held)
        self.stand_in.work()
        self.look(a)
        self.assertTrue(a.held)

    def test_database_away(self) -> None:
        """While the database is away nobody is known to have the lease after three seconds; then its holder goes on."""
        a = self.a_lease("a")
        self.look(a)
        self.stand_in.fail(database=self.database, times=None, errorCode=13, errmsg="go away")
        self.clock.advance(1)
        self.failureResultOf(pump(a.look()), StoreUnavailable)
        self.assertTrue(a.held)
        self.clock.advance(2)
        self.failureResultOf(pump(a.confirm()), StoreUnavailable)
        self.assertEqual((a.held, a.holder), (False, ""))
        self.stand_in.work()
        self.look(a)
        self.assertEqual((a.held, a.holder, a.fence), (True, "a", 1))

    def test_release_fails(self) -> None:
        """A lease that cannot be given back is not held all the same, and ends by itself."""
        a, b = self.a_lease("a"), self.a_lease("b")
        self.look(a, b)
        self.stand_in.fail("update", database=self.database, times=None, errorCode=13, errmsg="go away")
        self.result_of(a.release())
        self.stand_in.work()
        self.assertEqual((a.held, a.holder), (False, ""))
        self.pass_time(5, b)
        self.assertTrue(b.held)


class FarmMarkTests(LeaseCase):
    def test_mark(self) -> None:
        """The first proposal is the farm's mark for ever; to ask without one changes nothing."""
        mark = MongoFarmMark(self.settings)
        verifyObject(IFarmMark, mark)
        for proposal, expected in ((None, None), ("a", "a"), ("b", "a"), (None, "a")):
            self.assertEqual(self.result_of(mark.value(proposal)), expected)


async def _gone(awaitable: Awaitable[T]) -> T:
    return await awaitable
