"""The inputs that are kept: few and small, each of which reaches what no other one does."""

from hashlib import sha256
from pathlib import Path
from typing import Final

KEPT: Final = Path(__file__).with_name("corpus")

MOST: Final = 4
"""Inputs that are kept of a target."""

LARGEST: Final = 600
"""Bytes of one."""


def kept(name: str) -> tuple[bytes, ...]:
    """Return the kept inputs of a target, in an order that does not change."""
    return tuple(path.read_bytes() for path in sorted((KEPT / name).glob("*")))


def keep(name: str, data: bytes) -> Path:
    """Keep an input of a target."""
    path = KEPT / name / sha256(data).hexdigest()[:12]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
