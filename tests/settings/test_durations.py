"""Durations (configuration.md 2)."""

from hypothesis import given, strategies
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.settings.durations import format_duration, parse_duration
from flamenco_mgr.settings.problems import Unfit


class ParsingTests(SynchronousTestCase):
    def test_meanings(self) -> None:
        """Numbers with units are added up; ``0`` may stand alone."""
        for text, seconds in (
            ("10s", 10),
            ("5m", 300),
            ("336h", 336 * 3600),
            ("1h30m", 5400),
            ("1.5h", 5400),
            ("10m0s", 600),
            ("336h0m0s", 336 * 3600),
            ("-1s", -1),
            ("+1s", 1),
            ("300ms", 0.3),
            ("1s300ms", 1.3),
            ("15us", 15e-6),
            ("15\u00b5s", 15e-6),
            ("15\u03bcs", 15e-6),
            ("7ns", 7e-9),
            (".5s", 0.5),
            ("1.s", 1),
            ("0", 0),
            ("-0", 0),
            ("0.0", 0),
            ("0s", 0),
            ("1m1m", 120),
            ("2562047h47m16.854775807s", 9223372036.854775807),
        ):
            self.assertEqual(parse_duration(text), seconds, text)

    def test_bare_number(self) -> None:
        """A number without a unit, nanoseconds to the original, is refused with the advice to add one."""
        for text in ("30", "-1", "1.5", "007"):
            mistake = self.assertRaises(Unfit, parse_duration, text)
            self.assertIn(f"'{text}s'", mistake.suggestion)
            self.assertIn("add a unit", mistake.suggestion)

    def test_days_and_weeks(self) -> None:
        """Days and weeks are no units; the hours that are meant are named."""
        for text, meant in (("14d", "336h"), ("2 weeks", "336h"), ("1day", "24h")):
            self.assertIn(f"'{meant}'", self.assertRaises(Unfit, parse_duration, text).suggestion)

    def test_spaces(self) -> None:
        """Spaces are not allowed; the text without them is named."""
        self.assertIn("'1h30m'", self.assertRaises(Unfit, parse_duration, "1h 30m").suggestion)

    def test_refused(self) -> None:
        """Anything else is no duration, and neither is what is longer than the format can say."""
        for text in (
            "",
            "s",
            "1x",
            "1s2",
            "--1s",
            "1,5s",
            "١s",
            "1S",
            "1e3s",
            "inf",
            ".s",
            "2562048h",
            "1" * 101 + "s",
        ):
            self.assertRaises(Unfit, parse_duration, text)


class FormattingTests(SynchronousTestCase):
    def test_forms(self) -> None:
        """Seconds are written with the largest units, without empty parts."""
        for seconds, text in ((0, "0s"), (600, "10m"), (5400, "1h30m"), (-1, "-1s"), (1.3, "1s300ms"), (1e-6, "1us")):
            self.assertEqual(format_duration(seconds), text)

    @given(strategies.integers(-(2**63) + 1, 2**63 - 1))
    def test_there_and_back(self, nanoseconds: int) -> None:
        """What was read from a text is read again from the text that is written."""
        seconds = nanoseconds / 10**9
        if abs(seconds) < 2**63 / 10**9:
            self.assertEqual(parse_duration(format_duration(seconds)), seconds)
