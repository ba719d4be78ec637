"""What stands in the Server's books: tasks and jobs."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from attrs import define, field

from flamenco_mgr.demo.standin.statuses import JobStatus


@define(eq=False, kw_only=True)
class StandInTask:
    """
    A task; ``updated`` is its ``_updated`` to the millisecond, which the document has only to the second.

    The document is never changed but replaced, so that whoever is still writing an answer has what was then true.
    """

    document: Mapping[str, Any]
    updated: int

    @property
    def id(self) -> str:
        """The task's id."""
        return str(self.document["_id"])

    @property
    def name(self) -> str:
        """What people call the task."""
        return str(self.document["name"])

    @property
    def job(self) -> str:
        """The id of the task's job, which a user may have deleted."""
        return str(self.document["job"])

    @property
    def manager(self) -> str:
        """The id of the Manager that is to have the task run."""
        return str(self.document["manager"])

    @property
    def status(self) -> str:
        """What the Server believes the task to be."""
        return str(self.document["status"])

    @property
    def etag(self) -> str:
        """What a Manager compares its copy by."""
        return str(self.document["_etag"])

    @property
    def parents(self) -> tuple[str, ...]:
        """The ids of the tasks that are to be completed first."""
        return tuple(self.document.get("parents", ()))


@define(eq=False, kw_only=True)
class StandInJob:
    """
    A job; ``counts`` has how many of its tasks are in each status, so that no update needs to look at all of them.

    ``newest`` is no earlier than the latest ``_updated`` of its tasks.
    """

    id: str
    name: str
    manager: str
    status: JobStatus
    tasks: dict[str, StandInTask] = field(init=False, factory=dict)
    counts: Counter[str] = field(init=False, factory=Counter)
    newest: int = field(init=False, default=0)
