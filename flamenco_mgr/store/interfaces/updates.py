"""What the Server has yet to hear."""

from collections.abc import Awaitable, Callable, Sequence

from attrs import frozen
from zope.interface import Interface

from flamenco_mgr.domain.events import Event
from flamenco_mgr.domain.updates import QueuedUpdate, TaskUpdate
from flamenco_mgr.store.interfaces.overview import Page, Place

TAKEN_FOR = 30.0
"""Seconds for which a parked update is its taker's; acts end sooner, or their process has died."""


@frozen(kw_only=True)
class ParkedUpdate:
    """An update that the Server refuses, out of the way of the others, with the Server's words."""

    update: TaskUpdate
    reason: str
    since: float


@frozen(kw_only=True)
class Backlog:
    """
    How much the Server has yet to hear.

    ``oldest`` is when the first one that waits came, or was last added to (seconds since 1970, UTC); None for none.
    """

    waiting: int = 0
    oldest: float | None = None
    parked: int = 0


class IUpdateQueue(Interface):
    """What the Server has yet to hear, in order."""

    def waiting() -> Awaitable[int]:
        """Return how many updates wait."""

    def oldest(max_count: int, max_bytes: int) -> Awaitable[tuple[QueuedUpdate, ...]]:
        """
        Return the oldest updates in order: at most ``max_count`` (0: no limit) of about ``max_bytes`` altogether.

        There is at least one if any waits.
        """

    def add(update: TaskUpdate, event: Event | None = None) -> Awaitable[None]:
        """Queue an update for a task that is not here, and record ``event`` with that; the same id twice is once."""

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

    def backlog() -> Awaitable[Backlog]:
        """Return how many updates wait and how many are parked; costs the same however many there are."""

    def waiting_page(task_id: str | None, after: Place | None, limit: int) -> Awaitable[Page[QueuedUpdate]]:
        """
        Return a page of the updates that wait, of one task or all, the oldest first; `final_waits` is not found out.

        A page may be shorter than ``limit`` though there are more. Raises ValueError if ``after`` is no place of it.
        """

    def parked_page(after: Place | None, limit: int) -> Awaitable[Page[ParkedUpdate]]:
        """Return a page of the parked updates in the order in which they waited; ValueError as for `waiting_page`."""

    def parked_one(update_id: str) -> Awaitable[ParkedUpdate | None]:
        """Return a parked update, None if it is not parked."""

    def take_parked(update_id: str, taker: str, now: float) -> Awaitable[bool]:
        """
        Leave it to ``taker`` alone what becomes of a parked update, for the next `TAKEN_FOR` seconds.

        False if it is not parked, or taken by another one, whatever Manager that is in. The same taker may take it
        again. It stays parked.
        """

    def drop_parked(update_id: str, event: Event | None = None) -> Awaitable[bool]:
        """Forget a parked update, and record ``event`` with that; False if it is not parked."""

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
