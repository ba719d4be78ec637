"""What is wanted of the duties that one Manager does for all: done here, or told to the Manager that has them."""

from collections.abc import Callable, Collection, Mapping

from attrs import define, field, frozen
from zope.interface import implementer

from flamenco_mgr.periodic import IKickable
from flamenco_mgr.server.interfaces import INotifier
from flamenco_mgr.store.interfaces import ILease, Wish


@define(eq=False, kw_only=True)
class Wishes:
    """
    Fulfils wishes where the lease is, and keeps those for the other Manager until it was told.

    ``fulfil`` has what is to be called for each; it comes back at once.
    """

    lease: ILease
    fulfil: Mapping[Wish, Callable[[], None]]
    _untold: set[Wish] = field(init=False, factory=set)

    def want(self, wish: Wish) -> None:
        """Have a wish; several of one kind are one."""
        if self.lease.held:
            self.fulfil[wish]()
        else:
            self._untold.add(wish)

    def heard(self, wishes: Collection[Wish]) -> None:
        """Fulfil what others want."""
        for wish in wishes:
            self.fulfil[wish]()

    def forget(self) -> None:
        """Want nothing any more: the duties begin here, and begin with all that can be wished."""
        self._untold.clear()

    async def tell(self) -> None:
        """Tell what was wanted since the last time, all in one; raises `StoreUnavailable`, and it is kept."""
        if self._untold:
            told = frozenset(self._untold)
            await self.lease.wish(told)
            self._untold -= told


@implementer(IKickable)
@frozen(eq=False, kw_only=True)
class WishedTurn:
    """Provides `IKickable` for a loop that may be in another Manager."""

    wishes: Wishes
    wish: Wish

    def kick(self) -> None:
        """See `IKickable.kick`."""
        self.wishes.want(self.wish)


@implementer(INotifier)
@frozen(eq=False, kw_only=True)
class WishedNotice:
    """Provides `INotifier` by a notifier that may be in another Manager."""

    wishes: Wishes

    def task_types_changed(self) -> None:
        """See `INotifier.task_types_changed`."""
        self.wishes.want(Wish.TASK_TYPES)
