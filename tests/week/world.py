"""A farm in a world of its own: the Manager, its Server, fifty machines, and a clock that all of them live by."""

import json
import math
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from datetime import datetime, timezone
from pathlib import Path
from random import Random
from typing import Any, Final, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater

from flamenco_mgr.demo.standin.record import Cause
from flamenco_mgr.demo.standin.statuses import TaskStatus
from flamenco_mgr.demo.standin_server import StandInServer
from tests.web.wires import Answer, a_request
from tests.week.hands import Hands
from tests.week.ledger import Ledger
from tests.week.machine import Machine
from tests.week.mail import Mail
from tests.week.manager import ManagerProcess, ServerLine, StoredFarm
from tests.week.nights import SCHEDULES
from tests.week.plan import MACHINES, MANAGER, SECRET, START, STEP, WORKER_SILENT

T = TypeVar("T")

_REMEMBERED: Final = 40
_MOST_TURNS: Final = 20_000
_A_WHILE: Final = 0.25
_OPERATORS: Final = "127.0.0.1"

_TYPES: Final = (
    ("blender-render", "sleep"),
    ("blender-render",),
    ("blender-render", "video-encoding", "sleep"),
)


class WentWrong(AssertionError):
    """Something that must never be is; its text says when, and what went before."""


@define(eq=False, kw_only=True)
class World:
    """
    Goes on step by step; each ends when nobody has anything to do at that instant any more.

    ``came_to_pass`` counts what happened, for those who want to know whether a week was worth its name.
    """

    seed: int
    logs: Path
    clock: Clock = field(init=False, factory=Clock)
    chance: Random = field(init=False)
    server: StandInServer = field(init=False)
    line: ServerLine = field(init=False)
    stored: StoredFarm = field(init=False, factory=StoredFarm)
    manager: ManagerProcess | None = field(init=False, default=None)
    mail: Mail = field(init=False)
    machines: list[Machine] = field(init=False)
    hands: Hands = field(init=False)
    ledger: Ledger = field(init=False, factory=Ledger)
    forgotten: set[str] = field(init=False, factory=set)
    idle: list[Machine] = field(init=False, factory=list)
    came_to_pass: Counter[str] = field(init=False, factory=Counter)
    _marks: int = field(init=False, default=0)
    _ids: int = field(init=False, default=0)
    _complaints: list[str] = field(init=False, factory=list)
    _trace: deque[str] = field(init=False, factory=lambda: deque(maxlen=_REMEMBERED))

    def __attrs_post_init__(self) -> None:
        self.clock.advance(START)
        self.chance = Random(self.seed)
        self.server = StandInServer(self.clock, Random(self.seed), MANAGER, SECRET)
        self.line = ServerLine(self.server.resource())
        self.mail = Mail(now=self.now)
        self.hands = Hands(
            silent=WORKER_SILENT, requeued=self.last_requeue, is_forgotten=lambda name: name in self.forgotten
        )
        self.machines = [self._a_machine(number) for number in range(MACHINES)]

    def _a_machine(self, number: int) -> Machine:
        """Return a machine: the first ones have schedules, some are of two rare kinds, one is broken."""
        types: tuple[str, ...] = _TYPES[number % len(_TYPES)]
        if number in {30, 31}:
            types = ("rare",)
        elif number in {32, 33}:
            types = ("doomed", "sleep")
        return Machine(
            name=f"render{number:02}",
            address=f"10.0.0.{number + 1}",
            task_types=types,
            around=self,
            chance=Random(f"{self.seed}/{number}"),
            clumsiness=0.9 if number == 40 else 0.02,
            nights=SCHEDULES[number % len(SCHEDULES)] if number < 24 else None,
        )

    def now(self) -> float:
        """Return what time it is, in seconds since 1970."""
        return self.clock.seconds()

    def pause(self, seconds: float) -> "Deferred[None]":
        """Wait until the first step that is so many seconds away."""
        step = math.ceil((self.now() + seconds - START) / STEP)
        return deferLater(self.clock, max(START + step * STEP - self.now(), 0.001), lambda: None)

    def send(self, address: str, request: bytes) -> "Deferred[Answer]":
        """Send a request to the Manager."""
        return self.mail.ask(address, request)

    def operate(self, path: str, **document: object) -> "Deferred[Answer]":
        """Send what an operator's page does: a form, or a document to ``/set-sleep-schedule``."""
        headers = {"Content-Type": "application/json"}
        body = json.dumps(document)
        if path.startswith("/worker-action"):
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            body = "&".join(f"{key}={value}" for key, value in document.items())
        request = a_request("POST", path, headers=headers, body=body.encode())
        return self.mail.ask(_OPERATORS, request.replace(b"Host: manager:8080", b"Host: localhost:8080"))

    def new_mark(self) -> int:
        """Return a number that was never there before."""
        self._marks += 1
        return self._marks

    def _new_id(self) -> str:
        self._ids += 1
        return f"{int(self.now()):08x}{self._ids:016x}"

    def note(self, who: str, what: str) -> None:
        """Remember for a while what happened."""
        self.came_to_pass[" ".join(what.split()[:2])] += 1
        instant = datetime.fromtimestamp(self.now(), timezone.utc)
        self._trace.append(f"{instant:%a %d %H:%M:%S} {who} {what}")

    def complain(self, complaint: str) -> None:
        """Say what is wrong; the empty text is nothing."""
        if complaint:
            self._complaints.append(complaint)

    def got_nothing(self, machine: Machine) -> None:
        """Note that a machine asked for a task, and got none."""
        self.idle.append(machine)

    def last_requeue(self, task: str) -> float:
        """Return when a user last wanted a task done again, as the Server has it; 0 for never."""
        changes = self.server.record.changes.get(task, ())
        wished = [one.at for one in changes if one.cause is not Cause.UPDATE and one.status == TaskStatus.QUEUED]
        return math.ceil(max(wished, default=0) / 1000)

    def start_manager(self) -> None:
        """Start a process of the Manager on what is stored."""
        self.manager = ManagerProcess(
            line=self.line,
            stored=self.stored,
            logs=self.logs,
            new_id=self._new_id,
            chance=Random(f"{self.seed}/{self.now()}"),
            since=self.now(),
        )
        self.manager.start()
        self.mail.site = self.manager.site
        self.note("Manager", "starts up")

    def stop_manager(self, *, crash: bool) -> None:
        """End the Manager's process; in a crash it does not come to say or store anything more."""
        manager, self.manager = self.manager, None
        assert manager is not None
        self.mail.break_off()
        if not crash:
            manager.stop()
        self.stored.survive()
        self.note("Manager", "dies suddenly" if crash else "is stopped")

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Have something done beside all that happens."""
        going = Deferred.fromCoroutine(work)
        _ = going.addErrback(lambda failure: self.complain(failure.getTraceback()))

    def step(self, look: Callable[[], None]) -> None:
        """Let a step pass, then look whether all is well; raises `WentWrong`."""
        self._advance(START + round((self.now() - START) / STEP + 1) * STEP - self.now())
        self.settle()
        look()
        if self._complaints:
            self._fail()

    def settle(self) -> None:
        """Go on until nobody has anything to do at this instant."""
        quiet = 0
        for _ in range(_MOST_TURNS):
            if self.manager is not None:
                self.manager.turn()
            moved = self.mail.deliver()
            busy = moved or (self.manager is not None and self.manager.is_busy)
            quiet = 0 if busy else quiet + 1
            if quiet > 1 and self.mail.is_empty:
                return
            if quiet > 1:  # somebody waits for time to pass
                self._advance(_A_WHILE)
                quiet = 0
        self.complain("the farm does not come to rest")

    def _advance(self, seconds: float) -> None:
        if self.manager is not None:
            self.manager.clock.advance(seconds)
        self.clock.advance(seconds)

    def _fail(self) -> None:
        complaints = "\n  ".join(self._complaints)
        instant = datetime.fromtimestamp(self.now(), timezone.utc)
        trace = "\n  ".join(self._trace)
        raise WentWrong(
            f"seed {self.seed}, {instant:%a %Y-%m-%d %H:%M:%S} UTC:\n  {complaints}\nWhat went before:\n  {trace}"
        )
