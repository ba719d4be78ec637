"""Fuzzing finds what there is to find."""

import time
from itertools import islice
from random import Random
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.fuzz import corpus
from tests.fuzz.engines import by_chance
from tests.fuzz.inputs import random_inputs
from tests.fuzz.target import Finding, Target
from tests.fuzz.targets import ALL


def _target(parse: Any) -> Target:
    return Target(name="a", parse=parse, errors=(ValueError,), seeds=(b"a",), seconds=0.2)


def _waste(_: bytes) -> None:
    until = time.process_time() + 0.3
    while time.process_time() < until:
        sum(range(10_000))


class TargetTests(SynchronousTestCase):
    """What counts as a finding."""

    def test_documented(self) -> None:
        """A value, and a documented error or a kind of it, are none."""
        _target(bytes.decode).look_at(b"a")
        _target(bytes.decode).look_at(b"\xff")

    def test_another_error(self) -> None:
        """An error that is not documented is one, and names the input."""
        finding = self.assertRaises(Finding, _target(lambda data: {}[data]).look_at, b"\x07")
        self.assertIn(r"KeyError: b'\x07'", str(finding))

    def test_property(self) -> None:
        """So is a value that is not as it should be."""

        def parse(data: bytes) -> None:
            assert data.isdigit()

        self.assertRaises(Finding, _target(parse).look_at, b"a")

    def test_time(self) -> None:
        """So is an input that takes too long."""
        self.assertIn("processor time", str(self.assertRaises(Finding, _target(_waste).look_at, b"")))


class EngineTests(SynchronousTestCase):
    """Inputs by chance."""

    def test_seed(self) -> None:
        """A seed makes the same inputs again, another one others."""
        target = ALL["server-task"]
        first, again, other = (list(islice(random_inputs(target, (), Random(seed)), 50)) for seed in (1, 1, 2))
        self.assertEqual(first, again)
        self.assertNotEqual(first, other)

    def test_count(self) -> None:
        """As many inputs are looked at as are asked for."""
        self.assertEqual(by_chance("setting-id", 200, 0, 1), (200, ""))


class CorpusTests(SynchronousTestCase):
    """What is kept."""

    def test_small(self) -> None:
        """It is of targets that there are, little of each, and small."""
        # A checkout has no empty directories.
        for directory in corpus.KEPT.iterdir() if corpus.KEPT.is_dir() else ():
            self.assertIn(directory.name, ALL)
            kept = corpus.kept(directory.name)
            self.assertLessEqual(len(kept), corpus.MOST)
            for data in kept:
                self.assertLessEqual(len(data), corpus.LARGEST)
