"""How the requests of the demonstration's Workers come to several Managers."""

import io
from collections import Counter
from random import Random
from typing import Any

from attrs import define, field, frozen
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import FileBodyProducer, ResponseFailed
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent
from zope.interface import implementer
from zope.interface.verify import verifyObject

from flamenco_mgr.demo.balancing import FRONT, BalancedAgent

ONE, TWO = "http://127.0.0.1:8001/", "http://127.0.0.1:8002/"


@frozen
class Response:
    """As much of an answer as is looked at."""

    code: int


@implementer(IAgent)
@define(eq=False)
class Managers:
    """Answers for all Managers with a status, or fails as told; notes what was asked of whom."""

    says: dict[str, int | Exception] = field(factory=dict)
    asked: list[tuple[str, Any, Any]] = field(factory=list)

    def request(self, method: bytes, uri: bytes, headers: Any = None, bodyProducer: Any = None) -> "Deferred[Any]":
        self.asked.append((f"{method.decode()} {uri.decode()}", headers, bodyProducer))
        (manager,) = (one for one in (ONE, TWO) if uri.startswith(one.encode()))
        answer = self.says.get(manager, 204)
        return fail(answer) if isinstance(answer, Exception) else succeed(Response(answer))


class BalancingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.managers = Managers()
        self.served: Counter[str] = Counter()
        self.way = self.a_way(ONE, TWO)

    def a_way(self, *managers: str) -> BalancedAgent:
        """Return a Worker's way to these Managers."""
        return BalancedAgent(agent=self.managers, managers=managers, random=Random(7), served=self.served)

    def ask(self, times: int = 1) -> None:
        """Send requests that are answered."""
        for _ in range(times):
            self.successResultOf(self.way.request(b"GET", f"{FRONT}may-i-run/5e6a".encode()))

    def test_interface(self) -> None:
        """It is an agent as any other."""
        self.assertTrue(verifyObject(IAgent, self.way))

    def test_all_of_them(self) -> None:
        """Each request goes to one of the Managers, about as many to each, and Workers change between them."""
        self.ask(100)
        lines = {line for line, _, _ in self.managers.asked}
        self.assertEqual(lines, {f"GET {ONE}may-i-run/5e6a", f"GET {TWO}may-i-run/5e6a"})
        self.assertEqual(self.served.total(), 100)
        self.assertGreater(min(self.served[ONE], self.served[TWO]), 30)
        self.assertGreater(self.way.moves, 30)

    def test_only_one(self) -> None:
        """Where there is one Manager all requests go to it, and nobody changes."""
        self.way = self.a_way(TWO)
        self.ask(10)
        self.assertEqual((self.served, self.way.moves), (Counter({TWO: 10}), 0))

    def test_dead(self) -> None:
        """A Manager that refuses connections is passed over."""
        self.managers.says[ONE] = Refused()
        self.ask(10)
        self.assertEqual((self.served, self.way.moves), (Counter({TWO: 10}), 0))
        self.assertGreater(len(self.managers.asked), 10)

    def test_all_dead(self) -> None:
        """If no Manager can be connected to, a Worker hears that; each was sent the same."""
        self.managers.says = {ONE: Refused(), TWO: Refused()}
        headers, body = Headers({"User-Agent": ["Flamenco-Worker/2.5"]}), FileBodyProducer(io.BytesIO(b"{}"))
        self.failureResultOf(self.way.request(b"POST", f"{FRONT}task".encode(), headers, body), Refused)
        self.assertCountEqual(
            self.managers.asked, [(f"POST {ONE}task", headers, body), (f"POST {TWO}task", headers, body)]
        )

    def test_lost(self) -> None:
        """What a Manager may have got is not sent to another one."""
        self.managers.says = {ONE: ResponseFailed([]), TWO: ResponseFailed([])}
        self.failureResultOf(self.way.request(b"POST", f"{FRONT}task".encode()), ResponseFailed)
        self.assertEqual(len(self.managers.asked), 1)

    def test_not_ready(self) -> None:
        """A Manager that is not ready is not counted as one that served."""
        self.managers.says[ONE] = 503
        self.ask(20)
        self.assertEqual(set(self.served), {TWO})
        self.assertLess(self.served[TWO], 20)
