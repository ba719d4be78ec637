"""Ids, stamps, rings, log files, tokens and paths of images."""

import string
from collections.abc import Mapping

from hypothesis import given, strategies
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.ids import normal_id
from flamenco_mgr.domain.log_files import log_path, numbered, rotation
from flamenco_mgr.domain.outputs import is_plain_image_path
from flamenco_mgr.domain.rings import waiting_in_rings
from flamenco_mgr.domain.stamps import iso_milliseconds, log_stamp
from flamenco_mgr.domain.tokens import untimely


class IdTests(SynchronousTestCase):
    def test_ids(self) -> None:
        """24 hexadecimal digits are an id, in lower case; anything else is none."""
        self.assertEqual(normal_id("5E6A1F2C9D3B4A0017C0FFEE"), "5e6a1f2c9d3b4a0017c0ffee")
        for wrong in (
            "",
            "5e6a",
            "5e6a1f2c9d3b4a0017c0ffeg",
            "5e6a1f2c9d3b4a0017c0ffee\n",
            "0" * 25,
            None,
            5,
            "０" * 24,
        ):
            self.assertIsNone(normal_id(wrong))


class StampTests(SynchronousTestCase):
    def test_stamps(self) -> None:
        """Instants are written in UTC: to the second in logs, with milliseconds and ``Z`` for the Server."""
        self.assertEqual(log_stamp(1573567032.318), "2019-11-12T13:57:12+0000")
        self.assertEqual(iso_milliseconds(1573567032.318), "2019-11-12T13:57:12.318Z")
        self.assertEqual(iso_milliseconds(1573567032), "2019-11-12T13:57:12.000Z")


class RingTests(SynchronousTestCase):
    def test_chain(self) -> None:
        """A chain of parents, some of them not among the tasks, has no ring."""
        self.assertEqual(waiting_in_rings({"a": [], "b": ["a"], "c": ["b", "elsewhere"]}), frozenset())

    def test_ring(self) -> None:
        """Tasks in a ring, and those that wait for one, are found; a task that is its own parent is a ring."""
        parents = {"a": ["c"], "b": ["a"], "c": ["b"], "waits": ["c"], "free": [], "self": ["self"]}
        self.assertEqual(waiting_in_rings(parents), {"a", "b", "c", "waits", "self"})

    @given(
        strategies.dictionaries(
            strategies.integers(0, 9).map(str), strategies.lists(strategies.integers(0, 9).map(str))
        )
    )
    def test_upward_parents_never_ring(self, parents: dict[str, list[str]]) -> None:
        """Tasks whose parents all have a lower number are never in a ring."""
        lower = {task: [parent for parent in wanted if parent < task] for task, wanted in parents.items()}
        self.assertEqual(waiting_in_rings(lower), frozenset())


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

    def test_rotation_of_gzip(self) -> None:
        """A packed log becomes number 0 of its own name (configuration.md 13)."""
        self.assertEqual(
            rotation("x", ["x", "x.gz", "x.gz.0"]), [("x.gz.0", "x.gz.1"), ("x.gz", "x.gz.0"), ("x", "x.1")]
        )


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


class ImagePathTests(SynchronousTestCase):
    def test_images(self) -> None:
        """Absolute paths of images, as Linux and Windows write them, are taken."""
        for path in (
            "/render/a/frame-000001.exr",
            "R:/render/1.PNG",
            "R:\\render\\1.jpg",
            "//server/share/1.jpeg",
            "/zoë/1.png",
        ):
            self.assertTrue(is_plain_image_path(path), path)

    def test_traps(self) -> None:
        """Whatever an image converter might take for something else is not (worker-api.md 4.9)."""
        for path in (
            "https://example.com/a.png", "@/etc/a.png", "relative.png", "png:/a.png", "/a.txt", "/a", "", "/../a.png",
            "/a\n.png", "/a\0.png", "/" + "a" * 5000 + ".png", "-size /a.png", "C:a.png",
        ):  # fmt: skip
            self.assertFalse(is_plain_image_path(path), path)

    @given(strategies.text(alphabet=string.printable))
    def test_never_fails(self, path: str) -> None:
        """Any text is judged, and what is taken begins like an absolute path."""
        if is_plain_image_path(path):
            self.assertTrue(path[0] in "/\\" or path[1] == ":")
