"""Requests on their way to the Manager: through its own HTTP server, in memory."""

from collections.abc import Callable

from attrs import define, field
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail

from flamenco_mgr.web.site import WorkersSite
from tests.web.wires import Answer, Wire
from tests.week.plan import ANSWER_TIME


class NoAnswer(Exception):
    """The Manager cannot be reached, or did not answer in time."""


@define(eq=False, kw_only=True)
class _OnTheWay:
    wire: Wire
    answered: "Deferred[Answer]"
    until: float


@define(eq=False, kw_only=True)
class Mail:
    """Carries requests; ``site`` is where to, None while there is no Manager."""

    now: Callable[[], float]
    site: WorkersSite | None = None
    sent: int = field(init=False, default=0)
    _under_way: list[_OnTheWay] = field(init=False, factory=list)

    @property
    def is_empty(self) -> bool:
        return not self._under_way

    def ask(self, address: str, request: bytes) -> "Deferred[Answer]":
        """Send a request from an address; fails with `NoAnswer`."""
        if self.site is None:
            return fail(NoAnswer())
        wire = Wire(self.site, IPv4Address("TCP", address, 51234))
        answered: Deferred[Answer] = Deferred(lambda _: self._give_up(one))
        one = _OnTheWay(wire=wire, answered=answered, until=self.now() + ANSWER_TIME)
        self._under_way.append(one)
        self.sent += 1
        wire.send(request)
        return answered

    def deliver(self) -> bool:
        """Deliver the answers that are there, and those that are too late to be; return whether there was any."""
        under_way, self._under_way = self._under_way, []
        over: list[_OnTheWay] = []
        for one in under_way:
            is_over = bool(one.wire.transport.value()) or self.now() >= one.until
            (over if is_over else self._under_way).append(one)
        for one in over:
            answers = one.wire.answers()
            self._hang_up(one)
            if answers:
                one.answered.callback(answers[0])
            else:
                one.answered.errback(NoAnswer())
        return bool(over)

    def break_off(self) -> None:
        """Let the Manager be gone."""
        self.site = None
        for one in self._under_way:
            one.until = self.now()

    def _give_up(self, one: _OnTheWay) -> None:
        if one in self._under_way:
            self._under_way.remove(one)
            self._hang_up(one)

    @staticmethod
    def _hang_up(one: _OnTheWay) -> None:
        if one.wire.is_open:
            one.wire.hang_up()
