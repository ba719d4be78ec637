"""Tasks are counted and old events forgotten, a little at a time, where the lease is."""

from collections.abc import Awaitable
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.events import Event
from flamenco_mgr.farm.bookkeeping import Bookkeeper
from flamenco_mgr.farm.slices import Slices
from flamenco_mgr.store.interfaces import EventsAsked, ILease
from flamenco_mgr.store.sqlite import SQLiteStore
from tests.leases import ScriptedLease
from tests.store.contract.case import pumped

DAY = 86400.0


class BookkeeperTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(40 * DAY)
        self.store = SQLiteStore.in_memory(self.clock)

    def keeper(self, lease: ILease | None = None) -> Bookkeeper:
        return Bookkeeper(
            overview=self.store.overview,
            history=self.store.history,
            slices=Slices(lease=lease or self.store.lease, clock=self.clock),
            clock=self.clock,
            max_age=30 * DAY,
        )

    def do(self, awaitable: Awaitable[Any]) -> Any:
        return self.successResultOf(pumped(self.clock, awaitable))

    def happen(self, at: float, count: int) -> None:
        for _ in range(count):
            self.do(self.store.history.note(Event(at=at, kind="operator")))

    def ages(self) -> list[float]:
        """Return the ages of all events, in days."""
        page = self.do(self.store.history.events(EventsAsked(), None, 1000, newest_first=False))
        return [round((self.clock.seconds() - one.event.at) / DAY, 3) for one in page.items]

    def test_forget(self) -> None:
        """Events are forgotten that are older than the limit, however many they are; one of just that age stays."""
        now = self.clock.seconds()
        self.happen(now - 31 * DAY, 700)
        self.happen(now - 30 * DAY, 1)
        self.happen(now, 2)
        self.do(self.keeper().forget())
        self.assertEqual(self.ages(), [30, 0, 0])

    def test_without_lease(self) -> None:
        """A Manager that has lost the lease forgets nothing, and counts nothing."""
        self.happen(0.0, 1)
        keeper = self.keeper(ScriptedLease())
        self.do(keeper.forget())
        self.do(keeper.recount())
        self.assertEqual(len(self.ages()), 1)
