"""What a Manager writes to its log, as soon as it is there: it tells when something is done, and costs it nothing."""

import time
from collections import deque
from pathlib import Path

from attrs import define, field

from bench.processes import Broken

_POLL = 0.01


@define(eq=False)
class LogLines:
    """A log, from a certain place on."""

    path: Path
    _place: int = field(init=False)
    _lines: deque[str] = field(init=False, factory=deque)
    _rest: bytes = field(init=False, default=b"")

    def __attrs_post_init__(self) -> None:
        """Begin at its end."""
        self._place = self.path.stat().st_size

    def wait_for(self, *words: str, count: int = 1, patience: float = 60.0) -> tuple[float, float]:
        """Wait for so many lines with all these words; return when the first and the last came, by the steady clock."""
        end, found, first = time.perf_counter() + patience, 0, 0.0
        while time.perf_counter() < end:
            self._read()
            while self._lines:
                line = self._lines.popleft()
                if all(word in line for word in words):
                    found += 1
                    first = first or time.perf_counter()
                    if found == count:
                        return first, time.perf_counter()
            time.sleep(_POLL)
        raise Broken(f"{self.path} has {found} instead of {count} lines with {' … '.join(words)}")

    def _read(self) -> None:
        with self.path.open("rb") as file:
            file.seek(self._place)
            arrived = file.read()
        self._place += len(arrived)
        *lines, self._rest = (self._rest + arrived).split(b"\n")
        self._lines.extend(line.decode() for line in lines)
