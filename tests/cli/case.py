"""
The program ``flamenco-manager``, and Managers that say what they are told to.

It runs in a thread of the tests, with files in memory instead of its standard output, unless it needs what only a
process has: a terminal, an environment, signals. That takes a hundredth of the time.
"""

import io
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import Factory, define, field, frozen
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone
from twisted.internet.interfaces import IProcessTransport, IReactorProcess, IReactorTCP
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from flamenco_mgr.cli.invocation import Invocation
from flamenco_mgr.cli.program import run

CHECKOUT = Path(__file__).resolve().parents[2]

_ONLY_IN_A_PROCESS = frozenset({"--help", "--version"})
"""What writes to the process's standard output wherever it is."""

_IS_IN_UTC = time.tzname == ("UTC", "UTC")
"""Instants are shown in the time of the machine; a process of its own is given this one."""

WORKER = "5e6a1f2c9d3b4a0017c0ffee"
OTHER_WORKER = "5e6a1f2c9d3b4a0017c0ffed"
TASK = "5e6a2b7d9d3b4a0017c0a001"
OTHER_TASK = "5e6a2b7d9d3b4a0017c0a002"
JOB = "5e6a2b7d9d3b4a0017c0b001"


@frozen
class Says:
    """An answer: a JSON value, or bytes as they are."""

    body: object = None
    status: int = 200
    headers: Mapping[str, str] = Factory(dict)

    def __call__(self, request: Request) -> bytes:
        request.setResponseCode(self.status)
        is_raw = isinstance(self.body, bytes)
        request.setHeader("Content-Type", "text/plain" if is_raw else "application/json")
        request.setHeader("Server", "Flamenco-Manager")
        for name, value in self.headers.items():
            request.setHeader(name, value)
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


DONE = Says(status=204)


def page(*items: object, following: str | None = None) -> Says:
    """Return an answer with a page of a list."""
    return Says({"items": list(items), "next": following})


def refusal(status: int, why: str) -> Says:
    """Return an answer that refuses."""
    return Says({"error": why}, status=status)


def silent(_request: Request) -> int:
    """Never answer."""
    return NOT_DONE_YET


@frozen(kw_only=True)
class Asked:
    """A request that a Manager had."""

    method: str
    uri: str
    agent: str
    body: Any = None


Behaviour = Callable[[Request], "bytes | int"]


@define(eq=False)
class ScriptedManager(Resource):
    """Answers each request as its method and URI say, and notes them all."""

    isLeaf = True
    answers: dict[str, Behaviour] = field(factory=dict)
    asked: list[Asked] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        Resource.__init__(self)

    def render(self, request: Request) -> "bytes | int":
        method, uri = request.method.decode(), request.uri.decode()
        body = request.content.read() if request.content else b""
        agent = request.getHeader("User-Agent") or ""
        self.asked.append(Asked(method=method, uri=uri, agent=agent, body=json.loads(body) if body else None))
        return self.answers.get(f"{method} {uri}", refusal(404, "there is nothing here"))(request)

    @property
    def uris(self) -> list[str]:
        """What was asked for, in order."""
        return [f"{asked.method} {asked.uri}" for asked in self.asked]


@frozen(kw_only=True)
class Ending:
    """How the program ended, and what it wrote: ``status`` is None if a signal ended it."""

    status: int | None
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it wrote, as JSON."""
        return json.loads(self.out)


@define(eq=False)
class Program(ProcessProtocol):
    """A program that was started."""

    ended: "Deferred[Ending]" = field(factory=Deferred)
    out: bytearray = field(factory=bytearray)
    err: bytearray = field(factory=bytearray)

    def signal(self, name: str) -> None:
        """Send a signal, such as ``INT``."""
        self._process.signalProcess(name)

    def close_output(self) -> None:
        """Read no more of what it writes."""
        self._process.closeStdout()

    def end(self) -> None:
        """End it, if it runs."""
        if not self.ended.called:
            self.signal("KILL")

    @property
    def _process(self) -> Any:
        assert IProcessTransport.providedBy(self.transport)
        return self.transport

    def outReceived(self, data: bytes) -> None:
        self.out += data

    def errReceived(self, data: bytes) -> None:
        self.err += data

    def processEnded(self, reason: Failure) -> None:
        value: Any = reason.value
        status = 0 if isinstance(value, ProcessDone) else value.exitCode
        out, err = (bytes(written).decode("utf-8", "replace") for written in (self.out, self.err))
        self.ended.callback(Ending(status=status, out=out, err=err))


class CommandLineTestCase(TestCase):
    """A directory of its own, a Manager that says what it is told to, and the program."""

    timeout = 120

    def setUp(self) -> None:
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir()
        self.manager = ScriptedManager()
        self.port = self.listening(Site(self.manager))
        self.configure(f"listen: 127.0.0.1:{self.port}\n")

    def pause(self, _seconds: float) -> None:
        """Let time pass for the program: none in tests."""

    def configure(self, text: str) -> None:
        """Write the configuration file, readable by its owner alone."""
        path = self.directory / "manager.yaml"
        path.write_text(f"_meta: {{version: 2}}\n{text}")
        path.chmod(0o600)

    def listening(self, factory: Any) -> int:
        """Return the port at which somebody listens from now on."""
        port: Any = IReactorTCP(reactor).listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        return int(port.getHost().port)

    def answer(self, request: str, behaviour: Behaviour) -> None:
        """Let the Manager answer a request, such as ``GET /api/v1/status``."""
        self.manager.answers[request] = behaviour

    def heard(self, request: str, behaviour: Behaviour) -> "Deferred[None]":
        """Let the Manager answer a request, and return what fires when it has come."""
        heard: Deferred[None] = Deferred()

        def behave(asking: Request) -> "bytes | int":
            heard.callback(None)
            return behaviour(asking)

        self.answer(request, behave)
        return heard

    def started(self, *arguments: str, **how: Any) -> Program:
        """Start the program in the directory."""
        return self.spawned(sys.executable, "-W", "error", "-m", "flamenco_mgr.cli", *arguments, **how)

    def spawned(self, *command: str, terminal: bool = False, environment: Mapping[str, str] | None = None) -> Program:
        """Start any program in the directory, ours to be found by Python."""
        program = Program()
        known = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        known |= {"PYTHONPATH": str(CHECKOUT), "TZ": "UTC", "LANG": "C.UTF-8", "TERM": "xterm"}
        IReactorProcess(reactor).spawnProcess(
            program,
            command[0],
            command,
            env=known | dict(environment or {}),
            path=str(self.directory),
            usePTY=terminal,
        )
        self.addCleanup(program.end)
        return program

    async def run_it(self, *arguments: str, **how: Any) -> Ending:
        """Run the program in the directory, and return how it ended; in a process of its own if something needs one."""
        if how or not _IS_IN_UTC or not _ONLY_IN_A_PROCESS.isdisjoint(arguments):
            return await self.started(*arguments, **how).ended
        out, err = io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace"), io.StringIO()
        invocation = Invocation(
            rundir=self.directory, environment={}, stdout=out, stderr=err, is_alone=False, pause=self.pause
        )
        status = await deferToThread(run, arguments, invocation)
        return Ending(status=status, out=out.buffer.getvalue().decode("utf-8", "replace"), err=err.getvalue())

    async def done(self, *arguments: str, **how: Any) -> str:
        """Run the program, which has to do what it is told, and return what it writes."""
        ending = await self.run_it(*arguments, **how)
        self.assertEqual((ending.status, ending.err), (0, ""))
        return ending.out

    async def told(self, *arguments: str, **how: Any) -> Any:
        """Run the program with ``--json``, and return what it writes."""
        return json.loads(await self.done(*arguments, "--json", **how))

    async def fails(self, status: int, *arguments: str, **how: Any) -> str:
        """Run the program, which has to end with this status and one line, and return the line."""
        ending = await self.run_it(*arguments, **how)
        self.assertEqual((ending.status, ending.out), (status, ""), ending.err)
        line = ending.err.removeprefix("flamenco-manager: ")
        self.assertNotEqual(line, ending.err)
        self.assertEqual(line.count("\n"), 1, ending.err)
        return line.rstrip("\n")
