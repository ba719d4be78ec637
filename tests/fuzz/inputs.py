"""How inputs are made: a seed of the target's, changed here and there, or something out of its words."""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from hypothesis import strategies as st

from tests.fuzz.target import Target

_MOST_CHANGES: Final = 6
_LONGEST_CUT: Final = 16
_LONGEST_NEW: Final = 8

Edit = tuple[int, int, bytes]
"""Where, as a share of the text in thousandths; how many bytes go; what comes in their place."""


def edited(seed: bytes, edits: Sequence[Edit]) -> bytes:
    """Return a text with some changes."""
    for share, gone, new in edits:
        at = len(seed) * share // 1000
        seed = seed[:at] + new + seed[at + gone :]
    return seed


def strategy(target: Target, kept: Sequence[bytes]) -> "st.SearchStrategy[bytes]":
    """Return hypothesis' way to inputs of a target."""
    pieces = st.binary(max_size=_LONGEST_NEW)
    if target.words:
        pieces |= st.sampled_from(target.words)
    edit = st.tuples(st.integers(0, 1000), st.integers(0, _LONGEST_CUT), pieces)
    return st.builds(
        edited, st.sampled_from((*target.seeds, *kept)), st.lists(edit, max_size=_MOST_CHANGES)
    ) | st.lists(pieces, max_size=20).map(b"".join)


def random_inputs(target: Target, kept: Sequence[bytes], chance: random.Random) -> Iterator[bytes]:
    """Yield inputs without end, for a Python that has no fuzzer which is guided by what is covered."""
    seeds = (*target.seeds, *kept)
    pieces: tuple[Callable[[], bytes], ...] = (
        lambda: chance.randbytes(chance.randrange(_LONGEST_NEW)),
        lambda: chance.choice(target.words or (b"",)),
        lambda: _slice(chance.choice(seeds), chance),
    )
    while True:
        edits = [
            (chance.randrange(1001), chance.randrange(_LONGEST_CUT), chance.choice(pieces)())
            for _ in range(chance.randint(1, _MOST_CHANGES))
        ]
        yield edited(chance.choice(seeds), edits)


def _slice(seed: bytes, chance: random.Random) -> bytes:
    begin = chance.randrange(len(seed) + 1)
    return seed[begin : begin + chance.randrange(40)]
