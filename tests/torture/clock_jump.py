"""A time of day that jumps, for a Manager and nobody else."""

import shutil
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path

from attrs import field, frozen

_SOURCE = Path(__file__).with_name("clock_jump.c")


@frozen(eq=False, kw_only=True)
class JumpingClock:
    """
    A clock below a directory, which is right at first; without a C compiler it cannot be, and stays right.

    ``environment`` is what processes are given that are to live by it.
    """

    directory: Path
    environment: Mapping[str, str] = field(init=False)

    @environment.default
    def _made(self) -> Mapping[str, str]:
        compiler = shutil.which("cc")
        if compiler is None:
            return {}
        library, offset = self.directory / "clock_jump.so", self.directory / "clock_jump"
        words = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(_SOURCE), "-ldl"]
        subprocess.run(words, check=True, capture_output=True)
        offset.write_bytes(struct.pack("=q", 0))
        return {"LD_PRELOAD": str(library), "CLOCK_JUMP_FILE": str(offset)}

    @property
    def can_jump(self) -> bool:
        """Whether there is a compiler."""
        return bool(self.environment)

    def set(self, seconds: int) -> None:
        """Let the time of day be wrong by so many seconds, at once."""
        if self.can_jump:
            with (self.directory / "clock_jump").open("r+b") as file:
                file.write(struct.pack("=q", seconds))
