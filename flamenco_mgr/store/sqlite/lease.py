"""The lease of a store that one process has for itself."""

from collections.abc import Collection
from os import getpid
from socket import gethostname

from attrs import field, frozen
from zope.interface import implementer

from flamenco_mgr.store.interfaces import ILease, Wish


@implementer(ILease)
@frozen(eq=False)
class OwnLease:
    """Provides `ILease`: always held, as the lock of the store's directory keeps other Managers away."""

    held: bool = True
    fence: int = 0
    holder: str = field(init=False, factory=lambda: f"{gethostname()}, process {getpid()}")

    @property
    def managers(self) -> tuple[str, ...]:
        """See `ILease.managers`."""
        return (self.holder,)

    async def look(self) -> frozenset[Wish]:
        """Return nothing: there is nobody else to wish anything."""
        return frozenset()

    async def confirm(self) -> None:
        """Return at once."""

    async def wish(self, wishes: Collection[Wish]) -> None:
        """Not needed: who has the lease does what it wants."""

    async def release(self) -> None:
        """Keep it: it ends with the lock."""
