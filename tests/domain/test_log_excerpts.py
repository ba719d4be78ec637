"""What is shown of a long log (dashboard.md 8)."""

from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.log_excerpts import HEAD, SHORT, TAIL, abridged, readable_size


class AbridgedTests(SynchronousTestCase):
    def test_limits(self) -> None:
        """Five KiB of the beginning are shown and ten of the end, and a log that is shorter than both whole."""
        self.assertEqual((HEAD, TAIL, SHORT), (5 * 1024, 10 * 1024, 15 * 1024))

    def test_whole_lines(self) -> None:
        """The end begins with a whole line, and how much is left out is said between."""
        shown = abridged(b"first\nsec", b"cut\nlast but one\nlast\n", 2 * SHORT + 2048)
        self.assertTrue(shown.startswith(b"first\nsec...\n"))
        self.assertIn(b"Skipped 17.0 KiB,", shown)
        self.assertTrue(shown.endswith(b" \n\nlast but one\nlast\n"))
        self.assertNotIn(b"cut", shown)

    def test_endless_line(self) -> None:
        """An end without a line's end is shown as it is."""
        self.assertTrue(abridged(b"head", b"tail", SHORT + 1).endswith(b"\n\ntail"))


class SizeTests(SynchronousTestCase):
    def test_sizes(self) -> None:
        """The largest unit is used of which there is more than one; beyond the last one the number grows."""
        for size, text in {
            0: "0.0 B",
            512: "512.0 B",
            1024: "1024.0 B",
            1025: "1.0 KiB",
            1536: "1.5 KiB",
            1024**2 + 1: "1.0 MiB",
            3 * 1024**3: "3.0 GiB",
            2 * 1024**4: "2.0 TiB",
            5000 * 1024**4: "5000.0 TiB",
        }.items():
            self.assertEqual(readable_size(size), text)
