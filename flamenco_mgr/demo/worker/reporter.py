"""What a Worker says of its task, and when."""

from attrs import define, field
from twisted.internet.defer import Deferred

from flamenco_mgr.demo.worker.process import WorkerProcess
from flamenco_mgr.demo.worker.update_queue import UpdateQueue
from flamenco_mgr.domain.tasks import TaskStatus

LOG_DELAY = 30.0
ACTIVITY_DELAY = 15.0
"""Seconds that log lines and activities wait at the most for something to travel with (worker-api.md 6)."""

LOG_LINES = 1000
"""More lines than this are not kept back."""


@define(eq=False, kw_only=True)
class TaskReporter:
    """
    Gathers log lines and activities into updates (worker-api.md 4.4, 6, 7).

    A change of status is pushed at once, with everything that waits. The first update of a task still carries the
    timing of the task before it, and a delayed one goes to the task that is current when its time has come.
    """

    queue: UpdateQueue
    process: WorkerProcess
    _task_id: str = field(init=False, default="")
    _status: str = field(init=False, default="")
    _activity: str = field(init=False, default="")
    _command_index: int = field(init=False, default=0)
    _command_percentage: int = field(init=False, default=0)
    _timing: dict[str, float] = field(init=False, factory=dict)
    _lines: list[str] = field(init=False, factory=list)
    _log_push: "Deferred[None] | None" = field(init=False, default=None)
    _activity_push: "Deferred[None] | None" = field(init=False, default=None)

    def begin(self, task_id: str) -> None:
        """Begin to speak of the task that is in the worker's hands now."""
        self._task_id = task_id
        self._command_index = self._command_percentage = 0
        self._activity, self._status = "", TaskStatus.ACTIVE.value
        self.push()
        self._timing = {}

    def say(self, activity: str, *, command_index: int, command_percentage: int) -> None:
        """Note that the task got on; the news can wait a little."""
        self._activity = activity
        self._command_index, self._command_percentage = command_index, command_percentage
        self._expect_activity()

    def log(self, line: str, *, at: str) -> None:
        """Add a line to the task's log; ``at`` is the time in ISO 8601. Too many lines can't wait."""
        self._lines.append(f"{at}: {line}")
        if len(self._lines) > LOG_LINES:
            self.push()
        elif self._log_push is None:
            self._log_push = self.process.later(LOG_DELAY, self.push)

    def took(self, seconds: float) -> None:
        """Add what a command took to the task's timing."""
        self._timing["total"] = self._timing.get("total", 0.0) + seconds

    def finish(self, status: TaskStatus, activity: str) -> None:
        """Say how the task ended, at once."""
        self._status, self._activity = status.value, activity
        self.push()
        self._forget()

    def refuse(self, activity: str) -> None:
        """Say that the task failed for its settings; one more update, without status and activity, comes later."""
        self.finish(TaskStatus.FAILED, activity)
        self._expect_activity()

    def give_up(self) -> None:
        """Say no more than the log: the worker may no longer run the task."""
        self._push({})
        self._forget()

    def last_words(self) -> None:
        """Push what has not been said when the process ends."""
        if self._status or self._lines:
            self.push()

    def push(self) -> None:
        """Queue an update with all that is known."""
        body: dict[str, object] = {
            "activity": self._activity,
            "current_command_idx": self._command_index,
            "task_progress_percentage": 0,
            "command_progress_percentage": self._command_percentage,
            "metrics": {"timing": dict(self._timing)},
        }
        if self._status:
            body["task_status"] = self._status
        self._push(body)

    def _push(self, body: dict[str, object]) -> None:
        for waiting in (self._log_push, self._activity_push):
            if waiting is not None:
                waiting.cancel()
        self._log_push = self._activity_push = None
        if self._lines:
            body["log"] = "\n".join(self._lines)
            self._lines = []
        self.queue.put(self._task_id, body)

    def _expect_activity(self) -> None:
        if self._activity_push is None:
            self._activity_push = self.process.later(ACTIVITY_DELAY, self.push)

    def _forget(self) -> None:
        self._status = self._activity = ""
