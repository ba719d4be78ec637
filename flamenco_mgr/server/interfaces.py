"""What the farm and the links to the Server ask of each other."""

from collections.abc import Awaitable, Collection

from attrs import frozen
from zope.interface import Interface

from flamenco_mgr.domain.tasks import Task


@frozen(kw_only=True)
class Checked:
    """
    What asking the Server about a task has shown.

    ``changed``: the store has been changed after the Server's answer, so choose again. ``etag`` is then the etag that
    the answer had, empty if the task is gone: the same task with that etag need not be asked about again.
    """

    changed: bool = False
    etag: str = ""


class ITaskChecker(Interface):
    """Asks the Server whether a task is still as it is here (server-api.md 4)."""

    def check(task: Task, deadline: float) -> Awaitable[Checked]:
        """
        Ask about a task, until ``deadline`` (seconds of the injected clock) at the latest.

        Never fails: whoever cannot be asked has not changed anything.
        """


class IKickable(Interface):
    """A loop that can be told not to wait for its next turn."""

    def kick() -> None:
        """Ask for a turn soon, and come back at once; several kicks are one."""


class INotifier(Interface):
    """Tells the Server about this Manager."""

    def task_types_changed() -> None:
        """Tell the Server which task types the farm supports now, at once and again until it has heard."""


class ICancels(Interface):
    """Obeys the Server's wishes to cancel tasks; provided by the farm, called after each push."""

    def cancel(task_ids: Collection[str]) -> Awaitable[None]:
        """Do what is to be done now for each of these tasks (server-api.md 5.6)."""
