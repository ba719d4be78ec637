"""The tasks that the Manager holds."""

from collections.abc import Awaitable, Collection, Mapping, Sequence

from attrs import Factory, field, frozen
from zope.interface import Interface

from flamenco_mgr.domain.tasks import Command, Task
from flamenco_mgr.domain.updates import Transition
from flamenco_mgr.store.interfaces.overview import Page, Place


@frozen(kw_only=True)
class Standing:
    """
    How a task stands between this Manager and the Server.

    ``task`` is None when it is not here. ``waiting``: updates for it are in the queue; ``final_waits``: one of them
    has a final status. ``acked`` is the number of the Server's latest receipt for one of its updates, 0 for none.
    """

    task: Task | None
    waiting: bool = False
    final_waits: bool = False
    acked: int = 0


@frozen(kw_only=True)
class Import:
    """
    A decided task, mostly from the Server: what it was decided on (None if it was not here), what it becomes.

    ``commands`` are those that it has now. One that is ``held`` no worker gets before `ITaskStore.release`, when what
    came with it is known as well: its parents may be on the way, or about to be done again. New tasks are, unless it is
    known that they wait for nothing.
    """

    before: Task | None
    after: Task
    commands: tuple[Command, ...]
    held: bool = field(default=Factory(lambda self: self.before is None, takes_self=True))


@frozen(kw_only=True)
class SetAside:
    """A task of the Server's that could not be understood; its children wait. Time in seconds since 1970, UTC."""

    task_id: str
    reason: str
    document: str
    since: float


@frozen(kw_only=True)
class FailedBefore:
    """Schedulable tasks of one job and type that the same workers (their ids) failed at."""

    job: str
    task_type: str
    failed_by: frozenset[str]


class ITaskStore(Interface):
    """The tasks that the Manager holds."""

    def get(task_id: str) -> Awaitable[Task | None]:
        """Return a task, or None if it is not here."""

    def commands(task_id: str) -> Awaitable[tuple[Command, ...]]:
        """Return the commands of a task; empty if it is not here."""

    def jobs_of(task_ids: Collection[str]) -> Awaitable[Mapping[str, str]]:
        """Return the job of each of these tasks that is here, in one question however many they are."""

    def held_by(worker_id: str) -> Awaitable[tuple[Task, ...]]:
        """Return the tasks that a worker is on: active, or waiting for it to stop (cancel-requested)."""

    def candidate(
        worker_id: str, task_types: Sequence[str], skip: Collection[str], banned_since: float
    ) -> Awaitable[Task | None]:
        """
        Return the best task that a worker may start, or None (task-lifecycle.md 4, steps 2 and 3).

        A task that is active for the worker comes first. Else: a schedulable one of these types, all parents completed
        or unknown, not failed at by this worker, not of a job and type for which the worker has been blacklisted at
        or after ``banned_since`` (seconds since 1970, UTC), and not in ``skip`` (ids that other requests are just
        handing out); the order is job priority and priority, both descending, then id. Costs the same however many
        tasks there are. It is a proposal: what it saw may not be durable yet, which its revision shows when the task is
        claimed.
        """

    def apply(transition: Transition) -> Awaitable[bool]:
        """
        Change a task and queue its update for the Server, both or none; False if its revision has moved on.

        The same if it is decided ``unless_pinged``, and the task has been pinged meanwhile. The revision moves by one,
        also if nothing but the update is new.

        Tasks that waited for this one, or must wait for it again, follow at once for whoever asks this store; for those
        who ask another one on the same database, within seconds, whatever becomes of this process. An update that only
        adds words to the last one that waits for the task is merged into it (`domain.updates.merged`).
        """

    def standing(task_ids: Collection[str]) -> Awaitable[Mapping[str, Standing]]:
        """Return how each of these tasks stands; ids that are not here have a standing, too."""

    def take_in(imports: Sequence[Import]) -> Awaitable[frozenset[str]]:
        """
        Store tasks of the Server's; return the ids of those whose revision has moved on, which were left alone.

        A task that was set aside is no longer. One that is too large to be stored is set aside, and nobody gets an
        earlier copy of it.
        """

    def release(limit: int) -> Awaitable[int]:
        """Let workers have up to ``limit`` held tasks; return how many there were, 0 when none is left."""

    def set_aside(tasks: Sequence[SetAside]) -> Awaitable[None]:
        """Remember tasks that could not be understood; tasks that name one as their parent wait."""

    def aside() -> Awaitable[tuple[SetAside, ...]]:
        """Return the tasks that are set aside, at most a hundred."""

    def missing(task_ids: Collection[str]) -> Awaitable[frozenset[str]]:
        """Return which of these ids are of no task here, nor of one that is set aside."""

    def stopping(limit: int) -> Awaitable[tuple[Task, ...]]:
        """Return tasks that are cancel-requested, at most so many."""

    def active(after: str, limit: int) -> Awaitable[tuple[Task, ...]]:
        """Return active tasks in the order of their ids, those after this one, at most so many."""

    def over(before: float, after: Place | None, limit: int) -> Awaitable[Page[Task]]:
        """
        Return a page of finished tasks that last changed at or before that instant, or nobody knows when.

        Those that changed longest ago come first. ``after`` is `Page.next` of the page before, None for the first.
        """

    def remove(tasks: Sequence[Task]) -> Awaitable[frozenset[str]]:
        """
        Forget finished tasks, with their commands; return the ids of those that are gone.

        The others stay: if a task has changed or was pinged since it was read; if it is held or set aside, or updates
        of it wait for the Server; if a task that is not finished names it as its parent, or, as it did not complete,
        any task does: that one could be done again, and must not run without it.
        """

    def failures(worker_id: str, job: str, task_type: str) -> Awaitable[int]:
        """Return how many tasks of a job and type have a worker among those that failed at them."""

    def failed_before() -> Awaitable[Collection[FailedBefore]]:
        """Return which schedulable tasks were failed at, however many of each; held and blocked ones, too."""

    def waiting(job: str, task_type: str, after: str, limit: int) -> Awaitable[tuple[Task, ...]]:
        """
        Return schedulable tasks of a job and type in the order of their ids, at most so many.

        Blocked ones and held ones, too. ``after`` is the id of the last one of the page before; empty for the first.
        """

    def counts() -> Awaitable[Mapping[str, int]]:
        """Return how many tasks there are by status; looks at every task, so not for requests."""

    def erase() -> Awaitable[int]:
        """Remove all tasks, and the mark of the last download; return how many tasks there were."""
