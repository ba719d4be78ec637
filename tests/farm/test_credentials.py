"""Workers' secrets."""

import bcrypt
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.farm.credentials import TooBusy, WorkerCredentials
from tests.builders import WORKER
from tests.threads import HeldThread, at_once

SECRET = b"q7Zt0KfY3mWbN9xUa1LrVh5CsEoJd2GpTi8RyQkXwMvBnAzHg4DuSe6FjPlOc0Ia"
HASH = bcrypt.hashpw(SECRET, bcrypt.gensalt(4, prefix=b"2a"))


class WorkerCredentialsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.credentials = WorkerCredentials(in_thread=at_once)

    def check(self, secret: bytes, hashed: bytes = HASH) -> bool:
        return self.successResultOf(Deferred.fromCoroutine(self.credentials.check(WORKER, hashed, secret)))

    def test_original_hash(self) -> None:
        """A ``$2a$`` hash of cost 4, as the original writes them, is verified (worker-api.md 3.1)."""
        self.assertTrue(HASH.startswith(b"$2a$04$"))
        self.assertTrue(self.check(SECRET))

    def test_own_hash(self) -> None:
        """A secret that was hashed here is verified."""
        hashed = self.successResultOf(Deferred.fromCoroutine(self.credentials.hashed(SECRET)))
        self.assertTrue(self.check(SECRET, hashed))

    def test_known_after_check(self) -> None:
        """After the slow check a worker's secret is known, and any other is refused without one."""
        self.assertIsNone(self.credentials.known(WORKER, SECRET))
        self.check(SECRET)
        self.assertIs(self.credentials.known(WORKER, SECRET), True)
        self.assertIs(self.credentials.known(WORKER, b"other"), False)
        self.assertIs(self.credentials.known(WORKER, SECRET), True)

    def test_wrong_is_not_remembered(self) -> None:
        """A wrong secret is refused and leaves nothing behind."""
        self.assertFalse(self.check(b"wrong"))
        self.assertIsNone(self.credentials.known(WORKER, SECRET))

    def test_forget(self) -> None:
        """A forgotten worker's secret has to be checked anew."""
        self.check(SECRET)
        self.credentials.forget(WORKER)
        self.assertIsNone(self.credentials.known(WORKER, SECRET))

    def test_useless_input(self) -> None:
        """An empty or too long secret, and a damaged hash, are a no and no crash."""
        for secret, hashed in ((b"", HASH), (b"x" * 73, HASH), (SECRET, b"damaged"), (SECRET, b"")):
            self.assertFalse(self.check(secret, hashed))

    def test_same_check_once(self) -> None:
        """The same check asked for by several requests at once is done once, and all hear its result."""
        thread = HeldThread()
        self.credentials.in_thread = thread
        waiting = [Deferred.fromCoroutine(self.credentials.check(WORKER, HASH, SECRET)) for _ in range(5)]
        self.assertEqual(len(thread.waiting), 1)
        thread.let_go()
        self.assertEqual([self.successResultOf(result) for result in waiting], [True] * 5)

    def test_bounded(self) -> None:
        """So many checks of different secrets at once that the farm would stand still are sent away."""
        thread = HeldThread()
        self.credentials.in_thread = thread
        waiting = [
            Deferred.fromCoroutine(self.credentials.check(f"{number:024}", b"no hash", b"secret"))
            for number in range(300)
        ]
        refused = [result for result in waiting if result.called]
        self.assertEqual((len(thread.waiting), len(refused)), (2, 198))
        for result in refused:
            self.failureResultOf(result, TooBusy)
        while thread.waiting:
            thread.let_go()
        self.assertEqual([self.successResultOf(result) for result in waiting if result not in refused], [False] * 102)

    def test_guesses_keep_nobody_out(self) -> None:
        """Whoever guesses at one worker's secret is sent away soon; other workers and new ones get their turn."""
        thread = HeldThread()
        self.credentials.in_thread = thread
        guesses = [
            Deferred.fromCoroutine(self.credentials.check(WORKER, b"no hash", b"%d" % number)) for number in range(50)
        ]
        other = Deferred.fromCoroutine(self.credentials.check("b" * 24, HASH, SECRET))
        new = Deferred.fromCoroutine(self.credentials.hashed(SECRET))
        for guess in guesses[4:]:
            self.failureResultOf(guess, TooBusy)
        while thread.waiting:
            thread.let_go()
        self.assertTrue(self.successResultOf(other))
        self.assertTrue(self.successResultOf(new))
        self.assertEqual([self.successResultOf(guess) for guess in guesses[:4]], [False] * 4)
