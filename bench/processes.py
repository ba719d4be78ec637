"""Children of the benchmark, and what the kernel knows of them."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import define

CHECKOUT = Path(__file__).resolve().parent.parent

_PATIENCE = 120.0
_TICKS = os.sysconf("SC_CLK_TCK")


class Broken(Exception):
    """A child did not do what the benchmark needs; the text says which and where its words are."""


@define(eq=False, kw_only=True)
class Child:
    """A process that was started, by the name that people know it by."""

    name: str
    process: "subprocess.Popen[str]"
    port: int = 0

    @property
    def pid(self) -> int:
        """The process's number."""
        return self.process.pid

    def cpu(self) -> float:
        """Return the seconds of processor time that it has used."""
        return processor_seconds(self.pid)

    def resident(self) -> int:
        """Return the bytes of memory that are resident now."""
        return self._status("VmRSS")

    def most_resident(self) -> int:
        """Return the most bytes of memory that ever were resident."""
        return self._status("VmHWM")

    def _status(self, key: str) -> int:
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1]) * 1024
        raise Broken(f"{self.name}: the kernel does not tell its {key}")

    def send(self, signal: int) -> None:
        """Send the process a signal."""
        self.process.send_signal(signal)

    def ask(self, command: str) -> Any:
        """Write a line to the process, and return the JSON value of the line that it answers."""
        stdin, stdout = self.process.stdin, self.process.stdout
        if stdin is None or stdout is None:
            raise Broken(f"{self.name} takes no commands")
        stdin.write(command + "\n")
        stdin.flush()
        line = stdout.readline()
        if not line:
            raise Broken(f"{self.name} ended at {command!r}")
        return json.loads(line)

    def settle(self, quiet: float = 1.0, patience: float = _PATIENCE) -> None:
        """Wait until it has done nearly nothing for so many seconds."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            before = self.cpu()
            time.sleep(quiet)
            if self.cpu() - before <= 0.03 * quiet:
                return
        raise Broken(f"{self.name} does not come to rest")

    def stop(self) -> None:
        """End the process, gently at first."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


def start(
    name: str, arguments: Sequence[str], *, directory: Path, environment: Mapping[str, str] | None = None
) -> Child:
    """Start a process; what it has to complain about goes to a file of its name in the directory."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / f"{name}.log").open("a") as complaints:
        process = subprocess.Popen(
            arguments,
            cwd=directory,
            env=os.environ | {"PYTHONPATH": str(CHECKOUT)} | dict(environment or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
        )
    return Child(name=name, process=process)


@contextmanager
def module(name: str, *arguments: str, directory: Path) -> Iterator[Child]:
    """Run ``python -m`` a module that writes its port in a line when it listens; stop it afterwards."""
    child = start(name, [sys.executable, "-m", name, *arguments], directory=directory)
    try:
        child.port = int(_first_line(child, directory))
        yield child
    finally:
        child.stop()


def run(name: str, *arguments: str, directory: Path) -> Any:
    """Run ``python -m`` a module of the benchmark to its end, and return the JSON value that it writes."""
    return result(start(name, [sys.executable, "-m", name, *arguments], directory=directory), directory)


def result(child: Child, directory: Path) -> Any:
    """End the standard input of a child, wait until it ends, and return the JSON value that it writes."""
    try:
        output, _ = child.process.communicate()
    finally:
        child.stop()
    if child.process.returncode != 0:
        raise Broken(f"{child.name} failed with status {child.process.returncode}: see {directory / child.name}.log")
    return json.loads(output)


def _first_line(child: Child, directory: Path) -> str:
    stdout = child.process.stdout
    line = stdout.readline() if stdout is not None else ""
    if not line:
        raise Broken(f"{child.name} does not start: see {directory / child.name}.log")
    return line


def processor_seconds(pid: int) -> float:
    """Return the seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def free_port() -> int:
    """Return a port of this machine that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port
