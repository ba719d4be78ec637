"""How long a line of the blacklist counts."""

from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.blacklist import EXPIRES_AFTER


class BlacklistTests(SynchronousTestCase):
    def test_week(self) -> None:
        """A line is void after a week (task-lifecycle.md 8)."""
        self.assertEqual(EXPIRES_AFTER, 604_800.0)
