"""A Worker's machine: it does what worker-api.md 5 to 7 says, step by step, and slowly."""

import json
from base64 import b64encode
from collections import deque
from contextlib import suppress
from http import HTTPStatus
from random import Random
from typing import Any, Protocol

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from tests.web.wires import Answer, a_request
from tests.week.hands import Hand, Hands
from tests.week.ledger import Ledger, Report
from tests.week.mail import NoAnswer
from tests.week.nights import Nights
from tests.week.plan import ASLEEP_POLL, AWAKE_POLL, RETRY, STEP

_MOST_UNSENT = 10
_DROPS = {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}


class Around(Protocol):
    """What a machine needs of the world."""

    hands: Hands
    ledger: Ledger

    def now(self) -> float: ...
    def pause(self, seconds: float) -> "Deferred[None]": ...
    def send(self, address: str, request: bytes) -> "Deferred[Answer]": ...
    def new_mark(self) -> int: ...
    def note(self, who: str, what: str) -> None: ...
    def complain(self, complaint: str) -> None: ...
    def got_nothing(self, machine: "Machine") -> None: ...


@define(eq=False, kw_only=True)
class Machine:
    """
    One machine, whose worker may die, come back, or register anew.

    ``clumsiness`` is how probably it fails at a task. ``is_connected`` is whether the network lets it through.
    ``heard_at`` is when the Manager last answered it, ``asked_at`` when it last asked and may have been heard,
    ``disturbed_at`` when somebody last interfered with its sleep.
    """

    name: str
    address: str
    task_types: tuple[str, ...]
    around: Around
    chance: Random
    clumsiness: float = 0.02
    nights: Nights | None = None
    worker_id: str = ""
    state: str = "off"
    is_connected: bool = True
    heard_at: float = 0.0
    asked_at: float = 0.0
    disturbed_at: float = 0.0
    off_since: float = 0.0
    hand: Hand | None = None
    _secret: str = field(init=False, default="")
    _unsent: deque[Report] = field(init=False, factory=deque)
    _tried: set[int] = field(init=False, factory=set)
    _life: "Deferred[None] | None" = field(init=False, default=None)

    @property
    def unsent(self) -> int:
        """How many reports are still on its disk."""
        return len(self._unsent)

    @property
    def is_there(self) -> bool:
        """Whether the Manager can hear it."""
        return self.state != "off" and self.is_connected

    def switch_on(self) -> None:
        """Start the Worker's process."""
        if self.state == "off":
            self.state, self.disturbed_at = "starting", self.around.now()
            self._life = Deferred.fromCoroutine(self._live())
            _ = self._life.addErrback(self._ended)

    def kill(self) -> None:
        """End the process at once; its disk stays."""
        life, self._life = self._life, None
        self._drop()
        self._turn_off()
        if life is not None:
            life.cancel()

    def lose_disk(self) -> None:
        """Lose the credentials and all that was not reported yet."""
        self.worker_id = ""
        self._unsent.clear()

    def _turn_off(self) -> None:
        self.state, self.off_since, self.disturbed_at = "off", self.around.now(), self.around.now()

    def _ended(self, failure: Failure) -> None:
        if failure.check(CancelledError) is None:
            self.around.complain(f"{self.name} broke: {failure.getTraceback()}")

    async def _live(self) -> None:
        await self._enlist()
        while self.state != "off":
            if self.state == "asleep":
                await self._sleep()
            else:
                await self._ask_for_task()

    async def _enlist(self) -> None:
        while self.state == "starting":
            try:
                if not self.worker_id:
                    await self._register()
                    self.state = "awake"  # the real one does not sign on then
                    return
                answer = await self._ask("POST", "/sign-on", supported_task_types=self.task_types, nickname=self.name)
            except NoAnswer:
                await self.around.pause(RETRY)
                continue
            if answer.status == HTTPStatus.UNAUTHORIZED:
                self.worker_id = ""
            elif answer.status == HTTPStatus.NO_CONTENT:
                self.state = "awake"
            else:
                await self.around.pause(RETRY)

    async def _register(self) -> None:
        self._secret = f"{self.chance.getrandbits(256):064x}"
        answer = await self._ask(
            "POST",
            "/register-worker",
            secret=self._secret,
            platform="linux",
            supported_task_types=self.task_types,
            nickname=self.name,
        )
        if answer.status != HTTPStatus.OK:
            raise NoAnswer
        self.worker_id, self.disturbed_at = str(answer.json["_id"]), self.around.now()
        self.around.note(self.name, f"is registered as {self.worker_id}")

    async def _sleep(self) -> None:
        await self.around.pause(ASLEEP_POLL)
        await self._flush()
        try:
            answer = await self._ask("GET", "/status-change")
        except NoAnswer:
            return
        if answer.status == HTTPStatus.OK:
            await self._obey(answer.json["status_requested"])

    async def _ask_for_task(self) -> None:
        await self._flush()
        if self.unsent > _MOST_UNSENT:
            await self.around.pause(RETRY)
            return
        try:
            answer = await self._ask("POST", "/task")
        except NoAnswer:
            await self.around.pause(RETRY)
            return
        if answer.status == HTTPStatus.OK:
            await self._run(answer.json)
            await self.around.pause(STEP)
        elif answer.status == HTTPStatus.LOCKED:
            await self._obey(answer.json["status_requested"])
        elif answer.status == HTTPStatus.NO_CONTENT:
            self.around.got_nothing(self)
            await self.around.pause(AWAKE_POLL)
        else:
            await self.around.pause(RETRY)

    async def _obey(self, status: str) -> None:
        self.around.note(self.name, f"is told to be {status}")
        if status == "shutdown":
            await self._sign_off()
        elif status in {"awake", "asleep"}:
            self.state = status
            try:
                await self._ask("POST", f"/ack-status-change/{status}")
            except NoAnswer:
                self.disturbed_at = self.around.now()  # nobody repeats it
            await self.around.pause(STEP)
        else:
            self.around.complain(f"{self.name} is told to be {status!r}, which no Worker knows")

    async def _sign_off(self) -> None:
        await self._flush()
        with suppress(NoAnswer):
            await self._ask("POST", "/sign-off")
        self._turn_off()

    async def _run(self, task: dict[str, Any]) -> None:
        hand = Hand(machine=self.name, task=task["_id"], since=self.around.now(), heard_at=lambda: self.heard_at)
        self.hand = hand
        self.around.note(self.name, f"gets task {hand.task} ({task['name']})")
        self.around.complain(self.around.hands.taken(hand, hand.since))
        seconds = sum(command["settings"].get("time_in_seconds", 0) for command in task["commands"])
        fails = self.chance.random() < max(self.clumsiness, float(task["name"].startswith("hopeless")))
        end = hand.since + seconds * (self.chance.random() if fails else 1.0)
        await self._report(hand.task, "active", "began")
        while self.around.now() < end:
            await self.around.pause(min(AWAKE_POLL, end - self.around.now()))
            await self._flush()
            if not await self._may_go_on(hand):
                return
        self._drop()
        self.around.note(self.name, f"{'fails at' if fails else 'completes'} task {hand.task}")
        await self._report(hand.task, "failed" if fails else "completed", "ended")

    async def _may_go_on(self, hand: Hand) -> bool:
        try:
            answer = (await self._ask("GET", f"/may-i-run/{hand.task}")).json
        except NoAnswer:
            return True
        if answer["may_keep_running"]:
            self.around.complain(self.around.hands.confirmed(hand))
            if self.chance.random() < 0.1:
                await self._report(hand.task, "active", "goes on")
            return True
        self._drop()
        self.around.note(self.name, f"stops task {hand.task}: {answer.get('reason')}")
        await self._report(hand.task, None, "stopped")
        with suppress(NoAnswer):
            await self._ask("POST", f"/tasks/{hand.task}/return")
        if answer.get("status_requested"):
            await self._obey(answer["status_requested"])
        return False

    def _drop(self) -> None:
        hand, self.hand = self.hand, None
        if hand is not None:
            self.around.hands.dropped(hand)

    async def _report(self, task: str, status: str | None, words: str) -> None:
        self._unsent.append(Report(mark=self.around.new_mark(), task=task, status=status, words=words))
        await self._flush()

    async def _flush(self) -> None:
        """Send what waits, in order, up to the first report that is not taken."""
        while self._unsent:
            report = self._unsent[0]
            log = f"{self.name}: {report.words}, mark:{report.mark}"
            body: dict[str, Any] = {"log": log}
            if report.status is not None:
                body |= {"task_status": report.status, "activity": report.words, "current_command_idx": 0}
            sent_before = report.mark in self._tried
            self._tried.add(report.mark)
            try:
                answer = await self._ask("POST", f"/tasks/{report.task}/update", **body)
            except NoAnswer:
                return
            if answer.status == HTTPStatus.NO_CONTENT:
                self.around.ledger.acknowledged(report, self.around.now(), sent_before=sent_before)
            elif answer.status not in _DROPS:
                return
            self._tried.discard(report.mark)
            self._unsent.popleft()

    async def _ask(self, method: str, path: str, **body: Any) -> Answer:
        if not self.is_connected:
            raise NoAnswer
        self.asked_at = self.around.now()
        headers = {"Content-Type": "application/json"} if body else {}
        if self.worker_id:
            headers["Authorization"] = f"Basic {b64encode(f'{self.worker_id}:{self._secret}'.encode()).decode()}"
        request = a_request(method, path, headers=headers, body=json.dumps(body).encode() if body else None)
        answer = await self.around.send(self.address, request)
        if answer.status < HTTPStatus.INTERNAL_SERVER_ERROR and answer.status != HTTPStatus.UNAUTHORIZED:
            self.heard_at = self.around.now()
        return answer
