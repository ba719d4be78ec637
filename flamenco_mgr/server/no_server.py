"""A Manager that is linked to no Server."""

from attrs import frozen
from zope.interface import implementer

from flamenco_mgr.domain.tasks import Task
from flamenco_mgr.periodic import IKickable
from flamenco_mgr.server.interfaces import Checked, INotifier, IServerHealth, ITaskChecker, ServerHealth


@implementer(ITaskChecker, IKickable, INotifier, IServerHealth)
@frozen(eq=False)
class NoServer:
    """Tasks are as they are here, and there is nobody to ask or to tell."""

    async def check(self, task: Task, deadline: float) -> Checked:  # noqa: ARG002 nobody is asked
        """Say that the task is as it was."""
        return Checked()

    def kick(self) -> None:
        """Do nothing: there is nobody to turn to."""

    def download_now(self) -> None:
        """Do nothing: there is nobody to ask."""

    async def last_push(self, seconds: float) -> None:
        """Do nothing: nobody is to be told."""

    def task_types_changed(self) -> None:
        """Do nothing: nobody wants to know."""

    def health(self) -> ServerHealth | None:
        """Return None: there is no Server that could be well."""
        return None
