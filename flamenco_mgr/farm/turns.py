"""Turns at work that is slow, so that nobody who comes often keeps out who comes seldom."""

from collections import deque

from attrs import define, field
from twisted.internet.defer import Deferred

from flamenco_mgr.domain.guessing import gives_way
from flamenco_mgr.store.interfaces import StoreUnavailable


class TooBusy(StoreUnavailable):
    """So many secrets are being checked that this one has to come again."""


@define(eq=False, kw_only=True)
class Turns:
    """
    Gives a turn to so many at once (``slots``), and lets ``most`` others wait.

    Addresses take turns, however many wait at each.
    """

    slots: int
    most: int
    _taken: int = field(init=False, default=0)
    _waiting: dict[str, deque["Deferred[None]"]] = field(init=False, factory=dict)

    async def take(self, address: str) -> None:
        """Wait for a turn, which ends with `give_back`; raises `TooBusy` if there are too many, maybe after a while."""
        if self._taken < self.slots:
            self._taken += 1
            return
        loser = gives_way({name: len(queue) for name, queue in self._waiting.items()}, address, self.most)
        if loser == address:
            raise TooBusy("too many secrets are being checked; ask again later")
        if loser is not None:
            sent_away = self._waiting[loser].pop()
            if not self._waiting[loser]:
                del self._waiting[loser]
            sent_away.errback(TooBusy("too many secrets are being checked; ask again later"))
        turn: Deferred[None] = Deferred()
        self._waiting.setdefault(address, deque()).append(turn)
        await turn

    def give_back(self) -> None:
        """Let the next one have the turn: the first of the address that has waited longest for one."""
        if not self._waiting:
            self._taken -= 1
            return
        address = next(iter(self._waiting))
        queue = self._waiting.pop(address)
        turn = queue.popleft()
        if queue:
            self._waiting[address] = queue
        turn.callback(None)
