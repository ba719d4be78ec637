"""Where the demonstration renders for real: the programs, and the folders of jobs and images."""

import platform
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from attrs import frozen

from flamenco_mgr.demo.real.job import SCENE, VIDEO
from flamenco_mgr.scenes import test_scene

PROGRAMS: Final = ("blender", "ffmpeg")

RESULTS: Final = "render"
"""The folder in the demonstration's directory that has what was made."""

_JOBS: Final = "jobs"


class ProgramsMissing(Exception):
    """Not all programs are installed; says in a line which are not, and how to get them."""


@frozen(kw_only=True)
class Studio:
    """``programs`` are their paths by name; all files are below ``directory``."""

    directory: Path
    programs: Mapping[str, str]

    @classmethod
    def of(cls, directory: Path) -> "Studio":
        """Return the studio of this machine; raises `ProgramsMissing`."""
        found = {program: shutil.which(program) for program in PROGRAMS}
        missing = [program for program, path in found.items() if path is None]
        if missing:
            raise ProgramsMissing(
                f"To render for real {' and '.join(PROGRAMS)} are needed, and {' and '.join(missing)} cannot be found: "
                f"install with apt install --no-install-recommends {' '.join(missing)} (Debian, Ubuntu), or see to PATH"
            )
        return cls(directory=directory, programs={program: path for program, path in found.items() if path})

    @property
    def video(self) -> Path:
        """The video, when it is ready."""
        return self.directory / RESULTS / "flamingo" / VIDEO

    @property
    def frames(self) -> int:
        """How many frames are beside the video."""
        return len(list(self.video.parent.glob("*.png")))

    def variables(self) -> Mapping[str, Mapping[str, str]]:
        """Return the Manager's variables, each with its value on this machine's platform."""
        values = {
            # The Workers share the machine's processors.
            "blender": f"{self.programs['blender']} --factory-startup --threads 1",
            "ffmpeg": self.programs["ffmpeg"],
            "job_storage": str(self.directory / _JOBS),
            "render": str(self.directory / RESULTS),
        }
        return {name: {here(): value} for name, value in values.items()}

    def prepare(self) -> None:
        """Put the scene where a user's Blender would have put it."""
        (self.directory / _JOBS).mkdir()
        (self.directory / _JOBS / SCENE).write_bytes(test_scene())


def here() -> str:
    """Return this machine's platform, as Workers name theirs."""
    return platform.system().lower()
