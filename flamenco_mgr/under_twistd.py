"""The service that twistd is given: it brings the log, and the end of a process that cannot start."""

import sys
from collections.abc import Callable
from typing import Any, ClassVar

from twisted.application.service import MultiService
from twisted.logger import ILogObserver, Logger
from twisted.python.components import Componentized

from flamenco_mgr.exit_status import (
    StartError,
    WayToTheTerminal,
    end_with,
    say,
    stop_once_running,
    without_stack_trace,
)
from flamenco_mgr.log_output import LogOutput, reopen_on_signals


class UnderTwistd(MultiService):
    """
    What a service, such as the Manager, needs to be one of twistd's; it becomes a part of this.

    ``log_output`` is None when the operator has chosen a log of twistd's own. It is set up when twistd makes this a
    part of its application: that is before a daemon is made of the process, and before the first event. Where a daemon
    was typed somebody waits until it has `begun`, or gives up.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(self, log_output: LogOutput | None, *, daemon: bool) -> None:
        super().__init__()
        self._log_output = log_output
        self._daemon = daemon
        self._terminal = WayToTheTerminal()
        self._signals_as_before: Callable[[], None] = lambda: None

    def setServiceParent(self, parent: Any) -> None:
        """Become part of twistd's application, and give it its log."""
        if isinstance(parent, Componentized):
            self._set_up(parent)
        super().setServiceParent(parent)

    def privilegedStartService(self) -> None:
        """Start what needs privileges, or say why not."""
        if self._daemon:  # the process that was typed waits, and may be interrupted
            self._signals_as_before = stop_once_running()
        self._start(super().privilegedStartService)

    def startService(self) -> None:
        """Start, or say why not."""
        self._start(super().startService)
        self._signals_as_before()

    def begun(self) -> None:
        """Let whoever typed the command go on: the service serves, or waits for what it needs. Twice is once."""
        self._terminal.serves()

    def give_up(self, reason: str) -> None:
        """End the process with status 1, and this line, because the service cannot start after all."""
        error = StartError(reason)
        self._tell(error)
        if not self._daemon and sys.__stderr__ is not None:
            say(sys.__stderr__, error)
        end_with(1)

    def _set_up(self, application: Componentized) -> None:
        sink = None
        if self._log_output is not None:
            try:
                sink = self._log_output.sink()
            except OSError as e:
                raise SystemExit(f"flamenco-manager: the log file cannot be opened: {e}") from e
            application.setComponent(ILogObserver, self._log_output.observer(sink))
        reopen_on_signals(sink)
        sys.excepthook = without_stack_trace
        if self._daemon:
            self._terminal.lay()
        else:
            self._signals_as_before = stop_once_running()

    def _start(self, start: Callable[[], None]) -> None:
        try:
            start()
        except StartError as e:
            self._tell(e)
            raise

    def _tell(self, error: StartError) -> None:
        self._terminal.tell(error)
        if self._daemon or self._log_output is None or self._log_output.path is not None:
            self._log.critical("The Manager cannot start: {reason}", reason=str(error))
