"""How a process that twistd runs ends: with one readable line if it cannot start, with our status if it is done."""

import atexit
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import TextIO

from attrs import define, field
from twisted.internet.error import ReactorNotRunning
from twisted.internet.interfaces import IReactorCore


class StartError(Exception):
    """
    The Manager cannot start; the text is the one line that the operator reads.

    Raised in ``privilegedStartService`` or ``startService``, where twistd removes the pid file and ends with status 1.
    """


def end_with(status: int) -> None:
    """
    Stop the reactor, and let the process end with this status once twistd has cleaned up after itself.

    twistd returns 0 whatever happened while the reactor ran. The status is therefore set in the last moment, by the
    interpreter's exit handler; had the process left earlier, its pid file would stay.
    """
    from twisted.internet import reactor  # noqa: PLC0415 importing it chooses the reactor, which is up to twistd

    atexit.register(_leave, status)
    IReactorCore(reactor).callWhenRunning(_stop)


def stop_once_running() -> Callable[[], None]:
    """
    Let SIGTERM and SIGINT end a process that is starting as they end one that runs: in order, with its pid file.

    What is returned undoes that, for the moment when the reactor runs: it minds SIGINT only if nobody else does.
    """
    from twisted.internet import reactor  # noqa: PLC0415 as above

    def stop(_number: int, _frame: FrameType | None) -> None:
        IReactorCore(reactor).callWhenRunning(_stop)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}

    def as_before() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    return as_before


def _stop() -> None:
    from twisted.internet import reactor  # noqa: PLC0415 as above

    with contextlib.suppress(ReactorNotRunning):  # somebody was faster
        IReactorCore(reactor).stop()


def _leave(status: int) -> None:
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
    os._exit(status)


def without_stack_trace(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Show an error that nobody caught (as `sys.excepthook`): of a `StartError` only its text."""
    if not isinstance(error, StartError):
        sys.__excepthook__(kind, error, trace)
    elif sys.__stderr__ is not None:
        say(sys.__stderr__, error)


def say(stream: TextIO, error: BaseException) -> None:
    """Write the one line, as far as there is somebody to read it."""
    with contextlib.suppress(OSError, ValueError):
        stream.write(f"flamenco-manager: {error}\n")
        stream.flush()


@define(eq=False)
class WayToTheTerminal:
    """
    Brings the reason why a daemon cannot start to the terminal where it was typed.

    twistd itself tells at most 100 bytes of it, as the representation of a byte string. So at the fork that makes the
    daemon a pipe is laid from it to the process that was typed. That one waits until the daemon either serves, and
    goes on to twistd's own end; or has died, and then says what came through the pipe and ends with 1. It waits for
    the daemon's death, not for its word, so that the pid file is gone when the command returns.
    """

    _laid: bool = False
    _read: int = field(init=False, default=-1)
    _write: int = field(init=False, default=-1)

    def lay(self) -> None:
        """Be ready for the next fork; once a process, as there is no way to be ready no more."""
        os.register_at_fork(before=self._before, after_in_parent=self._in_parent, after_in_child=self._in_child)

    def tell(self, error: BaseException) -> None:
        """Send the reason, in the daemon. The pipe stays open until its end."""
        if self._write >= 0:
            with contextlib.suppress(OSError):
                os.write(self._write, f"flamenco-manager: {error}\n".encode())

    def serves(self) -> None:
        """Let the process that was typed end, as the daemon has begun its work."""
        if self._write >= 0:
            os.close(self._write)
            self._write = -1

    def _before(self) -> None:
        if not self._laid:
            self._read, self._write = os.pipe()

    def _in_child(self) -> None:
        if not self._laid:
            self._laid = True
            os.close(self._read)

    def _in_parent(self) -> None:
        if self._laid:
            return
        self._laid = True
        self.serves()
        with os.fdopen(self._read, "rb") as pipe:
            reason = pipe.read()
        if reason:
            os.write(2, reason)
            os._exit(1)
