"""
``python -m tests.fuzz.keep WORK``: keeps, of what runs have found, the few small inputs that reach most.

Of each target those are kept, one after the other, that run the most lines of the Manager that none of the seeds, and
none of those kept before, has run.
"""

import sys
from collections.abc import Iterable
from pathlib import Path
from types import FrameType
from typing import Any

from tests.fuzz import corpus
from tests.fuzz.engines import found_so_far
from tests.fuzz.target import Finding, Target
from tests.fuzz.targets import ALL

Line = tuple[str, int]

_MOST_LOOKED_AT = 400
"""Inputs of a target, the smallest ones."""


def main(work: Path) -> None:
    """Keep inputs of all targets."""
    for name, target in ALL.items():
        for old in (corpus.KEPT / name).glob("*"):
            old.unlink()
        paths = sorted(found_so_far(work, name).glob("*"), key=lambda path: (path.stat().st_size, path.name))
        small = [path.read_bytes() for path in paths if path.stat().st_size <= corpus.LARGEST][:_MOST_LOOKED_AT]
        for data in _best(target, small):
            sys.stdout.write(f"{corpus.keep(name, data)}\n")


def _best(target: Target, candidates: Iterable[bytes]) -> Iterable[bytes]:
    known: set[Line] = set()
    for seed in target.seeds:
        known |= _lines(target, seed)
    reached = {data: _lines(target, data) for data in candidates}
    for _ in range(corpus.MOST):
        data = max(reached, key=lambda one: (len(reached[one] - known), -len(one)), default=None)
        if data is None or not reached[data] - known:
            return
        known |= reached[data]
        yield data


def _lines(target: Target, data: bytes) -> set[Line]:
    """Return the lines of the Manager that an input runs."""
    found: set[Line] = set()

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if "flamenco_mgr" not in frame.f_code.co_filename:
            return None
        if event == "line":
            found.add((frame.f_code.co_filename, frame.f_lineno))
        return trace

    sys.settrace(trace)
    try:
        target.look_at(data)
    except Finding:
        return set()
    finally:
        sys.settrace(None)
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]))
