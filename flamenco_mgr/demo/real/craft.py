"""Commands are carried out: programs run, and files are moved."""

import os
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from attrs import define, field, frozen
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IReactorProcess
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from flamenco_mgr.demo.real.command_lines import command_line
from flamenco_mgr.demo.worker.answers import HandedCommand

_SAVED: Final = re.compile(r"Saved: '(.+)'")
_LONGEST_LINE: Final = 1000


@frozen(eq=False, kw_only=True)
class RealCraft:
    """Provides `Craft` for the commands of the demonstration's job."""

    processes: IReactorProcess

    def carry_out(
        self, command: HandedCommand, note: Callable[[str], None], made: Callable[[str], None]
    ) -> "Deferred[str]":
        """See `Craft.carry_out`."""
        line = command_line(command.name, command.settings)
        if line is not None:
            return self._run(line, note, made)
        if command.name == "move_to_final":
            return succeed(_moved(Path(str(command.settings["src"])), Path(str(command.settings["dest"]))))
        return succeed(f"{command.name} is not among what this Worker really does")

    def _run(self, line: Sequence[str], note: Callable[[str], None], made: Callable[[str], None]) -> "Deferred[str]":
        running = _Running(note=note, made=made)
        note("Executing " + " ".join(line))
        try:
            with Path(os.devnull).open("rb") as nothing:
                self.processes.spawnProcess(
                    running, line[0], list(line), env=dict(os.environ), childFDs={0: nothing.fileno(), 1: "r", 2: "r"}
                )
        except OSError as e:
            return succeed(str(e))
        return running.ended


@define(eq=False, kw_only=True)
class _Running(ProcessProtocol):
    """A program from its start to its end."""

    note: Callable[[str], None]
    made: Callable[[str], None]
    ended: "Deferred[str]" = field(init=False)
    _rest: dict[int, bytes] = field(init=False, factory=dict)
    _unwanted: bool = field(init=False, default=False)

    @ended.default
    def _not_yet(self) -> "Deferred[str]":
        return Deferred(lambda _: self._kill())

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """Take what the program says, line by line."""
        *lines, rest = (self._rest.get(childFD, b"") + data).replace(b"\r", b"\n").split(b"\n")
        self._rest[childFD] = rest[-_LONGEST_LINE:]
        for line in lines:
            self._heard(line.decode("utf-8", "replace")[:_LONGEST_LINE].rstrip())

    def processEnded(self, reason: Failure) -> None:
        """Tell how it ended."""
        for rest in self._rest.values():
            self._heard(rest.decode("utf-8", "replace").rstrip())
        status = getattr(reason.value, "exitCode", None)
        if not self._unwanted:
            self.ended.callback("" if status == 0 else f"the program ended with {reason.value}")

    def _heard(self, line: str) -> None:
        if not line or self._unwanted:
            return
        self.note(line)
        saved = _SAVED.search(line)
        if saved is not None:
            self.made(saved[1])

    def _kill(self) -> None:
        self._unwanted = True
        with suppress(ProcessExitedAlready):
            if self.transport is not None:
                self.transport.signalProcess("KILL")


def _moved(source: Path, destination: Path) -> str:
    """Move a folder to its place, what is there already out of the way; return why it failed."""
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        if destination.exists():
            destination.rename(destination.with_name(f"{destination.name}-{destination.stat().st_mtime_ns}"))
        source.rename(destination)
    except OSError as e:
        return str(e)
    return ""
