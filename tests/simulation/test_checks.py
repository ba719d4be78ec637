"""The checks of the simulation: what they let pass, and what not."""

import sqlite3
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from contextlib import closing
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.simulation.ahead import LogWatch, WriteAhead
from tests.week.hands import Hand, Hands

PAGES = 2000
"""More than the log should have."""


class LogTests(SynchronousTestCase):
    def test_what_is_valid(self) -> None:
        """Of a log that was begun anew only what was written since then counts, although the file is no shorter."""
        store = Path(self.mktemp())
        with closing(sqlite3.connect(store, isolation_level=None)) as connection:
            for setting in ("journal_mode = WAL", "wal_autocheckpoint = 0", "synchronous = OFF"):
                connection.execute(f"PRAGMA {setting}")
            connection.execute("CREATE TABLE t (x)")
            connection.execute("INSERT INTO t VALUES (zeroblob(400000))")
            long, size = WriteAhead.of(store), store.with_name(f"{store.name}-wal").stat().st_size
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            connection.execute("INSERT INTO t VALUES (1)")
            short = WriteAhead.of(store)
        self.assertGreaterEqual(long.pages, 97)
        self.assertEqual(short.begun, long.begun + 1)
        self.assertLess(short.pages, 10)
        self.assertGreaterEqual(size, long.pages * 4096)

    def test_never_begun_anew(self) -> None:
        """A log that goes on for more than ten seconds although it is long is complained of."""
        watch = LogWatch()
        told = [watch.look(WriteAhead(begun=1, pages=PAGES + now), now) for now in range(13)]
        self.assertEqual([bool(one) for one in told], [False] * 12 + [True])

    def test_begun_anew(self) -> None:
        """A log of any length is all right that is begun anew, and one that is long while nothing is written."""
        watch = LogWatch()
        told = [watch.look(WriteAhead(begun=now // 5, pages=PAGES * (now % 5)), now) for now in range(40)]
        told += [watch.look(WriteAhead(begun=9, pages=PAGES), now) for now in range(40, 80)]
        self.assertEqual(set(told), {""})


class HandsTests(SynchronousTestCase):
    def test_lost_run(self) -> None:
        """A task goes from one machine to another that is still on it only if that one is known to have lost it."""
        for losers, wrong in (({"first"}, False), (set[str](), True)):
            hands = Hands(
                silent=60.0,
                requeued=lambda _: 0.0,
                is_forgotten=lambda _: False,
                has_lost=_is_among(losers),
            )
            told = [hands.taken(_hand(machine), 2.0) for machine in ("first", "second")]
            self.assertEqual([bool(one) for one in told], [False, wrong])


def _is_among(losers: AbstractSet[str]) -> Callable[[Hand], bool]:
    return lambda hand: hand.machine in losers


def _hand(machine: str) -> Hand:
    return Hand(machine=machine, task="task", since=1.0, heard_at=lambda: 2.0)
