"""Where logs are, and how they move."""

from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.log_files import log_path, numbered, rotation


class LogFileTests(SynchronousTestCase):
    def test_path(self) -> None:
        """A log is below the first four digits of its job (task-lifecycle.md 11)."""
        job, task = "5dca11112222333344445555", "5dca11112222333344446666"
        self.assertEqual(log_path(job, task), f"job-5dca/{job}/task-{task}.txt")

    def test_numbers(self) -> None:
        """task-lifecycle.md 20, fact 88; configuration.md 15, fact 37: the number of a name."""
        for name, expected in {
            "x.1": ("x", 1),
            "x.001": ("x", 1),
            "x.01": ("x", 1),
            "x.010": ("x", 10),
            "x.-4": ("x", -4),
            "x.1.2.3": ("x.1.2", 3),
            "": ("", -1),
            "x": ("x", -1),
            "x.": ("x.", -1),
            "x.abc": ("x.abc", -1),
            "x.9.what?": ("x.9.what?", -1),
            "ünï cödé.7": ("ünï cödé", 7),
        }.items():
            self.assertEqual(numbered(name), expected)

    def test_rotation(self) -> None:
        """Fact 91: numbers move up by one, the highest first, and holes stay holes."""
        moves = rotation("x", ["x", "x.1", "x.2", "x.3", "x.5", "x.7", "y.9", "x2.1"])
        self.assertEqual(
            moves, [("x.7", "x.8"), ("x.5", "x.6"), ("x.3", "x.4"), ("x.2", "x.3"), ("x.1", "x.2"), ("x", "x.1")]
        )

    def test_rotation_beyond_nine(self) -> None:
        """The highest number is the first to move, not the last name in the alphabet."""
        moves = rotation("x", ["x.10", "x.9", "x.100"])
        self.assertEqual(moves, [("x.100", "x.101"), ("x.10", "x.11"), ("x.9", "x.10"), ("x", "x.1")])

    def test_rotation_of_gzip(self) -> None:
        """A packed log becomes number 0 of its own name (configuration.md 13)."""
        self.assertEqual(
            rotation("x", ["x", "x.gz", "x.gz.0"]), [("x.gz.0", "x.gz.1"), ("x.gz", "x.gz.0"), ("x", "x.1")]
        )
