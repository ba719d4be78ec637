"""Guessing at Workers' secrets: how fast, and in whose way."""

import hmac
import pickle

import bcrypt
from hypothesis import given, settings, strategies
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.guessing import gives_way
from flamenco_mgr.farm.credentials import TooBusy, WorkerCredentials
from tests.builders import WORKER
from tests.threads import HeldThread

SECRET = b"q7Zt0KfY3mWbN9xUa1LrVh5CsEoJd2GpTi8RyQkXwMvBnAzHg4DuSe6FjPlOc0Ia"
HASH = bcrypt.hashpw(SECRET, bcrypt.gensalt(4))
GUESSER, HOME = "10.6.6.6", "10.0.0.7"


class GivesWayTests(SynchronousTestCase):
    """The rule by itself."""

    def test_room(self) -> None:
        """As long as there is room nothing gives way."""
        self.assertIsNone(gives_way({"a": 2, "b": 1}, "a", 4))

    def test_most(self) -> None:
        """Where most wait, the newcomer counted, one gives way; among equals the newcomer."""
        self.assertEqual(gives_way({"a": 3, "b": 1}, "c", 4), "a")
        self.assertEqual(gives_way({"a": 3, "b": 1}, "a", 4), "a")
        self.assertEqual(gives_way({"a": 2, "b": 2}, "a", 4), "a")
        self.assertEqual(gives_way({"a": 1, "b": 1}, "c", 2), "c")
        self.assertEqual(gives_way({}, "c", 0), "c")

    @settings(max_examples=50, deadline=None)
    @given(
        strategies.dictionaries(strategies.sampled_from("abcd"), strategies.integers(1, 9)), strategies.integers(0, 9)
    )
    def test_few_are_safe(self, waiting: dict[str, int], most: int) -> None:
        """Nothing gives way of an address that has fewer than another one, or than the newcomer's would have."""
        loser = gives_way(waiting, "a", most)
        with_it = {**waiting, "a": waiting.get("a", 0) + 1}
        self.assertTrue(loser is None or with_it[loser] == max(with_it.values()))


class GuessesTests(SynchronousTestCase):
    """A Manager that has just started, and knows no secret yet: somebody guesses while a Worker comes back."""

    def setUp(self) -> None:
        self.thread = HeldThread()
        self.credentials = WorkerCredentials(in_thread=self.thread)
        self.guesses: list[Deferred[bool]] = []

    def check(self, secret: bytes, address: str, worker: str = WORKER) -> "Deferred[bool]":
        return Deferred.fromCoroutine(self.credentials.check(worker, HASH, secret, address))

    def guess(self, count: int, address: str = GUESSER, worker: str = WORKER) -> None:
        for _ in range(count):
            guess = self.check(b"guess %d" % len(self.guesses), address, worker)
            _ = guess.addErrback(lambda failure: failure.trap(TooBusy) is None)
            self.guesses.append(guess)

    def test_own_worker(self) -> None:
        """Guesses at a Worker's secret from elsewhere do not keep the Worker itself out, however many they are."""
        self.guess(200)
        mine = self.check(SECRET, HOME)
        turns = 0
        while not mine.called:
            self.thread.let_go()
            self.guess(20)
            turns += 1
        self.assertTrue(self.successResultOf(mine))
        self.assertLessEqual(turns, 3)
        self.drain()

    def test_all_workers(self) -> None:
        """Guesses at all Workers' secrets fill the queue, and a Worker from elsewhere has its turn all the same."""
        for number in range(300):
            self.guess(1, worker=f"{number:024x}")
        mine = self.check(SECRET, HOME)
        turns = 0
        while not mine.called:
            self.thread.let_go()
            self.guess(1, worker=f"{turns:024x}")
            turns += 1
        self.assertTrue(self.successResultOf(mine))
        self.assertLessEqual(turns, 4)
        self.drain()

    def test_after_the_first(self) -> None:
        """A Worker whose secret is known needs no turn, and guesses at it cost the Manager no slow hash."""
        mine = self.check(SECRET, HOME)
        self.thread.let_go()
        self.assertTrue(self.successResultOf(mine))
        for number in range(1000):
            self.assertIs(self.credentials.known(WORKER, b"guess %d" % number), False)
        self.assertIs(self.credentials.known(WORKER, SECRET), True)
        self.assertEqual(self.thread.waiting, [])

    def test_bounded(self) -> None:
        """At most two secrets are checked at the same time, and four of one Worker's wait from one address."""
        self.guess(500)
        self.assertEqual((len(self.thread.waiting), sum(not guess.called for guess in self.guesses)), (2, 4))
        self.drain()

    def test_turns_are_given_back(self) -> None:
        """When all is over, the next two are checked at once again."""
        self.guess(300)
        self.drain()
        results = [self.check(SECRET, HOME), self.check(b"wrong", GUESSER)]
        self.assertEqual(len(self.thread.waiting), 2)
        self.drain()
        self.assertEqual([self.successResultOf(result) for result in results], [True, False])

    def drain(self) -> None:
        while self.thread.waiting:
            self.thread.let_go()


class ConstantTimeTests(SynchronousTestCase):
    """How long it takes to refuse a secret says nothing of it: what is kept, and what of it is compared."""

    def setUp(self) -> None:
        self.compared: list[tuple[bytes, bytes]] = []
        self.credentials = WorkerCredentials(in_thread=HeldThread(), same=self.same)
        self.credentials.remember(WORKER, SECRET)

    def same(self, one: bytes, other: bytes) -> bool:
        self.compared.append((one, other))
        return hmac.compare_digest(one, other)

    def test_known(self) -> None:
        """Of right secrets and wrong ones only keyed digests of one length are compared, whole, and once each."""
        wrong = (b"", SECRET[:1], SECRET[:-1], SECRET[:-1] + b"x", SECRET + b"x", b"x" * 5000)
        answers = [self.credentials.known(WORKER, secret) for secret in (SECRET, *wrong)]
        self.assertEqual(answers, [True, *([False] * len(wrong))])
        self.assertEqual(len(self.compared), len(answers))
        self.assertEqual({len(digest) for pair in self.compared for digest in pair}, {32})
        self.assertEqual(len({kept for kept, _ in self.compared}), 1)
        self.assertEqual(len({given for _, given in self.compared}), len(answers))

    def test_comparison(self) -> None:
        """A Manager compares them by the function that takes as long for a wrong digest as for the right one."""
        self.assertIs(WorkerCredentials(in_thread=HeldThread()).same, hmac.compare_digest)

    def test_kept(self) -> None:
        """No secret is kept, nor what anybody can compute of it: another process's digests are others."""
        other = WorkerCredentials(in_thread=HeldThread())
        self.assertNotEqual(self.credentials.digest(SECRET), other.digest(SECRET))
        self.assertNotIn(SECRET, pickle.dumps(self.credentials._verified))

    def test_shown(self) -> None:
        """Neither the key nor a digest is in what a traceback or a log would show of the object."""
        shown = repr(self.credentials)
        for hidden in (SECRET, self.credentials._key, self.credentials.digest(SECRET)):
            self.assertNotIn(repr(hidden), shown)
