"""Whose secret is not checked when too many wait."""

from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.guessing import gives_way

GUESSER = "10.0.0.66"
FIRST, SECOND = "10.0.0.1", "10.0.0.99"


def just_read(address: str) -> str:
    """Return an address as a request has it: equal to one that waits, but another object."""
    return address.encode().decode()


class GivesWayTests(SynchronousTestCase):
    def test_room(self) -> None:
        """While fewer wait than may, nobody gives way."""
        self.assertIsNone(gives_way({}, FIRST, 1))
        self.assertIsNone(gives_way({FIRST: 2, SECOND: 1}, FIRST, 4))

    def test_no_room(self) -> None:
        """As soon as as many wait as may, somebody gives way; and when more do than may, too."""
        for most in (3, 2):
            self.assertEqual(gives_way({GUESSER: 3}, FIRST, most), GUESSER)

    def test_guesser(self) -> None:
        """The address that has most checks waiting gives way, be it the newcomer's or not."""
        for newcomer in (FIRST, SECOND, GUESSER):
            self.assertEqual(gives_way({FIRST: 1, GUESSER: 3, SECOND: 1}, newcomer, 5), GUESSER)

    def test_equals(self) -> None:
        """The newcomer's check counts with those that wait, and among equals the newcomer gives way."""
        for other, newcomer in ((FIRST, SECOND), (SECOND, FIRST)):
            self.assertEqual(gives_way({other: 2, newcomer: 1}, just_read(newcomer), 3), newcomer)
            self.assertEqual(gives_way({newcomer: 1, other: 2}, just_read(newcomer), 3), newcomer)
            self.assertEqual(gives_way({other: 1}, newcomer, 1), newcomer)

    def test_new_address(self) -> None:
        """An address that has nothing waiting yet comes with one check."""
        self.assertEqual(gives_way({FIRST: 2, GUESSER: 1}, SECOND, 3), FIRST)
