"""Directories with the mode that they are meant to have, whatever the umask is."""

from pathlib import Path

OPEN = 0o755
"""Everybody may look in, the owner alone may change something."""


def make_folders(directory: Path, mode: int = OPEN) -> None:
    """
    Make a directory, if it is not there, and those above it that are missing; these are `OPEN`.

    Python gives a mode to the last of them alone, and the others what the umask leaves: all of it, if that is 0.
    """
    for parent in reversed([one for one in directory.parents if not one.exists()]):
        parent.mkdir(mode=OPEN, exist_ok=True)
    directory.mkdir(mode=mode, exist_ok=True)
