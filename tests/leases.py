"""A lease whose fate a test decides."""

from collections.abc import Collection
from typing import Any

from attrs import define, field
from zope.interface import implementer

from flamenco_mgr.store.interfaces import ILease, LeaseLost, StoreUnavailable, Wish


@implementer(ILease)
@define(eq=False)
class ScriptedLease:
    """
    Is held as the test says.

    ``others_wish`` is what the next look brings, ``told`` what was wished of the holder. ``asleep``: the process was
    stopped while it was lost, and does not know yet. ``unavailable``: the store cannot answer.
    """

    held: bool = False
    fence: int = 1
    holder: str = ""
    managers: tuple[str, ...] = ()
    asleep: bool = False
    unavailable: bool = False
    others_wish: set[Wish] = field(factory=set)
    told: list[frozenset[Wish]] = field(factory=list)
    confirmed: int = 0

    def obtain(self) -> None:
        """Begin a new term."""
        self.held = True
        self.fence += 1

    async def look(self) -> frozenset[Wish]:
        self._check()
        wishes, self.others_wish = frozenset(self.others_wish), set()
        return wishes

    async def confirm(self) -> None:
        self._check()
        if self.asleep or not self.held:
            self.held = False
            raise LeaseLost("another Manager has the duties")
        self.confirmed += 1

    async def wish(self, wishes: Collection[Wish]) -> None:
        self._check()
        self.told.append(frozenset(wishes))

    async def release(self) -> None:
        self.held = False

    def _check(self) -> None:
        if self.unavailable:
            raise StoreUnavailable("nobody answers")


@define(eq=False, kw_only=True)
class StoreWithLease:
    """A store whose lease is the test's; all else is that store's."""

    store: Any
    lease: ILease

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)
