"""
A program of which samples are taken: where it is, at each tick of the kernel's clock while it is at work.

``python -m bench.sampled RESULT MODULE [ARGUMENT …]`` runs a module, ``twistd`` for that one. SIGUSR2 begins the
sampling, and the next one ends it and writes to RESULT, as JSON, how many samples fell into each layer. A signal's
handler is called between two steps of Python, so that the time of C code counts for the function that called it.
"""

import json
import runpy
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

from attrs import define, field

from bench.layers import layer_of

_EVERY = 0.001
"""Seconds of processor time; the kernel makes a whole tick of it, which is four times as long on many machines."""


@define(eq=False)
class Sampler:
    """Counts samples by the layer in which they find the program."""

    result: Path
    _counts: Counter[str] = field(init=False, factory=Counter)
    _running: bool = field(init=False, default=False)
    _known: dict[tuple[str, str], str | None] = field(init=False, factory=dict)

    def turn(self, _signal: int, _frame: FrameType | None) -> None:
        """Begin, or end."""
        self._running = not self._running
        if self._running:
            self._counts.clear()
            signal.setitimer(signal.ITIMER_PROF, _EVERY, _EVERY)
            return
        signal.setitimer(signal.ITIMER_PROF, 0)
        fresh = self.result.with_suffix(".new")
        fresh.write_text(json.dumps(self._counts))
        fresh.rename(self.result)

    def sample(self, _signal: int, frame: FrameType | None) -> None:
        """Count the layer of the innermost function that is of any."""
        while frame is not None:
            layer = self._layer(frame)
            if layer is not None:
                self._counts[layer] += 1
                return
            frame = frame.f_back
        self._counts["other"] += 1

    def _layer(self, frame: FrameType) -> str | None:
        key = (str(frame.f_globals.get("__name__", "")), frame.f_code.co_name)
        if key not in self._known:
            self._known[key] = layer_of(*key)
        return self._known[key]


def main() -> None:
    """Run the program."""
    result, module, *arguments = sys.argv[1:]
    sampler = Sampler(Path(result))
    signal.signal(signal.SIGUSR2, sampler.turn)
    signal.signal(signal.SIGPROF, sampler.sample)
    signal.siginterrupt(signal.SIGPROF, False)
    sys.argv = [module, *arguments]
    if module == "twistd":
        from twisted.scripts.twistd import run  # noqa: PLC0415 what another module needs is its own affair

        run()
    else:
        runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
