"""Whether the duties that one Manager does for all are ours."""

from collections.abc import Awaitable, Collection
from enum import Enum

from zope.interface import Attribute, Interface


class Wish(Enum):
    """What any Manager may want of the one that has the lease."""

    DOWNLOAD = "download"
    DOWNLOAD_NOW = "now"
    PUSH = "push"
    TASK_TYPES = "types"


LOOK_EVERY = 0.25
"""Seconds between two looks at the lease of whoever has it, or wants it."""


class ILease(Interface):
    """
    Whether the duties that one Manager does for all that share the store are ours (design.md 3.6).

    A store that one Manager has for itself is always leased to it. Nothing here compares the clocks of two machines.
    """

    held: bool = Attribute("Whether it is ours, as far as our own clock can tell; costs nothing.")
    fence: int = Attribute("The number of our term. It grows with each; who has a lower one must not act any more.")
    holder: str = Attribute("Who has it, for people; empty if nobody does, or nobody has looked yet.")

    managers: tuple[str, ...] = Attribute(
        "The names of the Managers that share the store and were there within about the last half minute, sorted."
    )

    def look() -> Awaitable[frozenset[Wish]]:
        """
        Keep the lease, obtain it if its holder is gone, or watch it; called every `LOOK_EVERY` seconds.

        Return what other Managers have wished of its holder since the last look, nothing if that is not us.
        """

    def confirm() -> Awaitable[None]:
        """
        Return if the lease is ours for certain, which costs nothing mostly; else raise `LeaseLost`.

        Each step of a duty begins with it. A process that was stopped and goes on finds out here.
        """

    def wish(wishes: Collection[Wish]) -> Awaitable[None]:
        """Let the holder know what is wanted; it hears of it within a second."""

    def release() -> Awaitable[None]:
        """Let others have it now; it is not obtained again by this process. Never fails."""
