"""
What the farm needs of its memory, in the domain's verbs, each at the size of a transaction.

Every method is atomic and idempotent, and its result comes only when the change is durable. Any of them fails with
`StoreUnavailable` when the store cannot answer now: nothing was acknowledged, and the same call may be made again. No
rule of the farm is in a provider: a duty gathers, the domain decides, and the provider acts only if what the decision
was based on (the revision) still holds.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from enum import Enum

from attrs import Factory, field, frozen
from zope.interface import Attribute, Interface

from flamenco_mgr.domain.tasks import Command, Task
from flamenco_mgr.domain.updates import QueuedUpdate, TaskUpdate, Transition
from flamenco_mgr.domain.workers import Worker


class StoreUnavailable(Exception):
    """The store cannot answer now (disk full, I/O error, not ready); try again later. Its text is for people."""


class StoreRefused(Exception):
    """The store cannot be opened as it is; its text is one line that says why and what to do."""


class LeaseLost(StoreUnavailable):
    """The duties that one Manager does for all are not ours now; the step that was to be done is not done."""


class Wish(Enum):
    """What any Manager may want of the one that has the lease."""

    DOWNLOAD = "download"
    PUSH = "push"
    TASK_TYPES = "types"


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
    A decided task from the Server: what it was decided on (None: it was not here), what it becomes, its commands.

    One that is ``held`` no worker gets before `ITaskStore.release`, when what came with it is known as well: its
    parents may be on the way, or about to be done again. New tasks always are.
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
class ParkedUpdate:
    """An update that the Server refuses, out of the way of the others, with the Server's words."""

    update: TaskUpdate
    reason: str
    since: float


@frozen(kw_only=True)
class WorkerBeat:
    """What was noticed of a worker since the last batch; None and the empty text leave a field as it is."""

    last_activity: float | None = None
    address: str = ""
    software: str = ""
    current_task: str | None = None
    current_task_status: str = ""
    current_task_updated: float | None = None


class ITaskStore(Interface):
    """The tasks that the Manager holds."""

    def get(task_id: str) -> Awaitable[Task | None]:
        """Return a task, or None if it is not here."""

    def commands(task_id: str) -> Awaitable[tuple[Command, ...]]:
        """Return the commands of a task; empty if it is not here."""

    def held_by(worker_id: str) -> Awaitable[tuple[Task, ...]]:
        """Return the tasks that a worker is on: active, or waiting for it to stop (cancel-requested)."""

    def candidate(worker_id: str, task_types: Sequence[str], skip: Collection[str]) -> Awaitable[Task | None]:
        """
        Return the best task that a worker may start, or None (task-lifecycle.md 4, steps 2 and 3).

        A task that is active for the worker comes first. Else: a schedulable one of these types, all parents completed
        or unknown, not failed at by this worker, and not in ``skip`` (ids that other requests are just handing out);
        the order is job priority and priority, both descending, then id. Costs the same however many tasks there are.
        It is a proposal: what it saw may not be durable yet, which its revision shows when the task is claimed.
        """

    def apply(transition: Transition) -> Awaitable[bool]:
        """
        Change a task and queue its update for the Server, both or none; False if its revision has moved on.

        The revision moves by one, also if nothing but the update is new.

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

    def counts() -> Awaitable[Mapping[str, int]]:
        """Return how many tasks there are by status; looks at every task, so not for requests."""

    def erase() -> Awaitable[int]:
        """Remove all tasks, and the mark of the last download; return how many tasks there were."""


class IWorkerStore(Interface):
    """The workers that have registered."""

    def add(worker: Worker) -> Awaitable[None]:
        """Store a new worker; the same id twice is once, and the first stays."""

    def get(worker_id: str) -> Awaitable[Worker | None]:
        """Return a worker, or None; what another process has changed of it may be unknown here for up to a second."""

    def all() -> Awaitable[tuple[Worker, ...]]:
        """Return every worker, in the order of their registration."""

    def change(before: Worker, after: Worker) -> Awaitable[bool]:
        """Change a worker; False if its revision has moved on (heartbeats do not move it) or it is gone."""

    def count() -> Awaitable[int]:
        """Return the number of workers."""

    def task_types() -> Awaitable[frozenset[str]]:
        """Return the task types that any worker supports."""

    def beat(workers: Mapping[str, WorkerBeat], pings: Mapping[str, tuple[str, float]]) -> Awaitable[None]:
        """
        Store heartbeats: what was noticed of workers by id, and for tasks by id the worker and time of its last ping.

        Times never go back. A task's ping counts only if the worker named still has it.
        """


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


class IDownloadMark(Interface):
    """Up to where the Server's tasks are known: a text of the Server's, or None after a clean slate."""

    def get() -> Awaitable[str | None]:
        """Return the mark."""

    def set(mark: str | None) -> Awaitable[None]:
        """Store the mark."""


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


class IFarmMark(Interface):
    """A value that all Managers of a farm share, by which they tell whether they share a directory as well."""

    def value(proposal: str | None) -> Awaitable[str | None]:
        """Return the value; if there is none yet, the proposal becomes it."""


class IStore(Interface):
    """The whole memory; its parts share one durability."""

    tasks: ITaskStore = Attribute("An `ITaskStore`.")
    workers: IWorkerStore = Attribute("An `IWorkerStore`.")
    updates: IUpdateQueue = Attribute("An `IUpdateQueue`.")
    mark: IDownloadMark = Attribute("An `IDownloadMark`.")
    lease: ILease = Attribute("An `ILease`.")
    farm_mark: IFarmMark | None = Attribute("An `IFarmMark`; None if only one Manager can use the store.")

    def repair() -> Awaitable[int]:
        """Put derived facts right (how many parents are open, what may run); return how many tasks were wrong."""

    def checkpoint() -> Awaitable[None]:
        """Keep bounded what the store needs beside its data; called about once a second."""

    def close() -> Awaitable[None]:
        """Finish what was begun and let go of the database."""
