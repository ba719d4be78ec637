"""Who may register."""

import jwt
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.farm.registration import RegistrationGuard

SECRET = "render farm on the third floor, left"
OF_THE_SPEC = (
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJleHAiOjE1ODM5MzQzMDAuMjUsImlhdCI6MTU4MzkzMzQwMC4yNX0"
    ".r6xIYFv8_aqhqA0lap_lqC1-W_ZCW7ZQ11hMsaE1EFs"
)


class RegistrationGuardTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1583933400.0)
        self.guard = RegistrationGuard(secret=SECRET, clock=self.clock)

    def token(self, secret: str = SECRET, algorithm: str = "HS256", **claims: float) -> str:
        now = self.clock.seconds()
        return "Bearer " + jwt.encode({"iat": now, "exp": now + 10} | claims, secret, algorithm=algorithm)

    def test_open(self) -> None:
        """task-lifecycle.md 20, fact 97: without a secret everybody may register, whatever the header says."""
        guard = RegistrationGuard(secret="", clock=self.clock)
        self.assertTrue(guard.is_open)
        self.assertEqual([guard.refusal(None), guard.refusal("Bearer nonsense")], [None, None])

    def test_missing(self) -> None:
        """Fact 98 (configuration.md 15, fact 22): with a secret, a registration without a token is refused."""
        for header in (None, "", "Basic abc", "Bearer"):
            self.assertEqual(self.guard.refusal(header), "Missing Bearer token for registration")

    def test_wrong_secret(self) -> None:
        """Fact 99: a token signed with another secret is refused."""
        self.assertIn("Invalid Bearer token", self.guard.refusal(self.token(secret="x" * 40)) or "")

    def test_right(self) -> None:
        """Fact 100: a token issued now that is good for ten seconds is accepted; the scheme's case does not matter."""
        self.assertIsNone(self.guard.refusal(self.token()))
        self.assertIsNone(self.guard.refusal(self.token().replace("Bearer", "bEARER")))

    def test_worker_token(self) -> None:
        """The token of worker-api.md 3.2, with its fractions of seconds, is accepted in its time and not after it."""
        guard = RegistrationGuard(secret="render farm", clock=self.clock)
        self.assertIsNone(guard.refusal(f"Bearer {OF_THE_SPEC}"))
        self.clock.advance(1000.0)
        self.assertIn("expired", guard.refusal(f"Bearer {OF_THE_SPEC}") or "")

    def test_clocks_differ(self) -> None:
        """A Worker whose clock is half a minute ahead may register."""
        self.assertIsNone(self.guard.refusal(self.token(iat=self.clock.seconds() + 30)))

    def test_other_algorithms(self) -> None:
        """Only tokens signed with HMAC count: none without signature, and none that is damaged."""
        unsigned = jwt.encode({"exp": 9e9}, "", algorithm="none")
        for token in (f"Bearer {unsigned}", self.token()[:-3], "Bearer a.b.c", "Bearer \ud800", "Bearer é.é.é"):
            self.assertIn("Invalid Bearer token", self.guard.refusal(token) or "")

    def test_secret_is_hidden(self) -> None:
        """The secret does not show in texts."""
        self.assertNotIn(SECRET, repr(self.guard))
