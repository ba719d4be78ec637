"""The times in the token of a registration."""

from collections.abc import Mapping

from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.tokens import untimely


class TokenTests(SynchronousTestCase):
    def test_times(self) -> None:
        """``exp`` is needed; every time may be off by a minute, as clocks are (worker-api.md 3.2)."""
        now = 1000.0
        claims: Mapping[str, object]
        for claims in ({"exp": 1000.25}, {"exp": 940}, {"exp": 1900, "iat": 1060.0}, {"exp": 1900, "nbf": 1060}):
            self.assertEqual(untimely(claims, now), "")
        for claims, word in (
            ({}, "missing"),
            ({"exp": 939.9}, "expired"),
            ({"exp": 1900, "iat": 1060.5}, "future"),
            ({"exp": 1900, "nbf": 1061}, "yet"),
            ({"exp": "1900"}, "number"),
            ({"exp": True}, "number"),
        ):
            self.assertIn(word, untimely(claims, now))

    def test_edges(self) -> None:
        """The minute is the last instant that counts, on both sides, and a time that is no number is none at all."""
        self.assertEqual(untimely({"exp": 940.0, "iat": 1060.0, "nbf": 1060.0}, 1000.0), "")
        for name, edge in (("exp", 939.0), ("iat", 1061.0), ("nbf", 1061.0)):
            self.assertNotEqual(untimely({"exp": 1000.0, name: edge}, 1000.0), "", name)
        for name in ("exp", "iat", "nbf"):
            strange: object
            for strange in (False, "", [], {}, b"1000"):
                self.assertEqual(untimely({"exp": 1000.0, name: strange}, 1000.0), f"{name} is not a number")

    def test_at_zero(self) -> None:
        """The first instant of all is a time like any other."""
        self.assertEqual(untimely({"exp": 0, "iat": 0, "nbf": 0}, 0.0), "")
        self.assertEqual(untimely({"exp": 1900}, 1000.0), "")
