"""How much room there is on the disks that the Manager writes to."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from attrs import define, field, frozen
from twisted.logger import Logger

from flamenco_mgr.threads import InThread

LOOK_EVERY = 30.0
"""Seconds between two looks."""


@frozen(kw_only=True)
class Room:
    """Bytes of a disk, and how many of them are free."""

    size: int
    free: int


@define(eq=False, kw_only=True)
class DiskSpace:
    """Looks at the disks of some directories, by what is in them; a disk of the network may take its time to answer."""

    _log: ClassVar[Logger] = Logger()

    directories: Mapping[str, Path]
    in_thread: InThread
    rooms: Mapping[str, Room] = field(init=False, factory=dict)

    async def look(self) -> None:
        """See how much room there is; of a disk that cannot be asked nothing is known."""
        self.rooms = await self.in_thread(self._all)

    def _all(self) -> dict[str, Room]:
        found = {name: _room(path) for name, path in self.directories.items()}
        return {name: room for name, room in found.items() if room is not None}


def _room(directory: Path) -> Room | None:
    for path in (directory, *directory.parents):  # it is made when it is needed
        try:
            usage = shutil.disk_usage(path)
        except FileNotFoundError:
            continue
        except OSError:
            return None
        return Room(size=usage.total, free=usage.free)
    return None
