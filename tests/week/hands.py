"""Which task is in whose hands, as the machines themselves know it."""

from collections import defaultdict
from collections.abc import Callable
from math import inf

from attrs import define, field, frozen


@frozen(kw_only=True)
class Hand:
    """A machine's run of a task; ``heard_at`` tells when the Manager last answered that machine."""

    machine: str
    task: str
    since: float
    heard_at: Callable[[], float]


@define(eq=False, kw_only=True)
class Hands:
    """
    Holds what machines are working on: each from when it was given a task until it ended, died, or was told no.

    ``silent`` is after how many seconds a worker times out. ``requeued`` tells when a user last had a task queued
    again, ``is_forgotten`` whether an operator has had a machine forgotten, ``has_lost`` whether a machine has lost its
    run in yet another way. These, and a worker that is not heard of, are the reasons for which a task may go to
    somebody else while a machine is still on it; that one then hears no when it asks again.
    """

    silent: float
    requeued: Callable[[str], float]
    is_forgotten: Callable[[str], bool]
    has_lost: Callable[[Hand], bool] = lambda _: False
    _held: defaultdict[str, dict[str, Hand]] = field(init=False, factory=lambda: defaultdict(dict))

    @property
    def tasks(self) -> frozenset[str]:
        """The tasks that are in somebody's hands."""
        return frozenset(task for task, hands in self._held.items() if hands)

    def taken(self, hand: Hand, now: float) -> str:
        """Note that a machine was given a task; return what is wrong with that."""
        others = [one for one in self._held[hand.task].values() if one.machine != hand.machine]
        self._held[hand.task][hand.machine] = hand
        for other in others:
            if not (
                self.requeued(hand.task) >= other.since
                or self.is_forgotten(other.machine)
                or self.has_lost(other)
                or now - other.heard_at() >= self.silent
            ):
                return f"{hand.machine} got task {hand.task}, which is in the hands of {other.machine}"
        return ""

    def confirmed(self, hand: Hand, asked: float = inf) -> str:
        """Note that a machine that asked then was told to go on; return what is wrong with that."""
        for other in self._held[hand.task].values():
            if other.machine != hand.machine and hand.since < other.since <= asked:
                return f"{hand.machine} may go on with task {hand.task}, which was given to {other.machine} later"
        return ""

    def dropped(self, hand: Hand) -> None:
        """Note that a machine is on its task no more."""
        if self._held[hand.task].get(hand.machine) is hand:
            del self._held[hand.task][hand.machine]
