"""One simulation from beginning to end, in a directory of its own."""

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from attrs import frozen

from tests.simulation.faults import Fault
from tests.simulation.world import World

_IN_MEMORY: Final = Path("/dev/shm")  # noqa: S108 it is where files are in memory, if it is there


@frozen(kw_only=True)
class Result:
    """
    What came of a seed.

    ``faults`` are those that happened, ``hits`` which kind of them met which operation how often.
    """

    seed: int
    violations: Sequence[str]
    faults: Sequence[Fault]
    lines: Sequence[str]
    steps: int
    workers: int
    hits: Mapping[tuple[str, str], int]


def simulate(
    seed: int,
    *,
    faults: Sequence[int] | None = None,
    steps: int | None = None,
    show: Callable[[str], None] = lambda line: None,  # noqa: ARG005
) -> Result:
    """Simulate a seed, with all faults of its schedule or only these, to its end or for so many steps."""
    where = _IN_MEMORY if os.access(_IN_MEMORY, os.W_OK) else None
    directory = Path(tempfile.mkdtemp(prefix="simulation-", dir=where))
    try:
        world = World(seed=seed, directory=directory, faults=faults, show=show)
        try:
            world.run(steps)
        finally:
            world.close()
    finally:
        shutil.rmtree(directory)
    return Result(
        seed=seed,
        violations=tuple(world.violations),
        faults=tuple(world.schedule),
        lines=tuple(world.trace.lines),
        steps=world.steps,
        workers=world.plan.workers,
        hits=Counter(world.hits),
    )
