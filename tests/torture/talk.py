"""How the torturer and the processes of a farm talk: a line of JSON each way, on standard input and output."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.internet.stdio import StandardIO
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

CHECKOUT = Path(__file__).resolve().parents[2]

PATIENCE = 180
"""Seconds until an answer must have come, counted one by one: the whole machine may be paused meanwhile."""


class NoAnswer(Exception):
    """A process of the farm has died, or is silent."""


@define(eq=False)
class Desk(LineOnlyReceiver):
    """The end in a process of the farm: each line names a verb and its arguments; it ends with its torturer."""

    delimiter = b"\n"
    MAX_LENGTH = 1 << 20

    _verbs: Mapping[str, Callable[..., object]]
    _reactor: Any

    @classmethod
    def open(cls, verbs: Mapping[str, Callable[..., object]], reactor: Any) -> None:
        """Begin to listen, and say so."""
        desk = cls(verbs, reactor)
        StandardIO(desk, reactor=reactor)
        desk.sendLine(b'"ready"')

    def lineReceived(self, line: bytes) -> None:
        verb, *arguments = json.loads(line)
        self.sendLine(json.dumps(self._verbs[verb](*arguments)).encode())

    def connectionLost(self, reason: Failure | None = None) -> None:  # noqa: ARG002 the interface's
        if self._reactor.running:
            self._reactor.stop()


@define(eq=False, kw_only=True)
class Servant:
    """
    The torturer's end: a module that is run in a process of its own, again after each death of it.

    It is given the torturer's process id first, for `bind`, and how often it was started before last.
    """

    module: str
    arguments: Sequence[str]
    errors: Path
    starts: int = field(init=False, default=0)
    _process: "subprocess.Popen[bytes] | None" = field(init=False, default=None)
    _unread: bytearray = field(init=False, factory=bytearray)

    @property
    def pid(self) -> int:
        """The number of its process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start a process, and wait until it is ready; raises `NoAnswer`."""
        self.begin()
        self._line()

    def begin(self) -> None:
        """Start a process, without waiting for it."""
        self._unread.clear()
        with self.errors.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self.module, str(os.getpid()), *self.arguments, str(self.starts)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=CHECKOUT,
            )
        self.starts += 1

    def ask(self, verb: str, *arguments: object) -> Any:
        """Return what it answers; raises `NoAnswer`."""
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps([verb, *arguments]).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as e:
            raise NoAnswer(f"{self.module} is dead; see {self.errors}") from e
        return self._line()

    def send(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it, if it lives, and wait until it is dead."""
        process, self._process = self._process, None
        if process is None:
            return
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
        process.send_signal(signal.SIGKILL)
        process.wait()

    def _line(self) -> Any:
        assert self._process is not None
        assert self._process.stdout is not None
        stream = self._process.stdout.fileno()
        while b"\n" not in self._unread:
            readable = any(select.select([stream], [], [], 1.0)[0] for _ in range(PATIENCE))
            new = os.read(stream, 1 << 16) if readable else b""
            if not new:
                raise NoAnswer(f"{self.module} {'has died' if readable else 'is silent'}; see {self.errors}")
            self._unread += new
        line, _, rest = bytes(self._unread).partition(b"\n")
        self._unread[:] = rest
        return json.loads(line)
