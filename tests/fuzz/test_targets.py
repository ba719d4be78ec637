"""Each parser that meets strangers' bytes ends as documented."""

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from twisted.trial.unittest import SynchronousTestCase

from tests.fuzz import corpus, inputs
from tests.fuzz.target import Target
from tests.fuzz.targets import ALL

_EXAMPLES = 20
_SLOW_EXAMPLES = 5


def _spread(target: Target) -> Callable[[Any], None]:
    def test(self: SynchronousTestCase) -> None:  # noqa: ARG001 as trial calls it
        for data in (*target.seeds, *corpus.kept(target.name)):
            target.look_at(data)

        @settings(max_examples=_SLOW_EXAMPLES if target.slow else _EXAMPLES, database=None, derandomize=True)
        @given(data=inputs.strategy(target, corpus.kept(target.name)))
        def look(data: bytes) -> None:
            target.look_at(data)

        look()

    test.__doc__ = f"What {target.name} reads becomes a value, or a documented error."
    return test


def _enormous(target: Target) -> Callable[[Any], None]:
    def test(self: SynchronousTestCase) -> None:  # noqa: ARG001 as trial calls it
        for data in target.large():
            target.look_at(data)

    test.__doc__ = f"What is meant to cost {target.name} too much does not."
    return test


class TargetTests(SynchronousTestCase):
    """One test for each target, and one for its enormous inputs."""


for _name, _target in ALL.items():
    setattr(TargetTests, f"test_{_name.replace('-', '_')}", _spread(_target))
    setattr(TargetTests, f"test_{_name.replace('-', '_')}_enormous", _enormous(_target))
