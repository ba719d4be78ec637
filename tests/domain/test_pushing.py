"""When the Server is told the news: server-api.md 12.1, row by row."""

from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain import pushing
from flamenco_mgr.domain.pushing import PushRules, backoff

RULES = PushRules(max_interval=5.0, max_count=3000, cancel_interval=10.0)


class PushRulesTests(SynchronousTestCase):
    def test_decision_table(self) -> None:
        """server-api.md 12.1: at this time, with so many updates, the last push at 100: this many are pushed."""
        nothing = None
        for now, last_push, waiting, pushed in (
            (100.0, None, 0, 0),
            (100.0, None, 7, 7),
            (101.0, 100.0, 0, nothing),
            (101.0, 100.0, 1, nothing),
            (104.0, 100.0, 2999, nothing),
            (104.0, 100.0, 3000, 3000),
            (105.0, 100.0, 1, 1),
            (105.0, 100.0, 3500, 3000),
            (106.0, 105.0, 500, nothing),
            (110.0, 105.0, 500, 500),
            (101.0, 100.0, 7000, 3000),
            (102.0, 101.0, 4000, 3000),
            (103.0, 102.0, 1000, nothing),
            (106.0, 102.0, 1000, nothing),
            (107.0, 102.0, 1000, 1000),
            (109.0, 100.0, 0, nothing),
            (110.0, 100.0, 0, 0),
            (110.0, 105.0, 0, nothing),
            (114.0, 105.0, 0, nothing),
            (115.0, 105.0, 0, 0),
            (112.0, 103.0, 0, nothing),
            (113.0, 103.0, 0, 0),
            (118.0, 117.0, 1, nothing),
        ):
            due = RULES.due(now=now, last_push=last_push, waiting=waiting)
            self.assertEqual(RULES.batch(waiting) if due else nothing, pushed, (now, last_push, waiting))

    def test_cancel_interval_counts_alone(self) -> None:
        """With an interval of 30 s and a cancel interval of 0.3 s an update is pushed after a second."""
        rules = PushRules(max_interval=30.0, max_count=3000, cancel_interval=0.3)
        self.assertTrue(rules.due(now=101.0, last_push=100.0, waiting=1))

    def test_no_limit(self) -> None:
        """A count of 0 makes every update due at once, and all of them one push."""
        rules = PushRules(max_count=0)
        self.assertTrue(rules.due(now=100.0, last_push=100.0, waiting=1))
        self.assertFalse(rules.due(now=100.0, last_push=100.0, waiting=0))
        self.assertEqual(rules.batch(70_000), 70_000)

    def test_long_after(self) -> None:
        """Whatever time has passed beyond an interval, the news is old enough."""
        for now in (6.5, 7.0, 9.0, 11.0):
            self.assertTrue(RULES.due(now=now, last_push=1.0, waiting=1), now)

    def test_defaults(self) -> None:
        """Without settings: five seconds, 3000 updates, ten seconds (server-api.md 12.1)."""
        self.assertEqual(PushRules(), RULES)


class LimitTests(SynchronousTestCase):
    def test_size(self) -> None:
        """A request has at most a thousand updates, and about a mebibyte (server-api.md 5.2)."""
        self.assertEqual((pushing.MOST_UPDATES, pushing.MOST_BYTES), (1000, 1_048_576))

    def test_single(self) -> None:
        """Which answers may be due to one update, and how often it is tried until it is parked (server-api.md 17.9)."""
        self.assertEqual(pushing.SPLIT_STATUSES, {400, 413, 422, 500})
        self.assertEqual((pushing.MOST_REFUSALS, pushing.MOST_UNHANDLED), (5, 10))

    def test_distance(self) -> None:
        """Attempts that somebody asks for are a second apart at least."""
        self.assertEqual(pushing.KICK_DISTANCE, 1.0)


class BackoffTests(SynchronousTestCase):
    def test_doubles(self) -> None:
        """After f failures in a row the next attempt is min(2^(f-1), 60) seconds later."""
        self.assertEqual(
            [backoff(failures, 0.0) for failures in range(9)], [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
        )

    def test_never_ends(self) -> None:
        """A Server that is away for weeks is still asked each minute."""
        self.assertEqual(backoff(100_000, 0.0), 60.0)

    def test_jitter(self) -> None:
        """Chance adds up to a tenth."""
        self.assertEqual([backoff(3, chance) for chance in (0.0, 0.5, 1.0)], [4.0, 4.2, 4.4])
