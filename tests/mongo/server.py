"""
Where tests get a MongoDB from: the one that ``FLAMENCO_TEST_MONGODB`` names, else the stand-in, else they are skipped.

What the stand-in needs is fetched when this module is loaded, before the first test, so that it is in no test's time.
With ``FLAMENCO_REQUIRE_MONGODB=1`` tests that would be skipped fail.
"""

import atexit
import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Protocol
from unittest import SkipTest
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from attrs import define
from bson import ObjectId
from pymongo import MongoClient

from tests.mongo.wire import command

STARTER = Path(__file__).with_name("mongo-server")
NAMED = os.environ.get("FLAMENCO_TEST_MONGODB", "")
REQUIRED = os.environ.get("FLAMENCO_REQUIRE_MONGODB", "") not in {"", "0"}


def _set_up() -> str:
    """Fetch what the stand-in needs; return why that cannot be, or the empty text."""
    done = subprocess.run([STARTER, "--setup"], capture_output=True, text=True, check=False)
    return "" if not done.returncode else done.stderr.strip() or f"{STARTER.name} --setup ended with {done.returncode}"


MISSING = _set_up()


class IsMongoDB(Protocol):
    """A server for tests."""

    def url(self, database: str, **options: str) -> str:
        """Return the URL of a database on it."""

    def drop(self, database: str) -> None:
        """Remove a database."""


@define(eq=False)
class NamedServer:
    """A server that somebody runs."""

    uri: str

    def url(self, database: str, **options: str) -> str:
        """See `IsMongoDB.url`; the user is looked for where the named URI says."""
        parts = urlsplit(self.uri)
        given = dict(parse_qsl(parts.query))
        if parts.username:
            given.setdefault("authSource", parts.path.strip("/") or "admin")
        return urlunsplit(parts._replace(path=f"/{database}", query=urlencode(given | options)))

    def drop(self, database: str) -> None:
        """See `IsMongoDB.drop`."""
        client: MongoClient[dict[str, Any]] = MongoClient(self.uri)
        with client:
            client.drop_database(database)


@define(eq=False)
class StandIn:
    """The stand-in: a process that goes when its standard input is closed, also when this process is killed."""

    ports: Sequence[int]
    _process: "subprocess.Popen[str]"

    @classmethod
    def start(cls, *ports: int, file: Path | None = None, tls: Path | None = None) -> "StandIn":
        """
        Start one, in memory or in a file; several ports (0: any) are the members of a pretended replica set "rs".

        ``tls`` is a file with an RSA key and a certificate in PEM.
        """
        _need()
        options = [*(("--file", str(file)) if file else ()), *(("--tls", str(tls)) if tls else ())]
        words = [str(STARTER), *options, "--until-eof", *map(str, ports or (0,))]
        process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl+C is for the tests: they may still need it to end in order
        )
        atexit.register(_end, process)
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in ports or (0,)]
        assert all(lines), f"{STARTER.name} ended with {process.wait()}"
        return cls([int(line.rpartition(":")[2]) for line in lines], process)

    @property
    def pid(self) -> int:
        """Its process's id."""
        return self._process.pid

    @property
    def hosts(self) -> str:
        """Its members, as a URL names them."""
        return ",".join(f"127.0.0.1:{port}" for port in self.ports)

    def url(self, database: str, **options: str) -> str:
        """See `IsMongoDB.url`."""
        if len(self.ports) > 1:
            options.setdefault("replicaSet", "rs")
        return f"mongodb://{self.hosts}/{database}" + (f"?{urlencode(options)}" if options else "")

    def drop(self, database: str) -> None:
        """See `IsMongoDB.drop`."""
        self.command({"dropDatabase": 1}, database)

    def command(self, document: Mapping[str, Any], database: str = "admin", member: int = 0) -> dict[str, Any]:
        """Carry out a command at once, on a connection of its own."""
        return command(self.ports[member], document, database)

    def fail(
        self, *commands: str, database: str | None = None, times: int | None = 1, skip: int = 0, **data: Any
    ) -> None:
        """
        Let commands (none: all) fail from now on, after ``skip`` of them, so many times (None: for ever).

        ``data`` says how: ``errorCode``, ``closeConnection`` (not carried out), ``closeAfter`` (the answer is lost),
        ``blockConnection`` with ``blockTimeMS`` (a late answer), ``writeConcernError``. There is one such order at a
        time for the whole server: name the database where other tests may be at work.
        """
        data |= {"failCommands": commands} if commands else {}
        data |= {"database": database} if database is not None else {}
        mode: dict[str, int] = {"skip": skip} | ({} if times is None else {"times": times})
        self.command({"configureFailPoint": "failCommand", "mode": mode, "data": data})

    def work(self) -> None:
        """Let nothing fail any more."""
        self.command({"configureFailPoint": "failCommand", "mode": "off"})

    def log(self, database: str) -> list[dict[str, Any]]:
        """Return the commands that came for a database, as they were sent, since the last time this was asked."""
        commands: list[dict[str, Any]] = self.command({"commandLog": database})["commands"]
        return commands

    def step_down(self) -> None:
        """Let the next member be the primary."""
        self.command({"replSetStepDown": 10})

    def shut_down(self, member: int) -> None:
        """End one member; its connections break."""
        with suppress(OSError, AssertionError):
            self.command({"shutdown": 1}, member=member)

    def stop(self) -> None:
        """End it in order."""
        _end(self._process)

    def outlive_this_program(self) -> None:
        """Let it go on, until this process ends, though another program is run in it now."""
        assert self._process.stdin is not None
        os.set_inheritable(self._process.stdin.fileno(), True)

    def kill(self) -> None:
        """End it as nothing can be prepared for."""
        self._process.kill()
        _end(self._process)


def _end(process: "subprocess.Popen[str]") -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _need() -> None:
    if MISSING and REQUIRED:
        raise AssertionError(MISSING)
    if MISSING:
        raise SkipTest(MISSING)


@cache
def _shared_stand_in() -> StandIn:
    return StandIn.start()


def stand_in() -> StandIn:
    """Return the stand-in of this test run, for tests that need its faults or its log; else the test is skipped."""
    _need()
    return _shared_stand_in()


def server() -> IsMongoDB:
    """Return the server of this test run; else the test is skipped."""
    return NamedServer(NAMED) if NAMED else stand_in()


def a_database() -> str:
    """Return a name for a database that nobody has used."""
    return f"flamenco_test_{ObjectId()}"
