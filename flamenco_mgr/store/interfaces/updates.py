"""What the Server has yet to hear."""

from collections.abc import Awaitable, Callable, Sequence

from attrs import frozen
from zope.interface import Interface

from flamenco_mgr.domain.updates import QueuedUpdate, TaskUpdate


@frozen(kw_only=True)
class ParkedUpdate:
    """An update that the Server refuses, out of the way of the others, with the Server's words."""

    update: TaskUpdate
    reason: str
    since: float


class IUpdateQueue(Interface):
    """What the Server has yet to hear, in order."""

    def waiting() -> Awaitable[int]:
        """Return how many updates wait."""

    def oldest(max_count: int, max_bytes: int) -> Awaitable[tuple[QueuedUpdate, ...]]:
        """
        Return the oldest updates in order: at most ``max_count`` (0: no limit) of about ``max_bytes`` altogether.

        There is at least one if any waits.
        """

    def add(update: TaskUpdate) -> Awaitable[None]:
        """Queue an update for a task that is not here; the same id twice is once."""

    def handled(updates: Sequence[QueuedUpdate]) -> Awaitable[None]:
        """
        Forget updates that the Server has; a version that grew meanwhile stays.

        The tasks concerned carry the number of this receipt from now on (`Standing.acked`).
        """

    def unhandled(updates: Sequence[QueuedUpdate]) -> Awaitable[None]:
        """Count once more that the Server answered well and yet did not take these."""

    def park(update: QueuedUpdate, reason: str, now: float) -> Awaitable[None]:
        """Move an update that the Server refuses out of the queue, with its words."""

    def parked() -> Awaitable[tuple[ParkedUpdate, ...]]:
        """Return the updates that were parked, oldest first."""

    def receipts() -> Awaitable[int]:
        """
        Return the number of the latest receipt, or of one that was the latest up to a second ago.

        It is asked for when a request to the Server begins. A number that is too low is on the safe side.
        """

    def purge(export: Callable[[TaskUpdate | None], None] | None) -> Awaitable[int]:
        """
        Hand every waiting update to ``export``, and None at the end; then remove these, and return how many there were.

        If ``export`` fails, nothing is removed.
        """
