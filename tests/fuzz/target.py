"""What is fuzzed: a function of bytes, the errors it may end with, and how much it may cost."""

import resource
import time
from collections.abc import Callable, Iterable
from typing import Final

from attrs import field, frozen

SECONDS: Final = 5.0
"""Of processor time that one input may cost, whatever is in it: so much even where each line is traced."""

BYTES: Final = 384 << 20
"""By which one input may raise the most memory that the process has had."""

_KIBIBYTE: Final = 1024

Parse = Callable[[bytes], object]


class Finding(Exception):
    """An input that ends otherwise than documented, or costs too much; the text says how."""


def _none() -> Iterable[bytes]:
    return ()


@frozen(kw_only=True, eq=False)
class Target:
    """
    A parser, and what may become of bytes that it is given.

    ``parse`` returns, or raises one of ``errors``; it fails by `AssertionError` if a value has not the properties that
    it should have. ``seeds`` are inputs that say something to it, ``words`` are what such inputs consist of. ``large``
    makes inputs that are too large to be kept, each meant to cost too much. ``slow``: an input takes milliseconds;
    ``seconds`` are what it may take.
    """

    name: str
    parse: Parse
    errors: tuple[type[Exception], ...]
    seeds: tuple[bytes, ...]
    words: tuple[bytes, ...] = ()
    large: Callable[[], Iterable[bytes]] = field(default=_none)
    slow: bool = False
    seconds: float = SECONDS

    def look_at(self, data: bytes) -> None:
        """Parse an input; raises `Finding` unless all is as it should be."""
        memory, began = _most_memory(), time.process_time()
        try:
            self.parse(data)
        except self.errors:
            pass
        except Exception as e:
            raise Finding(f"{self.name}: {type(e).__name__}: {e} (of {_shown(data)})") from e
        seconds, grown = time.process_time() - began, _most_memory() - memory
        if seconds > self.seconds:
            raise Finding(f"{self.name}: {seconds:.1f} s of processor time (for {_shown(data)})")
        if grown > BYTES:
            raise Finding(f"{self.name}: {grown >> 20} MiB more (for {_shown(data)})")


def _most_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIBIBYTE


def _shown(data: bytes) -> str:
    return f"{data[:200]!r}{f'… of {len(data):,} bytes' if len(data) > 200 else ''}"
