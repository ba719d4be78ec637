"""What the farm and the links to the Server ask of each other."""

from collections.abc import Awaitable, Callable, Collection
from typing import BinaryIO

from attrs import define, field, frozen
from zope.interface import Interface

from flamenco_mgr.domain.log_requests import LogRequest
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


class INotifier(Interface):
    """Tells the Server about this Manager."""

    def task_types_changed() -> None:
        """Tell the Server which task types the farm supports now, at once and again until it has heard."""


class ICancels(Interface):
    """Obeys the Server's wishes to cancel tasks; provided by the farm, called after each push."""

    def cancel(task_ids: Collection[str]) -> Awaitable[None]:
        """Do what is to be done now for each of these tasks (server-api.md 5.6)."""


class LogNotHere(Exception):
    """A log is not here, and nobody can say that it does not exist."""


@frozen(eq=False, kw_only=True)
class ArchivedLog:
    """A compressed log that is complete and does not change; whoever has it closes the file. The size is in bytes."""

    file: BinaryIO = field(repr=False)
    name: str
    size: int


class ILogArchive(Interface):
    """Compressed copies of task logs; provided by the farm."""

    def archived(wanted: LogRequest, go_on: Callable[[], bool]) -> Awaitable[ArchivedLog | None]:
        """
        Return the log as it is now, or a placeholder if it does not exist (server-api.md 7).

        ``go_on`` is asked now and then; when it says no, the result is None. Raises `LogNotHere`, and `OSError` if the
        files cannot be read or written.
        """


@define(eq=False, kw_only=True)
class PushCounts:
    """What became of the pushes: requests that went well, that failed; batches split, updates parked."""

    succeeded: int = 0
    failed: int = 0
    split: int = 0
    parked: int = 0


@frozen(kw_only=True)
class ServerHealth:
    """
    How it stands with the Server.

    ``reachable`` is None before anything was asked, ``since`` when that began; ``reason`` says why it cannot be
    reached, ``refusal`` how it refuses our credentials. ``is_asked``: whether it is asked about tasks before they are
    handed out, which it is not while the circuit breaker is open. Instants are in seconds since 1970, UTC;
    ``clock_offset`` is by how many seconds its clock is ahead of ours.
    """

    reachable: bool | None = None
    since: float | None = None
    reason: str = ""
    refusal: str = ""
    is_asked: bool = True
    last_push: float | None = None
    clock_offset: float = 0.0
    pushes: PushCounts = field(factory=PushCounts)


class IServerHealth(Interface):
    """Knows how it stands with the Server."""

    def health() -> ServerHealth | None:
        """Return how it stands; None if we are linked to no Server."""
