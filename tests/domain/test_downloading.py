"""When the Server's tasks are downloaded, and from where on."""

from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain import downloading
from flamenco_mgr.domain.downloading import clean_slate_due, kick_allowed, next_mark, since

MARK = "2019-11-12T13:57:09.412000+00:00"
DATE = 1573567032.0  # 2019-11-12T13:57:12+00:00


class KickTests(SynchronousTestCase):
    def test_throttle(self) -> None:
        """server-api.md 12.2: the first kick always, later ones when more than the throttle has passed, strictly."""
        for now, last_kick, throttle, allowed in (
            (100.0, None, 10.0, True),
            (110.0, 100.0, 10.0, False),
            (110.1, 100.0, 10.0, True),
            (100.0, 100.0, 0.0, False),
            (100.1, 100.0, 0.0, True),
            (100.0, None, -1.0, False),
            (999.0, 100.0, -1.0, False),
            (250.0, 100.0, 60.0, True),
            (90.0, 100.0, 10.0, False),
        ):
            self.assertEqual(kick_allowed(now, last_kick, throttle), allowed, (now, last_kick, throttle))


class CleanSlateTests(SynchronousTestCase):
    def test_due(self) -> None:
        """server-api.md 17.4: everything is downloaded at the start and every six hours."""
        self.assertTrue(clean_slate_due(0.0, None))
        self.assertFalse(clean_slate_due(100.0 + 6 * 3600 - 1, 100.0))
        self.assertTrue(clean_slate_due(100.0 + 6 * 3600, 100.0))
        self.assertTrue(clean_slate_due(100.0 + 7 * 3600, 100.0))


class WaitTests(SynchronousTestCase):
    def test_waits(self) -> None:
        """A minute after a failure or a refusal (server-api.md 2); an hour until a depsgraph is asked for (12.3)."""
        waits = (downloading.AGAIN_AFTER, downloading.REFUSED_WAIT, downloading.CHUNKS_FOR)
        self.assertEqual(waits, (60.0, 60.0, 3600.0))


class SinceTests(SynchronousTestCase):
    def test_overlap(self) -> None:
        """server-api.md 17.4: each download begins ten minutes before the mark."""
        self.assertEqual(since(MARK), "2019-11-12T13:47:09.412000+00:00")

    def test_spellings(self) -> None:
        """A mark may be in another zone, without a fraction, or without a zone, which is UTC then."""
        for mark in (
            "2019-11-12T14:57:09+01:00",
            "2019-11-12T13:57:09Z",
            "2019-11-12T13:57:09",
            " 2019-11-12T13:57:09 ",
        ):
            self.assertEqual(since(mark), "2019-11-12T13:47:09+00:00", mark)

    def test_no_mark(self) -> None:
        """Without a mark, or with one that is no time, everything is asked for."""
        for mark in (None, "", "yesterday-ish", "9999999"):
            self.assertIsNone(since(mark), mark)


class NextMarkTests(SynchronousTestCase):
    def next(self, heard: str, mark: str | None = None, *, clean_slate: bool = False) -> str | None:
        return next_mark(mark, heard, date=DATE, clean_slate=clean_slate)

    def test_as_it_came(self) -> None:
        """The Server's word is kept as it is."""
        self.assertEqual(self.next(MARK), MARK)

    def test_never_back(self) -> None:
        """The overlap brings old tasks again: the mark does not follow them back."""
        self.assertEqual(self.next("2019-11-12T13:50:00+00:00", MARK), MARK)

    def test_goes_on(self) -> None:
        """A newer word is the next mark, and so is the same instant in another spelling."""
        for mark in ("2019-11-12T13:50:00+00:00", "2019-11-12T14:57:09.412000+01:00", "no time"):
            self.assertEqual(self.next(MARK, mark), MARK)

    def test_clean_slate_may_go_back(self) -> None:
        """What a clean slate says is new counts, whatever the mark was."""
        older = "2019-11-12T13:50:00+00:00"
        self.assertEqual(self.next(older, MARK, clean_slate=True), older)

    def test_never_into_the_future(self) -> None:
        """server-api.md 17.2: a mark later than the answer's Date would hide new tasks; it is Date - 1 s instead."""
        self.assertEqual(self.next("2019-11-12T14:57:09.412000+00:00"), "2019-11-12T13:57:11+00:00")
        self.assertEqual(self.next(MARK, "2019-11-12T14:57:09+00:00"), "2019-11-12T13:57:11+00:00")
        self.assertEqual(self.next("2019-11-12T13:57:12+00:00"), "2019-11-12T13:57:12+00:00")

    def test_no_time(self) -> None:
        """A word that is no time leaves the mark where it is."""
        self.assertEqual([self.next("soon", MARK), self.next("soon")], [MARK, None])
