"""A job as its compiler hands it in: no ids, no statuses yet."""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen


@frozen(kw_only=True)
class TaskDraft:
    """
    A task to be made; ``parents`` are places in the job's tasks, and ``priority`` may be negative.

    ``commands`` are as on the wire; drafts, and the tasks made of them, may share one list.
    """

    name: str
    task_type: str
    commands: Sequence[Mapping[str, Any]]
    parents: tuple[int, ...] = ()
    priority: int = 50


@frozen(kw_only=True)
class JobDraft:
    """A job to be made; ``priority`` is 1 to 100."""

    name: str
    job_type: str
    tasks: Sequence[TaskDraft]
    priority: int = 50
